"""What a host has learnt beside one bundle, carried over to another one."""

from collections.abc import Sequence

import numpy as np

from models.epochs import MOST_HOST_EVENTS, Epoch
from models.events import EventParser
from models.history import History


def carried_over(epoch: Epoch, templates: Sequence[str], parser: EventParser) -> Epoch | None:
    """The statistics of ``epoch`` by the event ids of ``parser``, that of another bundle.

    templates: by event id, of all events of ``epoch``, as they are now. Sessions with an event that
    has another template there are left out: what the new bundle tells apart, or does not, was not
    counted. None where nothing is left.
    """
    learnt = epoch.learnt
    if learnt is None:
        return None
    counted = np.flatnonzero(learnt.vectors.any(axis=0)).tolist()
    found = dict(
        zip(counted, parser.parse_masked([templates[one] for one in counted]), strict=True)
    )
    most = parser.trained + MOST_HOST_EVENTS
    # Looked at when all are known: one that comes later may make an earlier one more general.
    same = {
        event: there
        for event, there in found.items()
        if there < most and parser.template(there) == templates[event]
    }
    other = [event for event in counted if event not in same]
    kept = ~learnt.vectors[:, other].any(axis=1)
    if not kept.any():
        return None
    events = min(len(parser.templates), most)
    vectors = np.zeros((int(kept.sum()), events), dtype=np.int32)
    for event, there in same.items():
        vectors[:, there] += learnt.vectors[kept, event]
    ends = {**same, **{end: end for pair in learnt.pairs for end in pair if end < 0}}
    pairs: dict[tuple[int, int], float] = {}
    for (first, second), weight in learnt.pairs.items():
        if first in ends and second in ends:
            pair = (ends[first], ends[second])
            pairs[pair] = pairs.get(pair, 0.0) + weight
    nothing = History.of([], [], events)
    moved = History(
        vectors, learnt.weights[kept], pairs, nothing.anomalies, nothing.anomaly_weights,
        learnt.labelled,
    )  # fmt: skip
    # Joined with nothing, so that rows that have become alike are one.
    return Epoch(1, nothing.extended(moved), parser.templates[:events])
