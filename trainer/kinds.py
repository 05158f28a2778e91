"""Kinds of anomalies, where labels name none: by the event that singles a session out.

Corpora keep whether a session is anomalous, not what an alert was called. So an anomaly is filed
under that of its events which the fewest normal sessions have; among equals, which the most
anomalies have. An event that is no commoner among anomalies than among normal sessions says
nothing: anomalies of such events alone are odd by their order or their counts, and are filed
together.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.batches import Rows
from trainer.corpus import ANOMALOUS, NORMAL

_SHOWN = 10
_WIDEST = 72
_NO_EVENT = "(none: order or counts)"


@dataclass(frozen=True)
class Kind:
    """event: None where none of theirs stands out; sessions: anomalies of this kind; found: those
    of them that were called anomalous; normal: normal sessions that have the event, too; example:
    place of the first one that was missed, or else of the first."""

    event: int | None
    sessions: int
    found: int
    normal: int
    example: int


def kinds(
    sequences: Sequence[Rows], labels: NDArray[np.int64], verdicts: NDArray[np.bool_]
) -> list[Kind]:
    """The kinds of the anomalies among labelled sessions, the most frequent first.

    sequences: events of each session; labels: 0, 1, or -1, which counts as neither; verdicts: what
    was called anomalous; [sessions] each.
    """
    present = [np.unique(sequence) for sequence in sequences]
    size = 1 + max((int(events[-1]) for events in present if len(events)), default=-1)
    normal, anomalous = (_having(present, labels == label, size) for label in (NORMAL, ANOMALOUS))
    # Without normal sessions every event is commoner among anomalies.
    outstanding = (
        anomalous * max(1, (labels == NORMAL).sum()) > normal * (labels == ANOMALOUS).sum()
    )
    filed: dict[int | None, list[int]] = {}
    for place in np.flatnonzero(labels == ANOMALOUS).tolist():
        events = present[place][outstanding[present[place]]]
        # Sorted by the last key first; the first event where all else is equal.
        order = np.lexsort((-anomalous[events], normal[events]))
        filed.setdefault(int(events[order[0]]) if len(events) else None, []).append(place)
    found = [
        Kind(
            event=event,
            sessions=len(places),
            found=int(verdicts[places].sum()),
            normal=0 if event is None else int(normal[event]),
            example=next((place for place in places if not verdicts[place]), places[0]),
        )
        for event, places in filed.items()
    ]
    return sorted(found, key=lambda kind: -kind.sessions)


def to_json(kinds: Sequence[Kind], templates: Sequence[str], keys: Sequence[str]) -> list[Any]:
    """JSON-ready objects. templates: by event; keys: of the sessions, by place."""
    return [
        {
            "event": None if kind.event is None else templates[kind.event],
            "sessions": kind.sessions,
            "found": kind.found,
            "normal_sessions_with_it": kind.normal,
            "example": keys[kind.example],
        }
        for kind in kinds
    ]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """What ``to_json`` gives, as text: the most frequent kinds, and how many more there are."""
    lines = [f"{'found':>7} {'of':>7}  anomalies by the event that singles them out"]
    for row in rows[:_SHOWN]:
        event = _NO_EVENT if row["event"] is None else row["event"]
        shown = event if len(event) <= _WIDEST else f"{event[: _WIDEST - 3]}..."
        lines.append(f"{row['found']:>7,} {row['sessions']:>7,}  {shown}  e.g. {row['example']}")
    rest = Counter[str]()
    for row in rows[_SHOWN:]:
        rest.update(found=row["found"], sessions=row["sessions"])
    if rest:
        more = len(rows) - _SHOWN
        lines.append(f"{rest['found']:>7,} {rest['sessions']:>7,}  in {more:,} rarer kinds")
    return "\n".join(lines)


def _having(
    present: Sequence[NDArray[np.int64]], chosen: NDArray[np.bool_], size: int
) -> NDArray[np.int64]:
    """How many of the chosen sessions have each event, int64 [size]."""
    count = np.zeros(size, dtype=np.int64)
    for place in np.flatnonzero(chosen).tolist():
        count[present[place]] += 1
    return count
