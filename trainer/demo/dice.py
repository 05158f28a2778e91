"""Random choices of the demo logs, all drawn from one seeded stream."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


class Dice:
    """A seeded source of the choices a story makes.

    The same seed gives the same choices under the same NumPy release. NumPy does not promise
    its streams across releases (NEP 19), so another release may give other, equally valid logs.
    """

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return int(self._generator.integers(low, high, endpoint=True))

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return bool(self._generator.random() < probability)

    def one_of(self, items: Sequence[Item], weights: Sequence[float] | None = None) -> Item:
        """One of `items`, all alike or by `weights` that sum to 1."""
        if weights is None:
            return items[self.whole(0, len(items) - 1)]
        return items[int(self._generator.choice(len(items), p=weights))]

    def some_of(self, items: Sequence[Item], count: int) -> list[Item]:
        """`count` different ones of `items`, in random order."""
        places = self._generator.choice(len(items), size=count, replace=False)
        return [items[int(place)] for place in places]

    def hexadecimal(self, digits: int) -> str:
        """A string of lower-case hexadecimal digits."""
        return self._generator.bytes((digits + 1) // 2).hex()[:digits]

    def waiting_time(self, mean: float) -> float:
        """Seconds to the next of many independent arrivals (exponential)."""
        return float(self._generator.exponential(mean))

    def response_time(self, median: float) -> float:
        """Seconds that a piece of work takes: most near the median, a few much longer."""
        return float(median * self._generator.lognormal(0.0, 0.7))

    def interleaved(self, *tracks: Sequence[Item]) -> list[Item]:
        """All items of all tracks; each track keeps its own order, the tracks mix freely."""
        turns = [track for track, items in enumerate(tracks) for _ in items]
        remaining = [iter(items) for items in tracks]
        return [next(remaining[int(track)]) for track in self._generator.permutation(turns)]
