"""Statistics that learn: when an epoch is over, what it takes in, and what survives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.epochs import MOST_HOST_EVENTS, Epoch, Epochs, Pace, beyond_suspicion
from models.history import Fading, History

TEMPLATES = ("opened", "paid", "shipped")
PACE = Pace(fewest=10, most=40, share=0.1, seconds=60, seconds_when_full=600)


def base(sessions: int = 20) -> History:
    return History.of([np.array([0, 1, 2])] * sessions, [], len(TEMPLATES))


def epochs(history: History | None = None, pace: Pace = PACE) -> Epochs:
    return Epochs(history or base(), pace=pace)


@given(st.floats(0, 1), st.floats(0, 1))
def test_nothing_is_learnt_from_what_raises_an_alert_or_nearly_does(
    probability: float, threshold: float
) -> None:
    learnt = beyond_suspicion(probability, threshold)
    if learnt:
        assert probability < threshold
    if 0 < probability < 1 and 0 < threshold < 1:
        odds = probability / (1 - probability) / (threshold / (1 - threshold))
        assert learnt == (odds < 0.5) or odds == pytest.approx(0.5)


def test_the_guard_in_figures() -> None:
    assert beyond_suspicion(0.33, 0.5) and not beyond_suspicion(0.34, 0.5)
    assert not beyond_suspicion(0.0, 0.0)
    assert beyond_suspicion(0.99, 1.0) and not beyond_suspicion(1.0, 1.0)


def test_an_epoch_takes_its_sessions_and_its_time() -> None:
    collecting = epochs()
    collecting.collect([[0, 1]] * 9)
    assert not collecting.due(100.0)
    collecting.collect([[0, 1]])
    assert not collecting.due(159.9)
    assert collecting.due(160.0)
    epoch = collecting.advance(160.0, TEMPLATES)
    assert (epoch.number, collecting.current) == (1, epoch)
    assert collecting.history().sessions == 30
    assert epoch.learnt is not None and epoch.learnt.vectors.tolist() == [[1, 1, 0]]
    collecting.collect([[0, 1]] * 10)
    assert not collecting.due(219.9) and collecting.due(220.0)


def test_an_epoch_is_a_tenth_of_a_large_history_and_no_more_than_a_bound() -> None:
    assert epochs(base(50)).size == 10
    assert epochs(base(200)).size == 20
    assert epochs(base(9000)).size == 40
    assert Epochs(base()).size == 500


def test_the_order_of_epochs_is_that_of_their_numbers_and_each_adds_to_the_last() -> None:
    collecting = epochs()
    for number in range(1, 4):
        collecting.collect([[number - 1]] * 10)
        collecting.due(0.0)
        assert collecting.advance(60.0 * number, TEMPLATES).number == number
    assert collecting.history().sessions == 50
    assert sorted(collecting.history().weights.tolist()) == [10, 10, 10, 20]
    assert collecting.base.sessions == 20, "what was learnt leaves the bundle's own alone"


def test_of_a_busy_minute_the_whole_is_sampled() -> None:
    collecting = epochs(pace=Pace(fewest=100, most=100))
    collecting.collect([[0]] * 500)
    collecting.collect([[1]] * 500)
    learnt = collecting.advance(60.0, TEMPLATES).learnt
    assert learnt is not None
    assert learnt.sessions == 100
    assert min(learnt.weights) >= 30
    again = epochs(pace=Pace(fewest=100, most=100))
    again.collect([[0]] * 500 + [[1]] * 500)
    repeated = again.advance(60.0, TEMPLATES).learnt
    assert repeated is not None and repeated.weights.tolist() == learnt.weights.tolist()


def test_long_sessions_do_not_fill_the_memory() -> None:
    collecting = Epochs(base(), pace=PACE, most_lines=1000)
    collecting.collect([[0] * 400] * 1000)
    learnt = collecting.advance(60.0, TEMPLATES).learnt
    assert learnt is not None and learnt.sessions == 2


def test_a_full_history_changes_slowly() -> None:
    collecting = Epochs(base(), pace=PACE, fading=Fading(sessions=30))
    now = 0.0
    collecting.due(now)
    for _ in range(4):
        collecting.collect([[0, 1]] * 10)
        now += 60
        assert collecting.due(now)
        learnt = collecting.advance(now, TEMPLATES).learnt
        assert learnt is not None and learnt.sessions <= 30
        if learnt.sessions == 30:
            break
    collecting.collect([[0, 1]] * 10)
    assert not collecting.due(now + 599) and collecting.due(now + 600)


def test_what_the_bundle_knows_is_never_forgotten() -> None:
    collecting = Epochs(base(1), pace=PACE, fading=Fading(sessions=20))
    for number in range(60):
        collecting.collect([[0, 1]] * 10)
        collecting.advance(float(number), TEMPLATES)
    assert [1, 1, 1] in collecting.history().vectors.tolist()
    assert collecting.history().sessions == pytest.approx(21)


def test_events_met_here_get_columns_but_no_flood_of_them() -> None:
    met = tuple(f"met {number}" for number in range(MOST_HOST_EVENTS + 50))
    collecting = epochs()
    last = len(TEMPLATES) + MOST_HOST_EVENTS - 1
    collecting.collect([[0, 3]] * 5 + [[0, last]] * 5 + [[0, last + 1]] * 50)
    learnt = collecting.advance(60.0, TEMPLATES + met).learnt
    assert learnt is not None
    assert learnt.sessions == 10
    assert learnt.events == last + 1
    assert learnt.vectors[:, 3].any() and learnt.vectors[:, last].any()


def test_an_epoch_survives_being_written_down() -> None:
    collecting = epochs()
    collecting.collect([[0, 3], [1, 1, 2]] * 10)
    epoch = collecting.advance(60.0, (*TEMPLATES, "zürich\u2028station"))
    again = Epoch.from_bytes(1, epoch.to_bytes())
    assert again.number == 1 and again.templates == epoch.templates
    one, other = epochs(), Epochs(base(), again, pace=PACE)
    one.current = epoch
    assert np.array_equal(one.history().vectors, other.history().vectors)
    assert one.history().pairs == other.history().pairs
    assert other.size == one.size


@pytest.mark.parametrize("cut", [0, 10, -20])
def test_a_damaged_epoch_is_refused(cut: int) -> None:
    collecting = epochs()
    collecting.collect([[0]] * 10)
    content = collecting.advance(60.0, TEMPLATES).to_bytes()
    with pytest.raises(ValueError, match="epoch 7"):
        Epoch.from_bytes(7, content[:cut])
