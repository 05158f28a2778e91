"""Running a regular expression on a text of which some characters are known by their kind alone.

What a backtracking engine finds depends on nothing but the characters it looks at. So where what is
asked of them has one answer for all characters of a kind, or makes no difference, the matches are
those of every text of that form; where it does, nothing is said. Slow: for what is then remembered
of thousands of lines.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from models.patterns import UnknownNodeError, class_text, parsed

# Characters that stand for others, with their places in the text added: no text of ASCII has them.
_FIRST, _ROOM = 0x10000, 0x10000
_KINDS = ("0123456789", "abcdef", "0123456789abcdef")
_MOST_STEPS = 200_000
_ASSERTS = ("ASSERT", "ASSERT_NOT")
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")

Spans = Mapping[int, tuple[int, int]]
_Nodes = list[tuple[str, Any]]


def any_digit(place: int) -> str:
    """The character at this place of a text: some digit. Places are below 65,536."""
    return _unknown(0, place)


def any_letter(place: int) -> str:
    """The same for a to f."""
    return _unknown(1, place)


def any_hexadecimal(place: int) -> str:
    """The same for 0 to 9 and a to f."""
    return _unknown(2, place)


def origin(character: str) -> int | None:
    """The place that a character of unknown value came from; None of one that is known."""
    code = ord(character) - _FIRST
    return None if code < 0 else code % _ROOM


def _unknown(kind: int, place: int) -> str:
    if not 0 <= place < _ROOM:
        raise UndecidedError
    return chr(_FIRST + kind * _ROOM + place)


def _kind(character: str) -> str:
    code = ord(character) - _FIRST
    return character if code < 0 else _KINDS[code // _ROOM]


class UndecidedError(Exception):
    """Texts of this form may have different matches."""


class _Way(NamedTuple):
    """Where a way through the pattern has come to. sure: every text of the form can go it; of the
    others some cannot, so it says something only where it leads nowhere."""

    place: int
    spans: Spans
    sure: bool

    def at(self, place: int) -> "_Way":
        return _Way(place, self.spans, self.sure)


class SymbolicPattern:
    """A pattern as ``re`` compiles it without flags, for texts of ASCII and unknown characters.

    Raises re.error where ``pattern`` is no regular expression. ``match`` and ``finditer`` raise
    UndecidedError where texts of the form differ, and for what is not understood (back references,
    flags) or takes too long.
    """

    def __init__(self, pattern: str) -> None:
        self.groups: Mapping[str, int] = re.compile(pattern).groupindex
        self._nodes: _Nodes | None = None
        try:
            self._nodes = _prepared(parsed(pattern))
        except UnknownNodeError:
            return
        self._firsts, empty = _firsts(self._nodes)
        if empty:
            self._firsts = {"(?s:.)"}
        self._answers: dict[tuple[str, str], bool | None] = {}
        self._text = ""
        self._steps = 0

    def match(self, text: str) -> Spans | None:
        """Spans by group, 0 for all of it, of a match at the beginning of the text."""
        self._begin(text)
        return self._at(0)

    def finditer(self, text: str) -> Iterator[Spans]:
        """Of the matches as ``re`` finds them; an empty one is more than is understood here."""
        place = 0
        while place <= len(text):
            self._begin(text)
            found = None
            while found is None and place <= len(text):
                if self._may_begin(place):
                    found = self._at(place)
                place += 1
            if found is None:
                return
            start, stop = found[0]
            if start == stop:
                raise UndecidedError
            yield found
            place = stop

    def _begin(self, text: str) -> None:
        if self._nodes is None:
            raise UndecidedError
        self._text = text
        self._steps = _MOST_STEPS

    def _may_begin(self, place: int) -> bool:
        if place == len(self._text):
            return True
        character = self._text[place]
        return any(self._answer(one, character) is not False for one in self._firsts)

    def _at(self, place: int) -> Spans | None:
        assert self._nodes is not None
        try:
            way = next(self._run(self._nodes, 0, _Way(place, {}, True)), None)
        except RecursionError:
            raise UndecidedError from None
        if way is None:
            return None
        if not way.sure:
            raise UndecidedError
        return {0: (place, way.place), **way.spans}

    def _run(self, nodes: _Nodes, number: int, way: _Way) -> Iterator[_Way]:
        """Ways to go on from the node of this number, the preferred first."""
        self._steps -= 1
        if self._steps < 0:
            raise UndecidedError
        place, spans, sure = way
        # Single characters and what looks at nothing else need no way back.
        while number < len(nodes):
            kind, value = nodes[number]
            if kind == "ONE":
                takes = self._takes(value, place)
                place += 1
            elif kind == "AT":
                takes = self._stands(value, place)
            else:
                break
            if takes is False:
                return
            sure = sure and takes is True
            number += 1
        way = _Way(place, spans, sure)
        if number == len(nodes):
            yield way
            return
        for after in self._ways(kind, value, way):
            yield from self._run(nodes, number + 1, after)

    def _ways(self, kind: str, value: Any, way: _Way) -> Iterator[_Way]:
        if kind == "SUBPATTERN":
            group, body = value
            for after in self._run(body, 0, way):
                if group is None:
                    yield after
                else:
                    span = (way.place, after.place)
                    yield after._replace(spans={**after.spans, group: span})
        elif kind == "BRANCH":
            for body in value:
                yield from self._run(body, 0, way)
        elif kind == "ATOMIC_GROUP":
            yield from _first(self._run(value, 0, way))
        elif kind in _ASSERTS:
            yield from self._asserted(kind, way, *value)
        else:
            least, most, body = value
            if len(body) == 1 and body[0][0] == "ONE":
                ways = self._many(kind, least, most, body[0][1], way)
            else:
                ways = self._repeated(kind, least, most, body, way)
            yield from _first(ways) if kind == "POSSESSIVE_REPEAT" else ways

    def _asserted(self, kind: str, way: _Way, back: int, body: _Nodes) -> Iterator[_Way]:
        start = way.place - back
        # That this assertion is met is to depend on what it looks at, not on what came before.
        found = () if start < 0 else self._run(body, 0, _Way(start, way.spans, True))
        for seen in found:
            if kind == "ASSERT":
                yield _Way(way.place, seen.spans, way.sure and seen.sure)
                if seen.sure:
                    return
            elif seen.sure:
                return
            else:
                way = way._replace(sure=False)
        if kind == "ASSERT_NOT":
            yield way

    def _many(self, kind: str, least: int, most: int, one: str, way: _Way) -> Iterator[_Way]:
        place, spans, sure = way
        longest = min(most, len(self._text) - place)
        # Whether so many are sure, from none on.
        reached = [sure]
        while len(reached) <= longest:
            takes = self._takes(one, place + len(reached) - 1)
            if takes is False:
                break
            sure = sure and takes is True
            reached.append(sure)
        stops = range(least, len(reached))
        for times in stops if kind == "MIN_REPEAT" else reversed(stops):
            yield _Way(place + times, spans, reached[times])

    def _repeated(
        self, kind: str, least: int, most: int, body: _Nodes, way: _Way, times: int = 0
    ) -> Iterator[_Way]:
        if kind == "MIN_REPEAT" and times >= least:
            yield way
        if times < most:
            for after in self._run(body, 0, way):
                if after.place == way.place:
                    # How the engine gets out of empty rounds is its own affair.
                    raise UndecidedError
                yield from self._repeated(kind, least, most, body, after, times + 1)
        if kind != "MIN_REPEAT" and times >= least:
            yield way

    def _takes(self, one: str, place: int) -> bool | None:
        return place < len(self._text) and self._answer(one, self._text[place])

    def _stands(self, where: str, place: int) -> bool | None:
        if where == "AT_BEGINNING":
            return place == 0
        if where == "AT_END":
            return self._text[place:] in ("", "\n")
        sides = [
            0 <= beside < len(self._text) and self._answer(r"\w", self._text[beside])
            for beside in (place - 1, place)
        ]
        # A letter or a digit is a word's, whichever it is.
        return (sides[0] != sides[1]) == (where == "AT_BOUNDARY")

    def _answer(self, one: str, character: str) -> bool | None:
        """Whether a pattern of one character takes this one; None where some of its kind."""
        kind = _kind(character)
        try:
            return self._answers[one, kind]
        except KeyError:
            takes = re.compile(one).match
            said = {takes(each) is not None for each in kind}
            answer = self._answers[one, kind] = None if len(said) > 1 else said.pop()
            return answer


def replaced(pattern: SymbolicPattern, placeholder: str, text: str, group: int) -> str:
    """``text`` with the placeholder for what the group took in each match; see models.masks."""
    parts: list[str] = []
    end = 0
    for found in pattern.finditer(text):
        start, stop = found.get(group, (-1, -1))
        if stop > start >= end:
            parts += (text[end:start], placeholder)
            end = stop
    return "".join((*parts, text[end:]))


def _first(ways: Iterator[_Way]) -> Iterator[_Way]:
    """What is never gone back on: the first way that there is. Those behind one that is not sure
    are not sure either."""
    sure = True
    for way in ways:
        yield way._replace(sure=way.sure and sure)
        if way.sure:
            return
        sure = False


def _firsts(nodes: _Nodes) -> tuple[set[str], bool]:
    """Patterns of the characters that a match may begin with, and whether it may have none."""
    found: set[str] = set()
    for kind, value in nodes:
        if kind == "ONE":
            return {*found, value}, False
        if kind == "AT" or kind in _ASSERTS:
            continue
        bodies = [value]
        if kind == "SUBPATTERN":
            bodies = [value[1]]
        elif kind == "BRANCH":
            bodies = value
        elif kind in _REPEATS:
            bodies = [value[2]]
        inner = [_firsts(body) for body in bodies]
        found = found.union(*(one for one, _ in inner))
        skipped = kind in _REPEATS and value[0] == 0
        if not skipped and not any(empty for _, empty in inner):
            return found, False
    return found, True


def _prepared(nodes: list[tuple[Any, Any]]) -> _Nodes:
    """The tree in the form that ``_run`` walks: ("ONE", pattern of one character), ("AT", where)
    and nodes with bodies."""
    made: _Nodes = []
    for code, value in nodes:
        kind = str(code)
        if kind == "LITERAL":
            made.append(("ONE", re.escape(chr(value))))
        elif kind == "NOT_LITERAL":
            made.append(("ONE", f"[^{re.escape(chr(value))}]"))
        elif kind == "ANY":
            made.append(("ONE", "."))
        elif kind == "IN":
            made.append(("ONE", class_text(value)))
        elif kind == "AT":
            where = {"AT_BEGINNING_STRING": "AT_BEGINNING"}.get(str(value), str(value))
            if where not in ("AT_BEGINNING", "AT_END", "AT_BOUNDARY", "AT_NON_BOUNDARY"):
                raise UnknownNodeError
            made.append(("AT", where))
        elif kind == "SUBPATTERN":
            group, added, removed, body = value
            if added or removed:
                raise UnknownNodeError
            made.append((kind, (group, _prepared(list(body)))))
        elif kind == "BRANCH":
            made.append((kind, [_prepared(list(body)) for body in value[1]]))
        elif kind == "ATOMIC_GROUP":
            made.append((kind, _prepared(list(value))))
        elif kind in _ASSERTS:
            direction, body = value
            least, most = body.getwidth()
            if direction < 0 and least != most:
                raise UnknownNodeError
            made.append((kind, (int(least) if direction < 0 else 0, _prepared(list(body)))))
        elif kind in _REPEATS:
            least, most, body = value
            made.append((kind, (int(least), int(most), _prepared(list(body)))))
        else:
            raise UnknownNodeError
    return made
