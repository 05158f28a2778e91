"""What was read of each source, for as many of them as may be told apart."""

from collections.abc import Mapping

from agent.follow import LineBatch
from agent.metrics.snapshot import SourceFigures

# Each is a time series for every metric that has it; the rest is counted together.
MOST_SOURCES = 200
OTHER = "other"
# A source that is gone gives its place away after so long.
_SECONDS_KEPT = 3600.0


class Reads:
    """Counts by source. The first ``most`` sources have a place of their own; what comes after them
    is ``other`` until a place is free."""

    def __init__(self, most: int = MOST_SOURCES) -> None:
        self._most = most
        self._counts: dict[str, list[int]] = {}
        self._seen_at: dict[str, float] = {}
        self._other = [0, 0]
        self._batches = self._batches_before = 0
        self._unread_since: float | None = None

    def take(self, batch: LineBatch) -> None:
        if batch.lines:
            self.add(batch.source, len(batch.lines), _size(batch))

    def add(self, source: str, lines: int, size: int) -> None:
        """A batch: its lines and their bytes."""
        counts = self._place(source)
        counts[0] += lines
        counts[1] += size
        self._batches += 1

    def figures(self, unread: Mapping[str, int], now: float) -> dict[str, SourceFigures]:
        """By source. unread: bytes, of all sources that are followed now."""
        waiting: dict[str, int] = {}
        other = 0
        for source, count in unread.items():
            self._place(source)
            if source in self._counts:
                waiting[source] = count
                self._seen_at[source] = now
            else:
                other += count
        for source in self._counts.keys() - waiting.keys():
            if now - self._seen_at.setdefault(source, now) > _SECONDS_KEPT:
                del self._counts[source], self._seen_at[source]
        found = {
            source: SourceFigures(lines, size, waiting.get(source, 0))
            for source, (lines, size) in self._counts.items()
        }
        if other or any(self._other):
            found[OTHER] = SourceFigures(self._other[0], self._other[1], other)
        return found

    def unread_since(self, unread: int, now: float) -> float | None:
        """Since when there was something to read and nothing was read; None where there is none.
        To be asked again and again. unread: bytes in files that can be read."""
        moved, self._batches_before = self._batches != self._batches_before, self._batches
        if not unread:
            self._unread_since = None
        elif moved or self._unread_since is None:
            self._unread_since = now
        return self._unread_since

    def _place(self, source: str) -> list[int]:
        counts = self._counts.get(source)
        if counts is None:
            if len(self._counts) >= self._most:
                return self._other
            counts = self._counts[source] = [0, 0]
        return counts


def _size(batch: LineBatch) -> int:
    """Places in a file are bytes; those in the journal are numbers of entries."""
    if batch.path.startswith("/"):
        return batch.ends[-1] - batch.offsets[0]
    return sum(len(line.encode("utf-8", "replace")) + 1 for line in batch.lines)
