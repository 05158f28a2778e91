"""Scores of sessions with the torch network: the reference that the bundle is checked against."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.reading import Inputs
from models.words import Vectors
from trainer.batches import Rows, Sessions
from trainer.progress import stage
from trainer.reader import Reader

_BATCH = 256
# Sessions x length x length of a batch: the attention holds several such float32 arrays at once.
_MOST_CELLS = 16_000_000


@torch.no_grad()
def predict(
    network: Reader,
    table: Vectors,
    sequences: Sequence[Rows],
    inputs: Inputs | None = None,
) -> NDArray[np.float64]:
    """P(anomaly) of each sequence, [sessions].

    table: float32 [events, dimension]; sequences: rows of it, all events of a session; inputs: what
    the network reads beside them, if it does.
    """
    network.eval()
    if not len(sequences):
        return np.zeros(0)
    if inputs is not None:
        sequences = [row[kept] for row, kept in zip(sequences, inputs.places, strict=True)]
    device = next(network.parameters()).device
    vectors = torch.from_numpy(table).to(device)
    sessions = Sessions(
        sequences,
        [0] * len(sequences),
        longest=1 << 62,
        features=None if inputs is None else inputs.features,
        session=None if inputs is None else inputs.session,
        shares=network.shares,
    )
    probabilities: NDArray[np.float64] = np.zeros(len(sequences))
    distinct = np.unique(sessions.twin)
    lengths = np.array([len(sequences[i]) for i in distinct])
    order = np.argsort(lengths, kind="stable")
    distinct, lengths = distinct[order], lengths[order]
    start = 0
    with stage("scoring sessions", len(distinct)) as bar:
        while start < len(distinct):
            # Sorted by length: the last one of the chunk is the longest, so it may have to shrink.
            size = min(_BATCH, len(distinct) - start)
            while size > 1 and size * int(lengths[start + size - 1]) ** 2 > _MOST_CELLS:
                size //= 2
            batch = sessions.batch(distinct[start : start + size])
            start += size
            logits = network(vectors, batch.to(device))
            probabilities[batch.members] = torch.softmax(logits, dim=1)[:, 1].double().cpu().numpy()
            bar.reach(start)
    every: NDArray[np.float64] = probabilities[sessions.twin]
    return every
