"""Durations: what people write is read, and what is said can be read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.durations import parse_duration, readable_duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0s"),
        (0.4, "0s"),
        (45, "45s"),
        (60, "1m"),
        (1826, "30m26s"),
        (7200, "2h"),
        (7205, "2h"),
        (86400 + 60, "1d"),
        (27_535_959, "318d16h"),
    ],
)
def test_the_two_largest_units_are_said(seconds: float, words: str) -> None:
    assert readable_duration(seconds) == words


@given(st.integers(0, 10**9))
def test_what_is_said_is_a_duration_short_by_a_twenty_fourth_at_most(seconds: int) -> None:
    again = parse_duration(readable_duration(seconds), "--warmup")
    assert again <= seconds <= again * 25 / 24 + 60
