"""Scores of sessions with the torch network: the reference that the bundle is checked against."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.reading import Inputs
from models.words import Vectors
from trainer.batches import Rows, Sessions

_BATCH = 256
# Sessions x length x length of a batch: the attention holds several such float32 arrays at once.
_MOST_CELLS = 16_000_000


@torch.no_grad()
def predict(
    network: nn.Module,
    table: Vectors,
    sequences: Sequence[Rows],
    inputs: Inputs | None = None,
) -> NDArray[np.float64]:
    """P(anomaly) of each sequence, [sessions].

    table: float32 [events, dimension]; sequences: rows of it, all events of a session; inputs: what
    the network reads beside them, if it does.
    """
    network.eval()
    if inputs is not None:
        sequences = [row[kept] for row, kept in zip(sequences, inputs.places, strict=True)]
    device = next(network.parameters()).device
    vectors = torch.from_numpy(table).to(device)
    probabilities = np.zeros(len(sequences))
    distinct: dict[bytes, list[int]] = {}
    for index, sequence in enumerate(sequences):
        numbers = b"" if inputs is None else inputs.session[index].tobytes()
        distinct.setdefault(sequence.tobytes() + numbers, []).append(index)
    members = sorted(distinct.values(), key=lambda same: len(sequences[same[0]]))
    start = 0
    while start < len(members):
        # Sorted by length: the last one of the chunk is the longest, so it may have to shrink.
        size = min(_BATCH, len(members) - start)
        while size > 1 and size * len(sequences[members[start + size - 1][0]]) ** 2 > _MOST_CELLS:
            size //= 2
        chunk = members[start : start + size]
        start += size
        # One group a length class; the place of a session within its batch comes from its label.
        first = [same[0] for same in chunk]
        drawn = Sessions(
            [sequences[i] for i in first],
            list(range(len(chunk))),
            longest=1 << 62,
            features=None if inputs is None else [inputs.features[i] for i in first],
            session=None if inputs is None else inputs.session[first],
        ).batch(np.arange(len(chunk)))
        for group in drawn.groups:
            here = group.to(device)
            logits = network(vectors[here.rows], here.lengths, here.features, here.session)
            scores = torch.softmax(logits, dim=1)[:, 1].double().cpu().numpy()
            for place, score in zip(group.labels.tolist(), scores, strict=True):
                probabilities[chunk[place]] = score
    return probabilities
