"""The scorer: P(anomaly) of sessions, with ONNX Runtime."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.events import EventParser
from models.flat import Flat
from models.history import History
from models.plain_network import Outcome, PlainNetwork
from models.reading import Description, Reading
from models.runtime import CUDA, chosen_provider
from models.sequence_cache import SequenceCache, events_of, key_of
from models.stepped_network import SteppedNetwork
from models.words import Vectors

# Sessions and events that are read at once, for the memory.
_READ_TOGETHER = 2_000
_EVENTS_TOGETHER = 200_000
# What the states after the events of sessions that go step by step together may take.
_STATE_BYTES = 16 << 20
# From so many sessions side by side on going step by step is faster than the plain graph, which has
# less to do between two events: 32 that have nothing in common, fewer than 8 that are nearly alike.
_FEWEST_STEPPED = 16


class Score(NamedTuple):
    """probability: of an anomaly. weights: float32 [length], attention on each event, sum 1; it
    cannot be written to, since equal sessions share it."""

    probability: float
    weights: Vectors


class Scorer:
    """Scores sessions of event ids with the network of a bundle.

    provider: "cpu", "cuda" or "auto" (CUDA where ONNX Runtime has it, else the CPU). Raises
    UserError where ONNX Runtime is missing, has no such provider or refuses the network.

    stepped: whether sessions go through the network step by step (models.stepped_network) or
    through its plain graph; by default whichever is faster for them. The scores are the same.
    cached: keep scores of sessions as long as they hold.
    """

    def __init__(
        self,
        bundle: Bundle,
        provider: str = "auto",
        *,
        stepped: bool | None = None,
        cached: bool = True,
    ) -> None:
        self.provider = chosen_provider(provider)
        self._embedder = bundle.embedder()
        self._features = bundle.manifest.features
        self._trained = bundle.manifest.events
        self._plain = PlainNetwork(
            bundle.network, self._trained, bundle.manifest.dimension, provider
        )
        self._stepped: SteppedNetwork | None = None
        self._fewest_stepped = _FEWEST_STEPPED if stepped is None else 1
        if stepped is None:
            # On a GPU the states of every step would go to and fro.
            stepped = self.provider != CUDA
        if stepped and bundle.steps is not None:
            vectors = self._embedder.embed_all(bundle.templates)
            self._stepped = SteppedNetwork(bundle.steps, vectors, provider)
        else:
            self._plain.open()
        self._description = bundle.description()
        self._words = bundle.words
        self._cache = SequenceCache[Score]() if cached else None
        self._host_templates: list[str] = []
        # Rows of events that were forgotten: no score that is kept is of one of them.
        self._free: set[int] = set()
        # Its first rows are the host events' vectors, the others room for more.
        self._host_room = np.zeros((16, bundle.manifest.dimension), dtype=np.float32)

    @property
    def history(self) -> History | None:
        """What sessions are described by; None where the network reads no statistics."""
        return None if self._description is None else self._description.history

    def common(self) -> frozenset[int]:
        """Events that one in ten known sessions has, or more; none where nothing is known."""
        return frozenset() if self._description is None else self._description.common()

    def learn(self, parser: EventParser) -> list[int]:
        """Embed the host events of ``parser`` that are new or whose template changed; their ids."""
        changed = sorted(parser.take_changed())
        if not changed:
            return changed
        rows = np.array(changed, dtype=np.int64) - self._trained
        while rows[-1] >= len(self._host_room):
            self._host_room = np.concatenate([self._host_room, self._host_room])
        for event, row in zip(changed, rows.tolist(), strict=True):
            while row >= len(self._host_templates):
                self._free.add(len(self._host_templates))
                self._host_templates.append("")
            if row in self._free:
                self._free.discard(row)
            else:
                # An event that is new was in no session before; this one may have been.
                self.forget()
            self._host_templates[row] = parser.template(event)
            self._host_room[row] = self._embedder.embed(parser.template(event))
        if self._stepped is not None:
            self._stepped.learn(rows + self._trained, self._host_room[rows])
        self._describe(rows)
        return changed

    def release(self, events: Sequence[int]) -> None:
        """Host events that the parser has forgotten: their ids may come to be those of others."""
        rows = [event - self._trained for event in events]
        rows = [row for row in rows if row < len(self._host_templates)]
        for row in rows:
            self._host_templates[row] = ""
        self._free.update(rows)
        if rows:
            self.forget()

    def _describe(self, rows: NDArray[np.int64]) -> None:
        if self._description is not None and len(rows):
            self._description.learn(
                rows + self._trained,
                [self._host_templates[row] for row in rows.tolist()],
                self._host_room[rows],
            )

    def renew(self, history: History, templates: Sequence[str]) -> None:
        """From here on describe sessions by this history, a newer one of the bundle's.

        templates: of the history's events, by id; what ``learn`` knows beyond them, and of them,
        stays known. Only where the network reads statistics.
        """
        vectors = self._embedder.embed_all(templates)
        self._description = Description(history, templates, vectors, self._words)
        rows = set(range(len(self._host_templates))) - self._free
        self._describe(np.array(sorted(rows), dtype=np.int64))
        self.forget()

    def forget(self) -> None:
        """Score again whatever comes, also what was scored before."""
        if self._cache is not None:
            self._cache.clear()

    def score(self, sessions: Sequence[Sequence[int] | NDArray[np.integer]]) -> list[Score]:
        """Scores in the order given. A session's score does not depend on the others.

        sessions: event ids, the bundle's or a learnt host event's; at least one event each.
        Sessions that are the same event by event are scored once, and not again as long as no epoch
        begins and no template changes.
        """
        cache = self._cache
        keys = [key_of(session) for session in sessions]
        if cache is None:
            return self._scored(keys)
        scores = [cache.get(key) for key in keys]
        missing = list({key: None for key, score in zip(keys, scores, strict=True) if not score})
        if not missing:
            return [score for score in scores if score]
        fresh = dict(zip(missing, self._scored(missing), strict=True))
        for key, score in fresh.items():
            cache.put(key, score)
        return [score or fresh[key] for key, score in zip(keys, scores, strict=True)]

    def remarkable(self, sessions: Sequence[Sequence[int]]) -> NDArray[np.bool_]:
        """Open sessions that ``score_open`` may have something to say about, [sessions]; see
        ``Describer.remarkable``. None where nothing is known yet or the network reads no
        statistics: it cannot tell what is still to come."""
        if self._description is None or not self._description.history.sessions or not sessions:
            return np.zeros(len(sessions), dtype=np.bool_)
        keys = [key_of(session) for session in sessions]
        return self._description.remarkable(Flat(*events_of(keys), open=True))

    def score_open(self, sessions: Sequence[Sequence[int]]) -> list[Score]:
        """Scores of sessions that go on, as if each ended the most ordinary way from here; see
        ``Describer.sessions``. Only where the network reads statistics; nothing is remembered."""
        return self._scored([key_of(session) for session in sessions], still_open=True)

    def _scored(self, keys: Sequence[bytes], still_open: bool = False) -> list[Score]:
        scores: list[Score] = []
        start = 0
        while start < len(keys):
            events = 0
            stop = start
            while stop < len(keys) and (
                stop == start
                or (
                    stop - start < _READ_TOGETHER
                    and events + len(keys[stop]) // 4 < _EVENTS_TOGETHER
                )
            ):
                events += len(keys[stop]) // 4
                stop += 1
            scores += self._scored_together(Flat(*events_of(keys[start:stop]), still_open))
            start = stop
        return scores

    def _scored_together(self, flat: Flat) -> list[Score]:
        if self._description is None:
            reading = Reading.plain(flat, self._features)
        else:
            reading = self._description.read(flat)
        found = self._run(reading)
        weights = np.zeros(len(flat.events), dtype=np.float32)
        weights[np.repeat(flat.starts, reading.lengths) + reading.places] = found.weights
        scores = []
        for probability, start, length in zip(
            found.probability.tolist(), flat.starts.tolist(), flat.lengths.tolist(), strict=True
        ):
            # A copy: a part of the whole would keep all of it in memory.
            own = weights[start : start + length].copy()
            own.flags.writeable = False
            scores.append(Score(probability, own))
        return scores

    def _run(self, reading: Reading) -> Outcome:
        if self._stepped is None:
            return self._plain.run(reading, self._host_room)
        most_cells = _STATE_BYTES // self._stepped.state_bytes
        probability = np.empty(len(reading.lengths), dtype=np.float32)
        weights = np.empty(len(reading.kinds), dtype=np.float32)
        for chosen in reading.side_by_side(most_cells):
            part, places = reading.chosen(chosen)
            if len(places) < self._fewest_stepped * part.lengths.max():
                found = self._plain.run(part, self._host_room)
            else:
                found = self._stepped.run(part)
            probability[chosen], weights[places] = found
        return Outcome(probability, weights)
