"""The paper's tables, run on the sample logs: ``metalog-train compare`` in both directions.

    python -m benchmarks.comparison run --data DATA --out build/comparison
    python -m benchmarks.comparison page --out build/comparison

The second keeps figures of what the first has left here, a JSON a comparison, and writes
docs/results.md and docs/results/.
"""
