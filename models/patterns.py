"""What can be said of a regular expression without running it, for shortcuts that change nothing.

Read from the parse tree that ``re`` itself makes. What is not understood (flags, back references,
a node of a newer Python) gets no statement, and so no shortcut.
"""

import importlib
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

# Private to the standard library, and the only tree that is sure to be the one the engine runs.
_PARSER: Any = importlib.import_module("re._parser")
_DIGITS = frozenset("0123456789")
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
_SINGLE = ("LITERAL", "NOT_LITERAL", "IN", "ANY")
_EMPTY = ("AT", "ASSERT", "ASSERT_NOT")
_SELECTIVE = 8
_UNROLLED = 64

_Nodes = list[tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class PatternTraits:
    """What holds for every text.

    required: (character, times) that a text must hold for any match, the most frequent one.
    needs_digit: no match without a character that ``\\d`` takes.
    guards: in an ASCII text without any of these, the spans of all matches stay the same whichever
        ASCII digits its digits are replaced by; None where nothing of the kind can be said.
    id_scan: where matches hold ids of letters and digits in a fixed form, such as a UUID, a pattern
        that is found in every text with a match and is quick to look for.
    """

    required: tuple[str, int] | None = None
    needs_digit: bool = False
    guards: tuple[str, ...] | None = None
    id_scan: str | None = None


def traits_of(pattern: str) -> PatternTraits:
    """Raises re.error where ``pattern`` is no regular expression."""
    try:
        tree = parsed(pattern)
        needed = _needed(tree)
        digit = needed.pop("", 0) > 0
        return PatternTraits(
            required=max(needed.items(), key=lambda one: one[1], default=None),
            needs_digit=digit,
            guards=_guards(tree),
            id_scan=_id_scan(tree),
        )
    except UnknownNodeError:
        return PatternTraits()


class UnknownNodeError(Exception):
    """Something in a pattern of which nothing is said here."""


def parsed(pattern: str) -> _Nodes:
    """The parse tree. Raises re.error, and UnknownNodeError where flags change what it means."""
    tree = _PARSER.parse(pattern)
    if tree.state.flags != re.UNICODE.value:
        raise UnknownNodeError
    return list(tree)


def _body(kind: str, value: Any) -> _Nodes | None:
    """The nodes of a group; None where the node is no group."""
    if kind == "SUBPATTERN":
        _, added, removed, body = value
        if added or removed:
            raise UnknownNodeError
        return list(body)
    if kind == "ATOMIC_GROUP":
        return list(value)
    return None


def _needed(nodes: _Nodes) -> Counter[str]:
    """Least times that a match's text holds each character; "" stands for any digit."""
    needed: Counter[str] = Counter()
    for code, value in nodes:
        kind = str(code)
        body = _body(kind, value)
        if body is not None:
            needed += _needed(body)
        elif kind == "LITERAL":
            needed[chr(value)] += 1
            if chr(value).isdigit():
                needed[""] += 1
        elif kind == "IN":
            needed[""] += _only_digits(value)
        elif kind in _REPEATS:
            least, _, repeated = value
            if least:
                once = _needed(list(repeated))
                needed += Counter({what: least * times for what, times in once.items()})
        elif kind == "BRANCH":
            alternatives = [_needed(list(one)) for one in value[1]]
            common = alternatives[0]
            for other in alternatives[1:]:
                common &= other
            needed += common
        elif kind == "ASSERT":
            # It may look at what other nodes take, so its characters must not be added up; that
            # there is a digit at all may be said twice.
            needed[""] += _needed(list(value[1]))[""]
        elif kind not in ("NOT_LITERAL", "ANY", "AT", "ASSERT_NOT"):
            raise UnknownNodeError
    return needed


def _only_digits(members: _Nodes) -> bool:
    for code, value in members:
        kind = str(code)
        if kind == "CATEGORY" and str(value) == "CATEGORY_DIGIT":
            continue
        if kind == "LITERAL" and chr(value) in _DIGITS:
            continue
        if kind == "RANGE" and chr(value[0]) in _DIGITS and chr(value[1]) in _DIGITS:
            continue
        return False
    return True


def _guards(nodes: _Nodes) -> tuple[str, ...] | None:
    """Literal text with digits in it, which must be absent for all digits to be alike."""
    runs = _literals_if_alike(nodes, _DIGITS)
    if runs is None:
        return None
    return tuple(dict.fromkeys(run for run in runs if _DIGITS.intersection(run)))


def _literals_if_alike(nodes: _Nodes, alike: frozenset[str]) -> list[str] | None:
    """Runs of literal text; None where something else takes some of ``alike`` and not all."""
    runs: list[str] = []
    run = ""
    for code, value in [*nodes, ("AT", None)]:
        kind = str(code)
        if kind == "LITERAL":
            run += chr(value)
            continue
        if run:
            runs.append(run)
        run = ""
        inner: list[_Nodes] = []
        body = _body(kind, value)
        if body is not None:
            inner.append(body)
        elif kind == "NOT_LITERAL":
            if chr(value) in alike:
                return None
        elif kind == "IN":
            if not 0 < _taken(value, alike) < len(alike):
                continue
            return None
        elif kind in _REPEATS:
            inner.append(list(value[2]))
        elif kind == "BRANCH":
            inner += [list(one) for one in value[1]]
        elif kind in ("ASSERT", "ASSERT_NOT"):
            inner.append(list(value[1]))
        elif kind not in ("ANY", "AT"):
            return None
        for one in inner:
            found = _literals_if_alike(one, alike)
            if found is None:
                return None
            runs += found
    return runs


def _taken(members: _Nodes, characters: frozenset[str]) -> int:
    pattern = re.compile(class_text(members))
    return sum(pattern.match(one) is not None for one in characters)


def _id_scan(nodes: _Nodes) -> str | None:
    flat = _flat(nodes)
    for place, (code, value) in enumerate(flat):
        kind = str(code)
        if kind == "LITERAL" and not chr(value).isalnum() and (scan := _scan(flat[place:])):
            return scan
        if kind not in _SINGLE and kind not in _EMPTY and kind != "BRANCH":
            return None
    return None


def _flat(nodes: _Nodes) -> _Nodes:
    """The same with groups opened and what repeats a known number of times written out."""
    flat: _Nodes = []
    for code, value in nodes:
        kind = str(code)
        body = _body(kind, value) if kind != "ATOMIC_GROUP" else None
        if body is not None:
            flat += _flat(body)
        elif kind in _REPEATS and value[0] == value[1]:
            once = _flat(list(value[2]))
            if len(once) * int(value[0]) > _UNROLLED:
                flat.append((code, value))
            else:
                flat += once * int(value[0])
        else:
            flat.append((code, value))
    return flat


def _scan(flat: _Nodes) -> str | None:
    """Pattern of the single characters that ``flat`` begins with, if they are many and varied."""
    texts: list[str] = []
    varied = False
    for code, value in flat:
        kind = str(code)
        if kind == "LITERAL":
            texts.append(re.escape(chr(value)))
        elif kind == "IN":
            text = class_text(value)
            texts.append(text)
            varied |= _taken(value, _DIGITS) > 0 and re.match(text, "a") is not None
        elif kind not in _EMPTY:
            break
    return "".join(texts) if varied and len(texts) >= _SELECTIVE else None


_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d", "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S", "CATEGORY_WORD": r"\w", "CATEGORY_NOT_WORD": r"\W",
}  # fmt: skip


def class_text(members: _Nodes) -> str:
    """The pattern of one character that these members of a class make."""
    parts: list[str] = []
    for code, value in members:
        kind = str(code)
        if kind == "NEGATE":
            parts.append("^")
        elif kind == "LITERAL":
            parts.append(re.escape(chr(value)))
        elif kind == "RANGE":
            parts.append(f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}")
        elif kind == "CATEGORY" and str(value) in _CATEGORIES:
            parts.append(_CATEGORIES[str(value)])
        else:
            raise UnknownNodeError
    return f"[{''.join(parts)}]"
