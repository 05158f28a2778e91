"""Patterns run on what is known of a text, against ``re`` on texts of that form."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.symbolic import (
    Spans,
    SymbolicPattern,
    UndecidedError,
    any_digit,
    any_hexadecimal,
    origin,
    replaced,
)
from tests.models.test_patterns import LETTERS, PATTERNS, REAL, compiled

LAZY = st.sampled_from(
    [r"a+?\d", r"(\w+?)-", "(?:a|ab)(?:c|bcd)?-", r"(?:(a)|(b)|\d)+", "a{2,3}?", r"(?<![a-c])\w++",
     r"(?:-\d+){2}", r"(?>\d+|x)\d", r"(?=(\w))\w", r"\B\d", r"^\s*(\w+): (.*)$", "(a|b)*?c"]
)  # fmt: skip
DIGIT, HEXADECIMAL = any_digit(0), any_hexadecimal(0)
ANY_PATTERN = st.one_of(PATTERNS, LAZY, st.sampled_from(REAL))


def spans_of(found: Spans, groups: int) -> tuple[tuple[int, int], ...]:
    return tuple(found.get(group, (-1, -1)) for group in range(groups + 1))


def filled(form: str, draw: st.DataObject) -> str:
    kinds = {DIGIT: "0123456789", HEXADECIMAL: "0123456789abcdef"}
    return "".join(draw.draw(st.sampled_from(kinds[one])) if one in kinds else one for one in form)


@given(ANY_PATTERN, st.text(LETTERS + DIGIT + HEXADECIMAL, max_size=40), st.data())
def test_matches_are_those_of_every_text_of_the_form(
    pattern: str, form: str, data: st.DataObject
) -> None:
    regex = compiled(pattern)
    assume(regex is not None)
    assert regex is not None
    symbolic = SymbolicPattern(pattern)
    try:
        found = [spans_of(one, regex.groups) for one in symbolic.finditer(form)]
        first = symbolic.match(form)
    except UndecidedError:
        return
    for _ in range(3):
        text = filled(form, data)
        assert found == [match.regs for match in regex.finditer(text)]
        match = regex.match(text)
        assert (first and spans_of(first, regex.groups)) == (match and match.regs)


@given(st.sampled_from(REAL), st.text(LETTERS, max_size=40))
def test_of_a_text_that_is_known_the_patterns_in_use_are_understood(
    pattern: str, text: str
) -> None:
    found = [one[0] for one in SymbolicPattern(pattern).finditer(text)] if text else []
    assert found == [match.span() for match in re.finditer(pattern, text)] or not text


@pytest.mark.parametrize(
    ("pattern", "form"),
    [
        ("[a-c]", HEXADECIMAL),
        ("[1-9]", DIGIT),
        (r"\d", HEXADECIMAL),
        (r"\d++a?", HEXADECIMAL),
        (r"(?!\d)\w", HEXADECIMAL),
        (r"(a)\1", "aa"),
        ("(?i)a", "a"),
        ("x*", "a"),
        ("(?:x*)*y", "xy"),
        (r"(?:\w+\s?)+:", "a" * 40),
    ],
)
def test_what_cannot_be_said_is_not(pattern: str, form: str) -> None:
    with pytest.raises(UndecidedError):
        list(SymbolicPattern(pattern).finditer(form))


@pytest.mark.parametrize(
    ("pattern", "form", "expected"),
    [
        (r"\d-", HEXADECIMAL, []),
        (r"0x\w+", f"{DIGIT}, 0x{HEXADECIMAL}", [(3, 6)]),
        (r"(?=\d*[a-f])\w+", f"{DIGIT}{DIGIT}", []),
        (r"(?<!\d)-|\w", f"{HEXADECIMAL}+", [(0, 1)]),
    ],
)
def test_what_makes_no_difference_is_not_asked(
    pattern: str, form: str, expected: list[tuple[int, int]]
) -> None:
    assert [found[0] for found in SymbolicPattern(pattern).finditer(form)] == expected


def test_unknown_characters_know_where_they_came_from() -> None:
    assert [origin(one) for one in (any_digit(7), any_hexadecimal(65_000), "7")] == [
        7, 65_000, None,
    ]  # fmt: skip


def test_a_group_is_replaced() -> None:
    number = f"0x{HEXADECIMAL * 4}"
    assert replaced(SymbolicPattern(r"at (\w+)"), "<AT>", f"at {number}, at 7", 1) == (
        "at <AT>, at <AT>"
    )
