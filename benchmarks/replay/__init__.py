"""What the default bundle is worth on a host that it has never seen: raw logs, replayed through the
agent.

    python -m benchmarks.replay --data FOLDER [--system NAME]... [--labels 0,20,50,100]
        [--picks random,suggest] [--seeds 5] [--json FILE]
    python -m benchmarks.replay --data FOLDER --drift [--json FILE]
    python -m benchmarks.replay --data FOLDER --seeds 0 --json FILE --docs docs

The bundle is trained like the default one, but without that system. The first part of the log is
the host's past: old logs to learn from, and to label sessions of. The rest goes through
``agent.watching`` line by line, on a clock that goes by the log.
"""
