"""docs/performance.md by script: what was measured, and its tables.

python -m benchmarks.performance --data DATA
"""
