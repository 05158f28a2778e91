"""Sessions that are not over yet, no more of them than fit into memory."""

import logging
from collections import Counter
from collections.abc import Iterator, Set
from typing import Any

from models.session_rule import SessionRule
from models.sessions import KeptLine, Session, Sessionizer

# Raw lines for whoever reads an alert: the first of each kind, cut, so many a session.
_MOST_LINES = 32
_LONGEST_LINE = 1024
# Beside the text: the objects that hold it.
_LINE_BYTES = 250

log = logging.getLogger("metalog")


class OpenSessions(Sessionizer[int]):
    """A sessionizer with bounds on all that is open.

    most_sessions, most_events: where there are more, the longest idle sessions are over before
    their time; ``ended_early`` counts them.
    most_kept_bytes: memory for raw lines; where half of it is used, no more are kept of ``common``
    events, which many sessions have and few alerts are about; where it is full, and where it is 0,
    none at all.
    """

    def __init__(
        self,
        rule: SessionRule,
        *,
        most_sessions: int = 200_000,
        most_events: int = 1_000_000,
        most_kept_bytes: int = 32 * 2**20,
    ) -> None:
        super().__init__(rule)
        self.ended_early = 0
        self._most_sessions = most_sessions
        self._most_events = most_events
        self.common: Set[int] = frozenset()
        self.kept_bytes = 0
        self._most_kept_bytes = most_kept_bytes
        self._most_kept = _MOST_LINES if most_kept_bytes else 0

    def restore(self, sessions: list[Session[int]], counters: dict[str, Any]) -> None:
        super().restore(sessions, counters)
        for session in sessions:
            if not self._most_kept_bytes:
                session.kept = None
            self.kept_bytes += _size_of_kept(session)

    def _keep(self, session: Session[int], item: int, line: KeptLine) -> None:
        kept = session.kept
        if kept is not None and (item in kept or len(kept) >= _MOST_LINES):
            return
        if self.kept_bytes >= self._most_kept_bytes:
            return
        if kept is None:
            kept = session.kept = {}
        if len(line.text) > _LONGEST_LINE:
            line = line._replace(text=shortened(line.text, _LONGEST_LINE))
        kept[item] = line
        self.kept_bytes += _LINE_BYTES + len(line.text)

    def _pop(self, key: str) -> Session[int]:
        session = super()._pop(key)
        self.kept_bytes -= _size_of_kept(session)
        return session

    def _slide(self, session: Session[int], key: str, stride: int) -> None:
        super()._slide(session, key, stride)
        self.kept_bytes += _size_of_kept(self._open[key])

    def shed(self) -> Iterator[Session[int]]:
        """End what is too much. To be called after every few thousand lines; iterate to the end."""
        scarce = 2 * self.kept_bytes > self._most_kept_bytes
        self._passed_over = self.common if scarce else frozenset()
        if len(self) <= self._most_sessions and self.events <= self._most_events:
            return
        # One at a time, the longest idle first; it stops where we stop asking.
        ending = super().close()
        while len(self) > self._most_sessions or self.events > self._most_events:
            session = next(ending, None)
            if session is None:
                break
            if not self.ended_early:
                log.warning(
                    "more than %d sessions or %d events are open: those without a line for the "
                    "longest time are scored early",
                    self._most_sessions,
                    self._most_events,
                )
            self.ended_early += 1
            yield session

    def end_holders(self, items: frozenset[int], enough: int) -> Iterator[Session[int]]:
        """End the sessions that hold most of these items, until so many more of them are in no
        session. Iterate to the end."""
        held = {key: items.intersection(one.items) for key, one in self._open.items()}
        holders = Counter(item for found in held.values() for item in found)
        for key in sorted(held, key=lambda key: -len(held[key])):
            if enough <= 0 or not held[key]:
                return
            holders.subtract(held[key])
            enough -= sum(not holders[item] for item in held[key])
            self.ended_early += 1
            yield from self._close(key)

    def take_grown(self) -> list[Session[int]]:
        """Open sessions with lines that no earlier call has seen; not those that were ``told``."""
        return [session for session in super().take_grown() if not session.told]


def shortened(line: str, most: int) -> str:
    """The beginning of a longer line, with "..." for its rest. A word is not cut in two: half an
    address or half a password is no longer seen for what it is. Words without an end are."""
    if len(line) <= most:
        return line
    head = line[: most - 4]
    whole = head.rfind(" ") if line[len(head)] != " " else len(head)
    return (head[:whole] if whole > most // 2 else head) + " ..."


def _size_of_kept(session: Session[int]) -> int:
    kept = session.kept or {}
    return _LINE_BYTES * len(kept) + sum([len(line.text) for line in kept.values()])
