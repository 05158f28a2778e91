"""The network step by step: equal beginnings of sessions are computed once.

Only of a one-directional network. What the first layer makes of an event vector is computed once,
when the event is learnt (fold); the recurrent part goes through all sessions event by event, a
distinct prefix at a time (step); what follows needs whole sessions (head).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.history import Events
from models.plain_network import Outcome, batches
from models.prefixes import prefixes
from models.reading import Reading
from models.runtime import open_graph
from models.words import Vectors

# Sessions x members x length x length of a run of the head: 2 MB an array.
_HEAD_CELLS = 500_000
_HEAD_SESSIONS = 64
# Of a GRU, in the order of torch.
GATES = ("reset", "update", "new")


@dataclass(frozen=True)
class Steps:
    """Content of fold.onnx, step.onnx and head.onnx."""

    fold: bytes
    step: bytes
    head: bytes


class SteppedNetwork:
    """Raises UserError where ONNX Runtime refuses a graph; see ``runtime.open_graph``.

    vectors: float32 [events, dimension], of the bundle's events.
    """

    def __init__(self, steps: Steps, vectors: Vectors, provider: str) -> None:
        self._fold = open_graph("fold.onnx", steps.fold, provider)
        self._step = open_graph("step.onnx", steps.step, provider)
        self._head = open_graph("head.onnx", steps.head, provider)
        states = [one for one in self._step.get_inputs() if one.name.startswith("state")]
        self._layers = len(states)
        # [members] or, of one alone, []: states have no such axis then.
        *self._lead, _, self._hidden = states[0].shape
        self._members = self._lead[0] if self._lead else 1
        # [gates, members, room for events, hidden]: the graph reads it where it is.
        self._folded = np.zeros((len(GATES), self._members, 0, self._hidden), dtype=np.float32)
        self.learn(0, vectors)

    @property
    def state_bytes(self) -> int:
        """What the state after one prefix takes."""
        return int(4 * self._members * self._hidden)

    def learn(self, ids: int | Events, vectors: Vectors) -> None:
        """Events with these ids have these vectors now. A number: that one and those that
        follow."""
        if isinstance(ids, int):
            ids = np.arange(ids, ids + len(vectors))
        [rows] = self._fold.run(["folded"], {"vectors": vectors})
        stop = int(ids.max(initial=-1)) + 1
        room = self._folded.shape[2]
        if stop > room:
            # Not twice as many: an event takes 2 KB here, and there may be thousands.
            more = max(stop, room + room // 4 + 16)
            wide = np.zeros((*rows.shape[:2], more, rows.shape[3]), dtype=np.float32)
            wide[:, :, :room] = self._folded
            self._folded = wide
        self._folded[:, :, ids] = rows

    def run(self, reading: Reading) -> Outcome:
        """Holds the states after all prefixes at once: ``state_bytes`` each."""
        lengths = reading.lengths
        found = prefixes(reading.kinds, lengths)
        states = self._states(found.sizes, reading, found.kinds, found.parents)
        starts = np.cumsum(lengths) - lengths
        probability = np.empty(len(lengths), dtype=np.float32)
        weights = np.empty(len(reading.kinds), dtype=np.float32)
        most_cells = _HEAD_CELLS // self._members
        for chosen in batches(lengths, _HEAD_SESSIONS, most_cells):
            longest = int(lengths[chosen].max())
            steps = np.arange(longest)
            real = steps < lengths[chosen, None]
            probability[chosen], attention = self._head.run(
                ["probability", "weights"],
                {
                    "states": states,
                    "places": found.of[chosen, :longest],
                    "lengths": lengths[chosen],
                    "session": reading.session[chosen],
                },
            )
            weights[(starts[chosen, None] + steps)[real]] = attention[real]
        return Outcome(probability, weights)

    def _states(
        self,
        sizes: NDArray[np.int64],
        reading: Reading,
        kinds: NDArray[np.int64],
        parents: NDArray[np.int64],
    ) -> Vectors:
        """The last layer's states after all prefixes, float32 [members, prefixes, hidden]."""
        events, features = reading.events[kinds], reading.features[kinds]
        states = np.empty((*self._lead, len(kinds), self._hidden), dtype=np.float32)
        last = [np.zeros((*self._lead, 1, self._hidden), dtype=np.float32)] * self._layers
        names = [f"next{layer}" for layer in range(self._layers)]
        folded = self._folded.reshape(len(GATES), *self._lead, -1, self._hidden)
        table = {f"folded_{gate}": part for gate, part in zip(GATES, folded, strict=True)}
        start = 0
        for size in sizes.tolist():
            level = slice(start, start + size)
            feed = {**table, **{f"state{layer}": state for layer, state in enumerate(last)}}
            feed["events"], feed["parents"] = events[level], parents[level]
            feed["features"] = features[level]
            last = self._step.run(names, feed)
            states[..., level, :] = last[-1]
            start += size
        return states.reshape(self._members, -1, self._hidden)
