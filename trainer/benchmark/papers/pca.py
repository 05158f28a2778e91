"""PCA: what of a session's event counts the directions in which sessions usually vary leave over.

Xu et al., "Detecting Large-Scale System Problems by Mining Console Logs", SOSP 2009, as He et al.,
"Experience Report: System Log Analysis for Anomaly Detection", ISSRE 2016, run it: counts of events
are weighted by TF-IDF and centred, the directions of a share of the variance (0.95) span what is
usual, and the squared prediction error outside of them is the score.

Departures: source and target have no event in common, so each event of the target counts as the one
of the sources whose vector is nearest (cosine); both papers learn from all sessions, here normal
ones alone are among the candidates, since a third of BGL's are anomalous, and so is what is usual;
the threshold is validated, as for all methods here, and not a Q-statistic.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from models.words import Vectors
from trainer.batches import Rows
from trainer.benchmark.papers.sequences import LONGEST
from trainer.benchmark.papers.settings import Material
from trainer.benchmark.papers.trial import Candidate, Compared, ranking
from trainer.benchmark.space import Labelled

# Of the variance, and whether normal sessions alone are learnt from.
_CANDIDATES = ((0.95, False), (0.95, True), (0.99, True))


class _ResidualOfCounts:
    def __init__(self, table: Vectors, first: int, share: float, *, normal_alone: bool) -> None:
        """first: the sources' events are the rows of ``table`` from this one on."""
        self._table = table
        self._first = first
        self._share = share
        self._normal_alone = normal_alone

    def fit(self, train: Labelled, held: Labelled) -> None:
        learnt = train.normal if self._normal_alone else train.sequences
        counts = self._counts(learnt)
        # An event that no session here has weighs like one that a single session has.
        self._rarity = np.log(len(counts) / np.maximum((counts > 0).sum(0), 1))
        pca = PCA().fit(counts * self._rarity)
        kept = int(np.searchsorted(pca.explained_variance_ratio_.cumsum(), self._share)) + 1
        self._mean, self._usual = pca.mean_, pca.components_[:kept]
        self._scale = 1.0
        self._scale = float(self.score(learnt).mean()) or 1.0

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        """Squared prediction errors, in multiples of their mean over the sessions learnt from."""
        centred = self._counts(sequences) * self._rarity - self._mean
        residual = centred - centred @ self._usual.T @ self._usual
        errors: NDArray[np.float64] = (residual**2).sum(1) / self._scale
        return errors

    def fitness(self, held: Labelled) -> float:
        return ranking(self, held)

    def _counts(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        """Of the sources' events, float64 [sessions, events]."""
        read = [sequence[:LONGEST] for sequence in sequences]
        events, place = np.unique(np.concatenate(read), return_inverse=True)
        session = np.repeat(np.arange(len(read)), [len(one) for one in read])
        counts = np.zeros((len(read), len(self._table) - self._first))
        np.add.at(counts, (session, self._standing_for(events)[place]), 1)
        return counts

    def _standing_for(self, events: Rows) -> NDArray[np.intp]:
        """The event of the sources that each of ``events`` counts as."""
        own = _directions(self._table[self._first :])
        nearest = np.argmax(_directions(self._table[events]) @ own.T, axis=1)
        return np.where(events >= self._first, events - self._first, nearest)


def _directions(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


class PrincipalComponents(Compared):
    """Setting d."""

    # Errors are no probabilities.
    published_threshold = None

    def candidates(self, material: Material) -> Sequence[Candidate]:
        table, first = material.vectors, material.space.target_events

        def of(share: float, normal_alone: bool) -> Candidate:
            return lambda seed: _ResidualOfCounts(table, first, share, normal_alone=normal_alone)

        return [of(share, normal_alone) for share, normal_alone in _CANDIDATES]
