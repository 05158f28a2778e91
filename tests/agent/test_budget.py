"""The guarantee of the alert budget, on streams that were made to break it."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.budget import HIGHEST, LOWEST, Budget, check_per_day
from models.errors import UserError

DAY = 86_400.0
budgets = st.one_of(st.floats(0.01, 20), st.floats(20, 5_000))
streams = st.lists(
    st.tuples(
        st.floats(0, 1, width=32),
        st.one_of(st.just(0.0), st.floats(0, 10), st.floats(0, 2 * DAY)),
        st.integers(1, 60),
    ),
    max_size=60,
)


def played(budget: Budget, stream: list[tuple[float, float, int]]) -> list[tuple[float, float]]:
    """Time and score of what passed; each entry: a score, seconds since the one before, times."""
    now, passed = 0.0, []
    for score, pause, times in stream:
        now += pause
        passed += [(now, score) for _ in range(times) if budget.passes(score, now)]
    return passed


@given(budgets, st.floats(0, 1), streams)
@example(5, 0.5, [(0.9989, 0.0, 1000)])
@example(5, 0.5, [(0.9989, 60.0, 1)] * 1000)
@example(5, 0.05, [(1.0, 0.0, 5), (0.2, DAY, 50), (0.998, 0.0, 500)])
def test_in_any_time_no_more_pass_than_the_budget_and_its_slack(
    per_day: float, threshold: float, stream: list[tuple[float, float, int]]
) -> None:
    budget = Budget(per_day, threshold)
    times = [now for now, score in played(budget, stream) if score < HIGHEST]
    for first, begin in enumerate(times):
        for last in range(first, len(times)):
            days = (times[last] - begin) / DAY
            assert last - first + 1 <= per_day * days + budget.slack + 1e-6


@pytest.mark.parametrize("per_day", [2, 5, 50])
@pytest.mark.parametrize("drift", [0.0, 1.0, -0.7])
def test_where_no_bound_is_met_the_budget_is_used(per_day: float, drift: float) -> None:
    """Sessions change for good, and wax and wane over the day: the rate comes out all the same."""
    budget = Budget(per_day, 0.5)
    days, sessions = 40, 1000
    rng = np.random.default_rng(7)
    time = np.arange(days * sessions) / sessions
    level = -2 + drift * (time > days / 2) + 0.5 * np.sin(2 * math.pi * time)
    scores = 1 / (1 + np.exp(-rng.logistic(level, 0.7)))
    passed = 0
    for day, score in zip(time.tolist(), scores.tolist(), strict=True):
        passed += budget.passes(score, day * DAY)
        assert LOWEST * 1.001 < budget.threshold < HIGHEST
    assert abs(passed - per_day * days) <= budget.slack


def test_the_slack_is_two_days_and_one() -> None:
    for per_day in (5, 10, 100, 2000):
        assert Budget(per_day, 0.5).slack == pytest.approx(2 * per_day + 1)
    assert Budget(0.1, 0.5).slack == pytest.approx(5.93, abs=0.01)


def test_what_is_above_the_highest_is_told_of_with_the_budget_used_up() -> None:
    budget = Budget(1, 0.5)
    assert all(budget.passes(0.9995, 0.0) for _ in range(1000))
    assert not budget.passes(0.998, 0.0)
    assert budget.threshold == pytest.approx(HIGHEST)


def test_what_is_below_the_lowest_is_never_told_of() -> None:
    budget = Budget(1000, 0.5)
    assert not any(budget.passes(0.049, hour * 3600.0) for hour in range(1000))
    assert budget.threshold == pytest.approx(LOWEST)


def test_a_quiet_night_saves_no_alerts_for_the_morning() -> None:
    one, other = Budget(5, 0.5), Budget(5, 0.5)
    for budget, night in ((one, 3600.0), (other, 12 * 3600.0)):
        budget.passes(0.01, 0.0)
        budget.passes(0.01, night)
    assert one.threshold == other.threshold


def test_a_clock_that_goes_back_moves_nothing() -> None:
    budget = Budget(5, 0.5)
    budget.passes(0.01, 1000.0)
    before = budget.threshold
    budget.passes(0.01, 10.0)
    assert budget.threshold == before


@given(st.lists(st.floats(0.06, 0.99), min_size=2, max_size=200, unique=True), st.floats(0.1, 200))
def test_it_starts_where_it_would_have_cut_the_warm_up(scores: list[float], per_day: float) -> None:
    budget = Budget(per_day, 0.5)
    budget.start_from(scores, DAY / 2)
    above = sum(score >= budget.threshold * (1 + 1e-9) for score in scores)
    assert above <= per_day / 2
    if per_day / 2 < len(scores) / (len(scores) + 1):
        assert above == 0
        assert budget.threshold > max(scores) or budget.threshold == pytest.approx(HIGHEST)


def test_of_nothing_it_starts_where_it_was() -> None:
    budget = Budget(5, 0.5)
    budget.start_from([], 3600.0)
    assert budget.threshold == 0.5


def test_it_goes_on_where_it_was_saved() -> None:
    whole, first = Budget(5, 0.5), Budget(5, 0.5)
    stream = [(number * 613.0, (number * 37 % 100) / 100) for number in range(200)]
    before = [whole.passes(score, now) for now, score in stream]
    after = [first.passes(score, now) for now, score in stream[:100]]
    second = Budget(5, 0.9)
    second.restore(first.to_json())
    assert after + [second.passes(score, now) for now, score in stream[100:]] == before


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"log_odds": NaN, "seen": 1}', '{"seen": 1}'])
def test_what_makes_no_sense_is_not_restored(body: str) -> None:
    with pytest.raises(ValueError):
        Budget(5, 0.5).restore(body)


@given(budgets)
def test_every_alert_raises_the_threshold(per_day: float) -> None:
    budget = Budget(per_day, 0.3)
    thresholds = [budget.threshold]
    for _ in range(5):
        assert budget.passes(0.9985, 0.0) or budget.threshold > 0.9985
        thresholds.append(budget.threshold)
    assert all(later >= earlier for earlier, later in pairwise(thresholds))
    assert thresholds[1] > thresholds[0]


@pytest.mark.parametrize("per_day", [0.0, -1.0, math.inf, math.nan])
def test_what_is_no_budget_is_refused(per_day: float) -> None:
    with pytest.raises(UserError, match="alerts-per-day"):
        check_per_day(per_day)
