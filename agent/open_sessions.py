"""Sessions that are not over yet, no more of them than fit into memory."""

import logging
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

from models.session_rule import SessionRule
from models.sessions import KeptLine, Session, Sessionizer

# Raw lines for whoever reads an alert: the first of each kind, cut, so many a session.
_MOST_LINES = 32
_LONGEST_LINE = 1024
# Beside the text: the objects that hold it.
_LINE_BYTES = 300

log = logging.getLogger("metalog")


# What a KeptLine's own constructor does, without a call of Python code for so many lines.
_kept_line = partial(tuple.__new__, KeptLine)


class OpenSessions(Sessionizer[int]):
    """A sessionizer with bounds on all that is open.

    most_sessions, most_events: where there are more, the longest idle sessions are over before
    their time; ``ended_early`` counts them. events: in all open sessions, as of the last ``shed``.
    most_kept_bytes: memory for raw lines; where it is full, and where it is 0, no more are kept.
    """

    def __init__(
        self,
        rule: SessionRule,
        *,
        most_sessions: int = 200_000,
        most_events: int = 1_000_000,
        most_kept_bytes: int = 64 * 2**20,
    ) -> None:
        super().__init__(rule)
        self.ended_early = 0
        # Whether somebody asks for ``take_grown``; else it would keep what nobody takes.
        self.looks_ahead = False
        self.events = 0
        self._most_sessions = most_sessions
        self._most_events = most_events
        self.kept_bytes = 0
        self._most_kept_bytes = most_kept_bytes
        self._most_kept = _MOST_LINES if most_kept_bytes else 0
        self._lengths: dict[str, int] = {}
        self._unsaved: dict[str, Session[int] | None] = {}
        self._grown: dict[str, Session[int]] = {}

    def restore(self, sessions: list[Session[int]], counters: dict[str, Any]) -> None:
        super().restore(sessions, counters)
        for session in sessions:
            if not self._most_kept_bytes:
                session.kept = None
            self.kept_bytes += _size_of_kept(session)

    def _keep(self, session: Session[int], item: int, line: str, place: str) -> None:
        kept = session.kept
        if kept is not None and (item in kept or len(kept) >= _MOST_LINES):
            return
        if self.kept_bytes >= self._most_kept_bytes:
            return
        if kept is None:
            kept = session.kept = {}
        text = shortened(line, _LONGEST_LINE) if len(line) > _LONGEST_LINE else line
        kept[item] = _kept_line((len(session.items) - 1, place, text))
        self.kept_bytes += _LINE_BYTES + len(place) + len(text)

    def _pop(self, key: str) -> Session[int]:
        session = super()._pop(key)
        self.kept_bytes -= _size_of_kept(session)
        return session

    def _slide(self, session: Session[int], key: str, stride: int) -> None:
        super()._slide(session, key, stride)
        self.kept_bytes += _size_of_kept(self._open[key])

    def shed(self) -> Iterator[Session[int]]:
        """End what is too much. To be called after every few thousand lines; iterate to the end."""
        self._count()
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
            self._count()
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

    def take_changed(self) -> dict[str, Session[int] | None]:
        self._count()
        changed, self._unsaved = self._unsaved, {}
        return changed

    def take_grown(self) -> list[Session[int]]:
        """Open sessions with lines that no earlier call has seen; not those that were ``told``."""
        self._count()
        grown, self._grown = self._grown, {}
        return [session for session in grown.values() if not session.told]

    def _count(self) -> None:
        changed = super().take_changed()
        for key, session in changed.items():
            before = self._lengths.pop(key, 0)
            after = 0
            if session is not None:
                after = self._lengths[key] = len(session.items)
            self.events += after - before
            if session is None:
                self._grown.pop(key, None)
            elif self.looks_ahead:
                self._grown[key] = session
        self._unsaved.update(changed)


def shortened(line: str, most: int) -> str:
    """The beginning of a longer line, with "..." for its rest. A word is not cut in two: half an
    address or half a password is no longer seen for what it is. Words without an end are."""
    if len(line) <= most:
        return line
    head = line[: most - 4]
    whole = head.rfind(" ") if line[len(head)] != " " else len(head)
    return (head[:whole] if whole > most // 2 else head) + " ..."


def _size(line: KeptLine) -> int:
    return _LINE_BYTES + len(line.place) + len(line.text)


def _size_of_kept(session: Session[int]) -> int:
    return sum(map(_size, (session.kept or {}).values()))
