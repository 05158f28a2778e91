"""The network as one graph over padded batches of sessions: the simple way to score."""

from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.reading import Reading
from models.runtime import open_graph
from models.words import Vectors

_LARGEST_BATCH = 256
# Sessions x length x length: the attention holds several such float32 arrays at once, and the agent
# must stay small. 2000 lines, the longest session by default, go alone.
_MOST_CELLS = 4_000_000


class Outcome(NamedTuple):
    """probability: float32 [sessions], of an anomaly; weights: float32 [fed], attention on each
    event that was fed, end to end; they add up to 1 in each session."""

    probability: Vectors
    weights: Vectors


class PlainNetwork:
    """network: content of network.onnx; events: how many ids its table has. It is opened when it
    is first needed, which raises UserError where ONNX Runtime refuses it; see
    ``runtime.open_graph``."""

    def __init__(self, network: bytes, events: int, dimension: int, provider: str) -> None:
        self._opened = partial(open_graph, "network.onnx", network, provider)
        self._events = events
        self._nothing = np.zeros((1, dimension), dtype=np.float32)

    def open(self) -> None:
        """Now, and not with the first sessions."""
        _ = self._session

    @cached_property
    def _session(self) -> Any:
        return self._opened()

    def run(self, reading: Reading, host: Vectors) -> Outcome:
        """host: float32 [host events, dimension], vectors of the ids from ``events`` on."""
        lengths = reading.lengths
        starts = np.cumsum(lengths) - lengths
        probability = np.empty(len(lengths), dtype=np.float32)
        weights = np.empty(len(reading.kinds), dtype=np.float32)
        for chosen in batches(lengths, _LARGEST_BATCH, _MOST_CELLS):
            longest = int(lengths[chosen].max())
            steps = np.arange(longest)
            real = steps < lengths[chosen, None]
            places = (starts[chosen, None] + steps)[real]
            kinds = np.zeros(real.shape, dtype=np.int64)
            kinds[real] = reading.kinds[places]
            ids, vectors = self._narrowed(reading.events[kinds], host)
            found, attention = self._session.run(
                ["probability", "weights"],
                {
                    "event_ids": ids,
                    "lengths": lengths[chosen],
                    "features": reading.features[kinds] * real[:, :, None],
                    "session": reading.session[chosen],
                    "host_vectors": vectors,
                },
            )
            probability[chosen] = found
            weights[places] = attention[real]
        return Outcome(probability, weights)

    def _narrowed(self, ids: NDArray[np.int64], host: Vectors) -> tuple[NDArray[np.int64], Vectors]:
        """Only those host events that are met: the graph copies their vectors in every run."""
        met = ids >= self._events
        if not met.any():
            return ids, self._nothing
        rows, places = np.unique(ids[met] - self._events, return_inverse=True)
        narrowed = ids.copy()
        narrowed[met] = self._events + places.ravel()
        return narrowed, host[rows]


def batches(lengths: NDArray[np.int64], most: int, most_cells: int) -> list[NDArray[np.intp]]:
    """Sessions in batches of about equal length, the shortest first.

    most: sessions in a batch; most_cells: sessions x longest x longest, but for a session alone.
    """
    order = np.argsort(lengths, kind="stable")
    ordered = lengths[order].tolist()
    found = []
    start = 0
    while start < len(order):
        stop = start + 1
        while (
            stop < len(order)
            and stop - start < most
            and (stop - start + 1) * ordered[stop] ** 2 <= most_cells
        ):
            stop += 1
        found.append(order[start:stop])
        start = stop
    return found
