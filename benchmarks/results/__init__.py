"""docs/results.md by script: what was run, and its tables and plots.

python -m benchmarks.results run --data DATA --out FOLDER
python -m benchmarks.results page --out FOLDER
"""
