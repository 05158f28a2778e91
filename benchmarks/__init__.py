"""Measurements that take real logs and long runs; nothing of it is installed."""
