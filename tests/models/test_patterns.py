"""What is said of patterns, against the patterns themselves on made-up texts."""

import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.lines import FORMATS
from models.masks import DEFAULT_MASKS
from models.patterns import PatternTraits, traits_of
from trainer.datasets.raw import DEFAULT_RULES

REAL = [
    *(mask.pattern for mask in DEFAULT_MASKS),
    *(rule.key_regex for rule in DEFAULT_RULES.values() if rule.key_regex),
    *(one.regex for one in FORMATS.values() if one.regex),
]
ATOMS = st.sampled_from(
    ["a", "0", "1", "x", "-", ".", " ", r"\d", r"\w", r"\b", "[0-9a-f]", "[a-c]", "[1-9]", "[^0-9]",
     "[^x]", "0x", "-a", r"\s", "^", "$"]
)  # fmt: skip


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "+?", "{0}"])).map(
            lambda one: f"(?:{one[0]}){one[1]}"
        ),
        st.tuples(st.sampled_from(["(", "(?=", "(?!", "(?>", "(?i:"]), inner).map(
            lambda one: f"{one[0]}{one[1]})"
        ),
        st.tuples(st.sampled_from(["(?<=", "(?<!"]), ATOMS).map(lambda one: f"{one[0]}{one[1]})"),
    )


PATTERNS = st.recursive(ATOMS, _grown, max_leaves=8)
LETTERS = "aabcxf--.: 0123/"


def compiled(pattern: str) -> re.Pattern[str] | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return re.compile(pattern)
        except re.error:
            return None


@given(st.one_of(PATTERNS, st.sampled_from(REAL)), st.text(LETTERS, max_size=60), st.randoms())
def test_what_is_said_holds(pattern: str, text: str, random: object) -> None:
    regex = compiled(pattern)
    if regex is None:
        return
    traits = traits_of(pattern)
    spans = [match.regs for match in regex.finditer(text)]
    if spans and traits.required is not None:
        assert text.count(traits.required[0]) >= traits.required[1]
    if spans and traits.needs_digit:
        assert any(letter.isdigit() for letter in text)
    if spans and traits.id_scan is not None:
        assert re.search(traits.id_scan, text)
    if traits.guards is None or any(guard in text for guard in traits.guards):
        return
    choose = random.choice  # type: ignore[attr-defined]
    other = "".join(choose("0123456789") if letter.isdigit() else letter for letter in text)
    if not any(guard in other for guard in traits.guards):
        assert [match.regs for match in regex.finditer(other)] == spans


@pytest.mark.parametrize("pattern", REAL)
def test_real_patterns_treat_digits_alike(pattern: str) -> None:
    assert traits_of(pattern).guards is not None


def test_what_is_said_of_a_uuid() -> None:
    traits = traits_of(DEFAULT_MASKS[0].pattern)
    assert traits.required == ("-", 4)
    assert traits.id_scan is not None
    assert re.search(traits.id_scan, "id 38101a0b-2096-447d-96ea-a692162415ae")
    assert not re.search(traits.id_scan, "a-well-known-word-or-two and 2005-06-03-15.42.50")


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?i)a", "a(?i:b)", "(a)?(?(1)b|c)"])
def test_of_what_is_not_understood_nothing_is_said(pattern: str) -> None:
    assert traits_of(pattern) == PatternTraits()


@pytest.mark.parametrize("pattern", ["[1-9]", "[^0]", "[135]x"])
def test_digits_that_are_not_alike(pattern: str) -> None:
    assert traits_of(pattern).guards is None


def test_no_regular_expression() -> None:
    with pytest.raises(re.error):
        traits_of("(")
