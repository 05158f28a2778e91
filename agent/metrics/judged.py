"""What became of sessions, and how long the network took for them."""

from bisect import bisect_left

# Seconds for a batch of sessions: from a single one to the most that are scored together.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Judged:
    """Counted by the batch, from the start of the process on.

    normal, anomalous: sessions that are over, by verdict; one that was told of while it was open is
    anomalous. buckets: batches by the first of ``BOUNDS`` that they did not take longer than, the
    last for longer ones; seconds: of all of them.
    """

    def __init__(self) -> None:
        self.normal = 0
        self.anomalous = 0
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    def ended(self, sessions: int, anomalous: int) -> None:
        self.normal += sessions - anomalous
        self.anomalous += anomalous

    def took(self, seconds: float) -> None:
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds
