"""What the network reads of sessions beside their events, by one frozen history."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.description import Describer
from models.history import Events, History
from models.session_inputs import session_inputs
from models.traits import TraitReader
from models.words import Vectors, WordTable

# What the recurrent part reads of a session: it looks at order, and a storm of one event or a very
# long session would only cost time; how often and how long is in the session's numbers.
MOST_FED = 48
MOST_REPEATS = 4


def fed(sequence: Events) -> NDArray[np.intp]:
    """Places of the events that go to the recurrent part: the first four of a kind, 48 in all."""
    occurrences: Counter[int] = Counter()
    kept = []
    for place, event in enumerate(sequence.tolist()):
        occurrences[event] += 1
        if occurrences[event] <= MOST_REPEATS:
            kept.append(place)
            if len(kept) == MOST_FED:
                break
    return np.array(kept, dtype=np.intp)


class Inputs(NamedTuple):
    """Sessions as the network reads them. places: of the events that are fed, by session; features:
    float32 [fed, EVENT_INPUTS] each; session: float32 [sessions, SESSION_INPUTS]."""

    places: list[NDArray[np.intp]]
    features: list[Vectors]
    session: Vectors


class Description:
    """A frozen history, ready to describe sessions of its system to the network.

    templates, vectors: of the history's events, by id. Events met since are made known by
    ``learn``.
    """

    def __init__(
        self,
        history: History,
        templates: Sequence[str],
        vectors: Vectors,
        words: WordTable,
    ) -> None:
        self.history = history
        self._reader = TraitReader(history, templates, vectors, words)
        self._describer = Describer(history, self._reader.traits)

    def learn(self, first: int, templates: Sequence[str], vectors: Vectors) -> None:
        """Events ``first``, ``first + 1``, ... are these now; ids must follow without a gap."""
        if not templates:
            return
        traits = self._describer.traits
        read = self._reader.read(templates, vectors, first)
        self._describer.traits = traits.replaced(first, read)

    def inputs(self, sequences: Sequence[Events]) -> Inputs:
        """Of sessions that the history does not hold."""
        places = [fed(sequence) for sequence in sequences]
        features = [
            self._describer.events(sequence[: kept[-1] + 1])[kept]
            for sequence, kept in zip(sequences, places, strict=True)
        ]
        numbers = self._describer.sessions(sequences)
        return Inputs(places, features, session_inputs(numbers, self.history))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What ``from_arrays`` needs beside the templates."""
        return self.history.arrays()

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, NDArray[np.generic]],
        templates: Sequence[str],
        vectors: Vectors,
        words: WordTable,
    ) -> "Description":
        """Raises KeyError or ValueError where ``arrays`` are not those of ``arrays()``."""
        return cls(History.from_arrays(arrays), templates, vectors, words)
