"""Sessions: which lines belong together, and when they are complete."""

import re
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from models.session_rule import SessionRule

Item = TypeVar("Item", bound=Hashable)


class Entry(NamedTuple, Generic[Item]):
    """A line on its way into sessions.

    line: the raw line, for the end pattern; keys: what ``Sessionizer.keys`` found in it; item:
    whatever stands for the line in its session; time: the line's own, unix seconds; now: the clock
    that idle time is counted with, never falling; place: where the line stands, for its reader.
    """

    line: str
    keys: tuple[str, ...]
    source: str
    item: Item
    time: float | None
    now: float
    place: str = ""


class Entries(NamedTuple, Generic[Item]):
    """Lines of one file on their way into sessions; columns of one length, see ``Entry``.

    clock: that idle time is counted with; None counts by the lines' own times, as far as they go
    forward, and ends what is idle by them before a line is taken in. offsets: of the lines in
    ``file``, empty where unknown.
    """

    lines: Sequence[str]
    keys: Sequence[tuple[str, ...]]
    sources: Sequence[str]
    items: Sequence[Item]
    times: Sequence[float | None]
    clock: float | None
    file: str = ""
    offsets: Sequence[int] = ()

    def place(self, i: int) -> str:
        return f"{self.file}:{self.offsets[i]}" if self.offsets else ""


class KeptLine(NamedTuple):
    """A raw line that a session keeps, to be shown. number: of its item, from 0; file, offset:
    where it stands, the offset -1 where it is not known; text: maybe cut."""

    number: int
    file: str
    offset: int
    text: str

    @property
    def place(self) -> str:
        # Put into words when somebody asks: of most kept lines nobody does.
        return self.file if self.offset < 0 else f"{self.file}:{self.offset}"

    @classmethod
    def at(cls, number: int, place: str, text: str) -> "KeptLine":
        """With its place in words."""
        file, _, offset = place.rpartition(":")
        if file and offset.isascii() and offset.isdigit():
            return cls(number, file, int(offset), text)
        return cls(number, place, -1, text)


# What its own constructor does, without a call of Python code for so many lines.
_kept_line = partial(tuple.__new__, KeptLine)


@dataclass(slots=True)
class Session(Generic[Item]):
    """Lines that belong together. Times are the lines' own, unix seconds; None where unknown.

    place, last_place: where the first and the last line stand, in the caller's words; the first
    names the session, with the key. touched: the clock at the last line, whatever clock the caller
    counts idle time with. kept: raw lines by item, where the sessionizer keeps any, in order. told:
    that it is anomalous was said before it was over.
    """

    key: str
    source: str
    place: str = ""
    items: list[Item] = field(default_factory=list)
    first_time: float | None = None
    last_time: float | None = None
    longest_gap: float = 0.0
    touched: float = 0.0
    last: str | tuple[str, int] = field(default="", compare=False)
    kept: dict[Item, KeptLine] | None = None
    told: bool = False

    @property
    def last_place(self) -> str:
        # Put into words when somebody asks: it changes with every line.
        return self.last if isinstance(self.last, str) else f"{self.last[0]}:{self.last[1]}"

    def extend(self, entry: Entry[Item]) -> None:
        self.items.append(entry.item)
        self.touched = entry.now
        self.last = entry.place
        if entry.time is None:
            return
        if self.first_time is None:
            self.first_time = entry.time
        elif self.last_time is not None:
            self.longest_gap = max(self.longest_gap, entry.time - self.last_time)
        self.last_time = entry.time


class Sessionizer(Generic[Item]):
    """Puts lines into sessions by one rule and hands out those that are over.

    The one code path of trainer and agent. It holds what the caller gives it as ``item`` and never
    looks inside. ``changed`` collects the keys of open sessions that differ from the last
    ``take_changed``, so that state can be saved without writing all of it. events: in all open
    sessions.
    """

    def __init__(self, rule: SessionRule) -> None:
        self.rule = rule
        self._open: OrderedDict[str, Session[Item]] = OrderedDict()
        self._windows: dict[str, int] = {}
        # Lines of each source since its window began, where windows overlap: one with none is no
        # news.
        self._fresh: dict[str, int] = {}
        self._slides = rule.window is not None and rule.stride not in (None, rule.window)
        self._window_keys: dict[str, str] = {}
        self._changed: set[str] = set()
        # The same since the last ``take_grown``, for whoever asks for that.
        self._grown: set[str] | None = None
        self.events = 0
        self._find_keys = re.compile(rule.key_regex).findall if rule.key_regex else None
        self._ends = re.compile(rule.end_regex).search if rule.end_regex else None
        self._clock = 0.0
        # Lines of a session that a subclass wants to see in ``_keep``: those of items it has not
        # kept and does not pass over, until there are so many.
        self._most_kept = 0
        self._passed_over: Set[Item] = frozenset()

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Session[Item]]:
        """Open sessions, that without a line for the longest time first."""
        return iter(self._open.values())

    def keys(self, line: str) -> tuple[str, ...]:
        """Session keys in a raw line, each once; empty for rules that cut windows."""
        if self._find_keys is None:
            return ()
        # An alternative without the group finds "", which names no session.
        return tuple(dict.fromkeys(filter(None, self._find_keys(line))))

    def belongs(self, keys: tuple[str, ...]) -> bool:
        """False for a line that no session takes: one without a key where keys make sessions."""
        return self._find_keys is None or bool(keys)

    def add(self, entry: Entry[Item]) -> Iterator[Session[Item]]:
        """Add one line; yields the sessions that it completed. Iterate to the end."""
        if self._find_keys is not None:
            for key in entry.keys:
                ended = self._extend(key, entry, self.rule.max_lines)
                if ended is not None:
                    yield ended
        elif self.rule.window is not None:
            yield from self._extend_window(entry, self.rule.window)
        else:
            yield from self._extend_span(entry)

    def add_all(self, entries: Entries[Item]) -> list[Session[Item]]:
        """What ``idle`` and ``add`` do with one line after the other; the sessions that ended."""
        if self.rule.seconds is None:
            return self._add_many(entries)
        ended: list[Session[Item]] = []
        now = self._clock if entries.clock is None else entries.clock
        columns = (entries.lines, entries.keys, entries.sources, entries.items, entries.times)
        for i, (line, keys, source, item, time) in enumerate(zip(*columns, strict=True)):
            if entries.clock is None and time is not None and time > now:
                self._clock = now = time
                ended += self.idle(now)
            ended += self.add(Entry(line, keys, source, item, time, now, entries.place(i)))
        return ended

    def _add_many(self, entries: Entries[Item]) -> list[Session[Item]]:
        # ``add``, with what it costs to call it for every line saved.
        ended: list[Session[Item]] = []
        opened, move_to_end = self._open, self._open.move_to_end
        window, ends, idle = self.rule.window, self._ends, self.rule.idle
        most, most_kept = window or self.rule.max_lines, self._most_kept
        passed_over = self._passed_over
        fresh, slides, window_keys = self._fresh, self._slides, self._window_keys
        lines, file, offsets = entries.lines, entries.file, entries.offsets
        names: Iterable[tuple[str, ...]] = entries.keys
        if window is not None:
            names = zip(entries.sources, strict=True)
        by_line = entries.clock is None
        now = self._clock if entries.clock is None else entries.clock
        last_line: dict[str, int] = {}
        self.events += len(lines) if window is not None else sum(map(len, entries.keys))
        for i, line_names, item, time in zip(
            range(len(lines)), names, entries.items, entries.times, strict=True
        ):
            if by_line and time is not None and time > now:
                self._clock = now = time
                if idle is not None:
                    self._stand(last_line, entries)
                    ended += self.idle(now)
            for name in line_names:
                key = name
                if window is not None:
                    key = window_keys.get(name) or self._window_key(name)
                    if slides:
                        fresh[name] = fresh.get(name, 0) + 1
                session = opened.get(key)
                if session is None:
                    session = opened[key] = Session(key, entries.sources[i], entries.place(i))
                else:
                    move_to_end(key)
                items = session.items
                items.append(item)
                session.touched = now
                if time is not None:
                    if session.first_time is None:
                        session.first_time = time
                    elif session.last_time is not None:
                        gap = time - session.last_time
                        if gap > session.longest_gap:
                            session.longest_gap = gap
                    session.last_time = time
                last_line[key] = i
                if most_kept and item not in passed_over:
                    kept = session.kept
                    if kept is None or (item not in kept and len(kept) < most_kept):
                        offset = offsets[i] if offsets else -1
                        self._keep(
                            session, item, _kept_line((len(items) - 1, file, offset, lines[i]))
                        )
                if len(items) >= most or (ends is not None and ends(lines[i])):
                    session.last = entries.place(last_line.pop(key))
                    ended.append(self._pop(key))
                    if window is not None:
                        self._next_window(session, entries.lines[i])
        self._stand(last_line, entries)
        return ended

    def _stand(self, last_line: dict[str, int], entries: Entries[Item]) -> None:
        """Say of open sessions where their last lines stand."""
        opened, file, offsets = self._open, entries.file, entries.offsets
        for key, i in last_line.items():
            opened[key].last = (file, offsets[i]) if offsets else ""
        self._changed.update(last_line)
        if self._grown is not None:
            self._grown.update(last_line)
        last_line.clear()

    def _extend(self, key: str, entry: Entry[Item], longest: int) -> Session[Item] | None:
        session = self._open.get(key)
        if session is None:
            session = self._open[key] = Session(key, entry.source, entry.place)
        session.extend(entry)
        self.events += 1
        if self._most_kept and entry.item not in self._passed_over:
            number = len(session.items) - 1
            self._keep(session, entry.item, KeptLine.at(number, entry.place, entry.line))
        self._open.move_to_end(key)
        self._changed.add(key)
        if self._grown is not None:
            self._grown.add(key)
        if len(session.items) >= longest or (self._ends is not None and self._ends(entry.line)):
            return self._pop(key)
        return None

    def _keep(self, session: Session[Item], item: Item, line: KeptLine) -> None:
        """For a subclass that keeps lines beside their items; this is the session's last."""

    def _extend_window(self, entry: Entry[Item], window: int) -> Iterator[Session[Item]]:
        source = entry.source
        if self._slides:
            self._fresh[source] = self._fresh.get(source, 0) + 1
        session = self._extend(self._window_key(source), entry, window)
        if session is not None:
            yield session
            self._next_window(session, entry.line)

    def _window_key(self, source: str) -> str:
        key = self._window_keys.get(source)
        if key is None:
            key = self._window_keys[source] = f"{source}#{self._windows.get(source, 0)}"
        return key

    def _begin_window(self, source: str) -> None:
        self._windows[source] = self._windows.get(source, 0) + 1
        if self._slides:
            self._fresh[source] = 0
        self._window_keys.pop(source, None)

    def _next_window(self, session: Session[Item], line: str) -> None:
        """After one that has its length, or was ended by ``line``."""
        self._begin_window(session.source)
        stride = self.rule.stride
        if not self._slides or stride is None:
            return
        if self._ends is None or self._ends(line) is None:
            self._slide(session, self._window_key(session.source), stride)

    def _slide(self, session: Session[Item], key: str, stride: int) -> None:
        # Times of single lines are not kept: the next window begins no later than it says.
        following = replace(
            session,
            key=key,
            place=f"{session.place}+{stride}",
            items=session.items[stride:],
            longest_gap=0.0,
            told=False,
            kept=None if session.kept is None else _without_first(session.kept, stride),
        )
        self._open[key] = following
        self.events += len(following.items)
        self._changed.add(key)
        if self._grown is not None:
            self._grown.add(key)

    def _extend_span(self, entry: Entry[Item]) -> Iterator[Session[Item]]:
        assert self.rule.seconds is not None
        source = entry.source
        time = entry.now if entry.time is None else entry.time
        number = int(time // self.rule.seconds)
        previous = self._windows.get(source)
        if previous is not None and number <= previous:
            # A line that is late by a span stays with the span it arrived in.
            number = previous
        elif previous is not None and f"{source}@{previous}" in self._open:
            yield self._pop(f"{source}@{previous}")
        self._windows[source] = number
        ended = self._extend(f"{source}@{number}", entry, self.rule.max_lines)
        if ended is not None:
            yield ended

    def idle(self, now: float) -> Iterator[Session[Item]]:
        """Sessions that had no line for ``rule.idle`` seconds, the longest idle first."""
        if self.rule.idle is None:
            return
        while self._open:
            key, session = next(iter(self._open.items()))
            if now - session.touched < self.rule.idle:
                return
            yield from self._close(key)

    def close(self) -> Iterator[Session[Item]]:
        """All open sessions: the end of the input ends them."""
        while self._open:
            yield from self._close(next(iter(self._open)))

    def _close(self, key: str) -> Iterator[Session[Item]]:
        session = self._pop(key)
        if self.rule.window is not None:
            fresh = self._fresh.get(session.source, 0)
            self._begin_window(session.source)
            if self._slides and not fresh:
                # Everything in it was part of the window before.
                return
        yield session

    def _pop(self, key: str) -> Session[Item]:
        self._changed.add(key)
        session = self._open.pop(key)
        self.events -= len(session.items)
        return session

    def take_changed(self) -> dict[str, Session[Item] | None]:
        """Open sessions by key that changed since the last call; None for those that ended."""
        changed = {key: self._open.get(key) for key in self._changed}
        self._changed = set()
        return changed

    def take_grown(self) -> list[Session[Item]]:
        """Open sessions with lines that no earlier call has seen."""
        grown, self._grown = self._grown, set()
        if grown is None:
            return list(self._open.values())
        return [session for key in grown if (session := self._open.get(key)) is not None]

    def counters(self) -> dict[str, Any]:
        """Window numbers and fresh lines by source; JSON-ready, for ``restore``."""
        return {"windows": dict(self._windows), "fresh": dict(self._fresh)}

    def restore(self, sessions: list[Session[Item]], counters: dict[str, Any]) -> None:
        """Go on with saved open sessions; all of them count as changed."""
        for session in sorted(sessions, key=lambda one: one.touched):
            self._open[session.key] = session
            self.events += len(session.items)
            self._changed.add(session.key)
        self._window_keys.clear()
        self._windows.update({str(k): int(v) for k, v in counters.get("windows", {}).items()})
        self._fresh.update({str(k): int(v) for k, v in counters.get("fresh", {}).items()})


def _without_first(kept: dict[Item, KeptLine], items: int) -> dict[Item, KeptLine]:
    return {
        item: line._replace(number=line.number - items)
        for item, line in kept.items()
        if line.number >= items
    }
