"""Open sessions on disk: a journal in the order of time, so that a save writes in one place only.

A row a session would be simpler. But a thousand sessions of a hundred thousand that get a line in
the same second lie on a thousand pages of 4 KiB, and each would be written twice: once into
SQLite's log and once into the database.
"""

import json
import sqlite3
from array import array
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from json.encoder import encode_basestring_ascii as _text
from typing import NamedTuple

from agent.state.schema import DamagedError
from models.sessions import KeptLine, Session

# Estimates, for the balance between what lives and what is dead.
_WHOLE_BYTES = 60
_MORE_BYTES = 50
_END_BYTES = 12
_EVENT_BYTES = 4
# Rows are given up in pieces of at least this size, once there is more than that which is dead.
_SEGMENT_BYTES = 2**16
_SPARE_BYTES = 2**20

_INSERT = "insert into session_log values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_Row = tuple[object, ...]


class _Known(NamedTuple):
    """What the journal holds of an open session. whole: the row that says all of it; rows before
    that are dead. events: how many of its events are there; size: bytes it takes to say all."""

    session: Session[int]
    number: int
    whole: int
    events: int
    size: int


class _Segment(NamedTuple):
    """Rows of the journal, up to and with ``last``, that are given up together."""

    last: int
    size: int


@dataclass
class Step:
    """What a save does to the journal: rows for the transaction, and what is known once it is
    committed."""

    rows: list[_Row] = field(default_factory=list)
    known: dict[str, _Known | None] = field(default_factory=dict)
    given_up: int = 0
    next_row: int = 0
    next_number: int = 0
    live: int = 0
    written: int = 0
    segments: list[_Segment] = field(default_factory=list)
    afresh: bool = False

    def append(self, row: _Row, size: int) -> None:
        self.rows.append((self.next_row, *row))
        _add(self.segments, self.next_row, size)
        self.next_row += 1
        self.written += size

    def keep_nothing(self) -> None:
        """Where no session is open, nothing of the journal says anything any more."""
        self.rows.clear()
        self.segments.clear()
        self.written = 0
        self.given_up = self.next_row - 1


class SessionLog:
    """The journal of one agent.

    A row with a key says all of a session, one without adds events to it, one without events ends
    it. Dead rows are given up at the old end: what still lives there is said again, whole, at the
    new end. So the journal is at most about twice what lives, and no session is written more than
    once a round on that account.
    """

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._segments: deque[_Segment] = deque()
        self._next_row = 1
        self._next_number = 1
        self._live = 0
        self._total = 0

    @classmethod
    def load(
        cls, connection: sqlite3.Connection, events: int
    ) -> tuple["SessionLog", list[Session[int]]]:
        """The journal as it was left, and all open sessions.

        events: how many event ids there are. Raises DamagedError for what makes no sense.
        """
        log = cls()
        found: dict[int, tuple[Session[int], int]] = {}
        segments: list[_Segment] = []
        for row in connection.execute("select * from session_log order by id"):
            number, ident, key, blob = row[1], row[0], row[2], row[9]
            log._next_row = ident + 1
            log._next_number = max(log._next_number, number + 1)
            if blob is None:
                found.pop(number, None)
                _add(segments, ident, _END_BYTES)
                continue
            items = array("i")
            items.frombytes(blob)
            if items and not 0 <= min(items) <= max(items) < events:
                raise DamagedError("a session holds an unknown event")
            if key is not None:
                _, _, key, source, place, first_time, last_time, gap, touched, _, last, kept = row
                session = Session(
                    str(key), str(source), str(place), list(items), first_time, last_time,
                    float(gap), float(touched), str(last or ""),
                )  # fmt: skip
                _unpack_kept(session, kept)
                found[number] = (session, ident)
                _add(segments, ident, _size(session))
                continue
            _add(segments, ident, _MORE_BYTES + _EVENT_BYTES * len(items))
            # Without a beginning it belongs to one that ended, or was said again since.
            if number in found:
                session = found[number][0]
                session.items.extend(items)
                session.first_time, session.last_time = row[5], row[6]
                session.longest_gap, session.touched = float(row[7]), float(row[8])
                session.last = str(row[10] or "")
                _unpack_kept(session, row[11])
        for number, (session, whole) in found.items():
            size = _size(session)
            known = _Known(session, number, whole, len(session.items), size)
            if session.key in log._known:
                raise DamagedError("a session is open twice")
            log._known[session.key] = known
            log._live += size
        log._segments.extend(segments)
        log._total = sum(segment.size for segment in segments)
        return log, [session for session, _ in found.values()]

    def step(
        self,
        connection: sqlite3.Connection,
        changed: Mapping[str, Session[int] | None],
        *,
        afresh: bool = False,
    ) -> Step:
        """What has to be written for sessions that changed; None for those that ended.

        afresh: leave nothing of what was written before; ``changed`` are all sessions then.
        """
        step = Step(
            next_row=self._next_row,
            next_number=self._next_number,
            live=0 if afresh else self._live,
            afresh=afresh,
            given_up=self._next_row - 1 if afresh else 0,
        )
        for key, session in changed.items():
            known = None if afresh else self._known.get(key)
            if known is not None and known.session is not session:
                # It ended; there may be another one of the same key by now.
                step.append((known.number, *(None,) * 10), _END_BYTES)
                step.known[key] = None
                step.live -= known.size
                known = None
            if session is None:
                continue
            if known is None:
                step.next_number += 1
                self._whole(step, session, step.next_number - 1)
            elif len(session.items) > known.events:
                self._more(step, session, known)
        if not step.live:
            step.keep_nothing()
        elif not afresh:
            self._give_up(connection, step)
        return step

    def write(self, connection: sqlite3.Connection, step: Step) -> None:
        """To be called inside the transaction."""
        if step.given_up:
            connection.execute("delete from session_log where id <= ?", (step.given_up,))
        connection.executemany(_INSERT, step.rows)

    def done(self, step: Step) -> None:
        """To be called when the transaction is committed."""
        if step.afresh:
            self._known.clear()
        for key, known in step.known.items():
            if known is None:
                self._known.pop(key, None)
            else:
                self._known[key] = known
        while self._segments and self._segments[0].last <= step.given_up:
            self._total -= self._segments.popleft().size
        for segment in step.segments:
            if self._segments and self._segments[-1].size < _SEGMENT_BYTES:
                segment = _Segment(segment.last, segment.size + self._segments.pop().size)
            self._segments.append(segment)
        self._total += step.written
        self._next_row, self._next_number = step.next_row, step.next_number
        self._live = step.live

    def _give_up(self, connection: sqlite3.Connection, step: Step) -> None:
        """Take the oldest rows out while too much of the journal is dead."""
        total = self._total + step.written
        last = 0
        for segment in self._segments:
            if total <= 2 * step.live + _SPARE_BYTES:
                break
            before = step.written
            found = connection.execute(
                "select id, key from session_log where id > ? and id <= ? and key is not null",
                (last, segment.last),
            )
            for ident, key in found.fetchall():
                known = self._known.get(key)
                if known is not None and known.whole == ident:
                    now = step.known.get(key, known)
                    if now is not None and now.whole == ident:
                        step.live -= now.size
                        self._whole(step, known.session, known.number)
            last = step.given_up = segment.last
            total += step.written - before - segment.size

    def _whole(self, step: Step, session: Session[int], number: int) -> None:
        key, source, place, items = session.key, session.source, session.place, session.items
        kept = _packed_lines(session.kept.values()) if session.kept else None
        size = _WHOLE_BYTES + len(key) + len(source) + len(place) + _EVENT_BYTES * len(items)
        if kept is not None:
            size += len(kept)
        step.known[key] = _Known(session, number, step.next_row, len(items), size)
        step.live += size
        step.append((number, key, source, place, *_how_far(session, items), kept), size)

    def _more(self, step: Step, session: Session[int], known: _Known) -> None:
        items = session.items[known.events :]
        kept = _packed_lines(_kept_since(session, known.events)) if session.kept else None
        growth = _EVENT_BYTES * len(items) + (len(kept) if kept is not None else 0)
        step.known[session.key] = known._replace(
            events=len(session.items), size=known.size + growth
        )
        step.live += growth
        row = (known.number, None, None, None, *_how_far(session, items), kept)
        step.append(row, _MORE_BYTES + growth)


def _how_far(session: Session[int], items: list[int]) -> _Row:
    times = (session.first_time, session.last_time, session.longest_gap, session.touched)
    return (*times, array("i", items).tobytes(), session.last_place)


def _add(segments: list[_Segment], row: int, size: int) -> None:
    if segments and segments[-1].size < _SEGMENT_BYTES:
        size += segments.pop().size
    segments.append(_Segment(row, size))


def _size(session: Session[int]) -> int:
    texts = len(session.key) + len(session.source) + len(session.place)
    kept = len(_packed_lines(session.kept.values()) or "") if session.kept else 0
    return _WHOLE_BYTES + texts + _EVENT_BYTES * len(session.items) + kept


def _kept_since(session: Session[int], first: int) -> list[KeptLine]:
    return [line for line in (session.kept or {}).values() if line.number >= first]


def _packed_lines(lines: Collection[KeptLine]) -> str | None:
    """JSON: [[number, place, text], ...]. Written by hand: an encoder is made anew for every call
    of ``json.dumps``, and there are thousands of sessions a save."""
    if not lines:
        return None
    parts = [f"[{line.number}, {_text(line.place)}, {_text(line.text)}]" for line in lines]
    return f"[{', '.join(parts)}]"


def _unpack_kept(session: Session[int], text: str | None) -> None:
    if text is None:
        return
    session.kept = session.kept or {}
    for number, place, line in json.loads(text):
        session.kept[session.items[number]] = KeptLine.at(int(number), str(place), str(line))
