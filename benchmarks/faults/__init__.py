"""What the agent loses and doubles while logs are rotated and it is killed, counted line by line.

Run it as ``python -m benchmarks.faults``; it needs Debian's logrotate and a Python environment with
the extras ``cpu`` and ``train``.
"""
