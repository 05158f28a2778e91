"""Sessions of a user's system as a bundle sees them: their events, scores, and reasons."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.contribution import contributions
from models.history import History
from models.plain_network import PlainNetwork
from models.reading import Inputs, Reading
from models.scorer import Scorer
from models.words import Vectors
from trainer.batches import Rows
from trainer.corpus import ANOMALOUS, UNLABELLED, Corpus
from trainer.splits import Indices
from trainer.systems import System
from trainer.thresholds import threshold_of_adapted
from trainer.views import Known, described_by_others

# Of more sessions a random sample is looked at: they are compared with each other.
MOST_SESSIONS = 20_000
# A bundle knows a system where its own templates take so many of the lines.
_KNOWN_LINES = 0.5


@dataclass(frozen=True)
class Reason:
    """An event of a session. weight: what it adds to the score, in log-odds; new: unknown to the
    bundle; line: the first with it, from 0; count: how many there are."""

    template: str
    weight: float
    new: bool
    line: int
    count: int


@dataclass(frozen=True)
class Sighting:
    """Sessions of a corpus, one entry each in ``sessions`` (their numbers in the corpus),
    ``sequences`` (events), ``labels`` (0, 1 or -1) and ``scores`` (float64).

    templates: by event id; trained: how many of them are the bundle's. threshold: anomalous from
    this score on. by_bundle: sessions were described by the bundle's history, and not by each
    other.
    """

    corpus: Corpus
    sessions: Indices
    sequences: list[Rows]
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    templates: tuple[str, ...]
    trained: int
    threshold: float
    by_bundle: bool
    scorer: Scorer

    def reasons(self, places: Sequence[int]) -> list[list[Reason]]:
        """Why some sessions have their scores: the events of each, the heaviest first."""
        if not self.by_bundle and self.scorer.history is not None:
            self.scorer.renew(self._history_without(places), self.templates)
        sequences = [self.sequences[place].tolist() for place in places]
        found = contributions(self.scorer, sequences, self.scorer.score(sequences))
        return [
            [self._reason(event, weight, sequence) for event, weight in weights.items()]
            for weights, sequence in zip(found, sequences, strict=True)
        ]

    def _history_without(self, places: Sequence[int]) -> History:
        left = np.ones(len(self.sequences), dtype=bool)
        left[list(places)] = False
        anomalous = self.labels == ANOMALOUS
        return History.of(
            [self.sequences[i] for i in np.flatnonzero(left & ~anomalous)],
            [self.sequences[i] for i in np.flatnonzero(left & anomalous)],
            len(self.templates),
            labelled=False,
        )

    def _reason(self, event: int, weight: float, sequence: list[int]) -> Reason:
        return Reason(
            self.templates[event],
            weight,
            event >= self.trained,
            sequence.index(event),
            Counter(sequence)[event],
        )


def see(bundle: Bundle, corpus: Corpus, rng: np.random.Generator) -> Sighting:
    """Score the sessions of a corpus, as on a host of this system.

    Where the bundle's history is of another system, or of none, each session is described by the
    others, which nobody vouches for: all but those labelled anomalous; and the threshold comes from
    their scores.
    """
    sessions = _sample(np.asarray(corpus.labels), rng)
    system = System(corpus, sessions, bundle.templates, 0)
    parser = system.parser(bundle.manifest.drain)
    sequences = system.sequences(sessions, parser)
    labels = system.labels(sessions)
    scorer = Scorer(bundle)
    scorer.learn(parser)
    events = np.concatenate(sequences)
    knows = (events < parser.trained).mean() >= _KNOWN_LINES
    history = scorer.history
    by_bundle = history is None or (history.sessions > 0 and bool(knows))
    if by_bundle:
        found = scorer.score(sequences)
        scores = np.array([score.probability for score in found])
        threshold = bundle.manifest.threshold
    else:
        vectors = bundle.embedder().embed_all(parser.templates)
        known = Known(parser.templates, vectors, bundle.words, sequences, labels)
        scores = _scored(bundle, known, described_by_others(known, rng))
        threshold, _ = threshold_of_adapted(scores.astype(np.float32), labels)
    return Sighting(
        corpus, sessions, sequences, labels, scores, parser.templates, parser.trained, threshold,
        by_bundle, scorer,
    )  # fmt: skip


def _sample(labels: NDArray[np.int8], rng: np.random.Generator) -> Indices:
    unknown = np.flatnonzero(labels == UNLABELLED)
    if len(unknown) > MOST_SESSIONS:
        unknown = rng.choice(unknown, size=MOST_SESSIONS, replace=False)
    return np.union1d(unknown, np.flatnonzero(labels != UNLABELLED))


def _scored(bundle: Bundle, known: Known, inputs: Inputs) -> NDArray[np.float64]:
    """P(anomaly) of sessions that each have a history of their own."""
    network = PlainNetwork(bundle.network, bundle.manifest.events, bundle.words.dimension, "auto")
    fed = [row[kept] for row, kept in zip(known.sequences, inputs.places, strict=True)]
    lengths = np.array([len(row) for row in fed], dtype=np.int64)
    reading = Reading(
        lengths,
        np.concatenate(inputs.places),
        np.arange(lengths.sum()),
        np.concatenate(fed),
        np.concatenate(inputs.features),
        inputs.session,
    )
    host: Vectors = known.vectors[bundle.manifest.events :]
    return network.run(reading, host).probability.astype(np.float64)
