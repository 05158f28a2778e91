"""DeepLog on sessions whose next event is one of few."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.batches import Rows
from trainer.benchmark.papers import deeplog
from trainer.benchmark.papers.deeplog import DeepLog, _DeepLog, _Windows
from trainer.benchmark.papers.sequences import LONGEST
from trainer.benchmark.papers.settings import Given
from trainer.benchmark.space import Labelled
from trainer.benchmark.task import Examination, Task

USUAL = [0, 1, 2, 3, 4]
# Rows 0 to 4 are met; 5 never is.
NUMBERS = np.array([3, 4, 5, 6, 7, deeplog._NEVER_MET])


def session(*events: int) -> Rows:
    return np.array(events, dtype=np.int64)


@pytest.fixture(scope="module")
def model() -> _DeepLog:
    """Of each three sessions two are usual ones, and one stops working."""
    sessions = Labelled.of([session(*USUAL), session(*USUAL), session(0, 1, 4)])
    found = _DeepLog(NUMBERS, 2, seed=0)
    found.fit(sessions, sessions)
    return found


def ranks(model: _DeepLog, *sessions: Rows) -> NDArray[np.float64]:
    return model.score(sessions) * model._classes


def test_what_always_follows_ranks_first_and_what_never_does_ranks_last(model: _DeepLog) -> None:
    usual, stopped, swapped, new = ranks(
        model, session(*USUAL), session(0, 1, 4), session(0, 1, 3, 2, 4), session(0, 1, 5, 3, 4)
    )
    assert (usual, stopped) == (1, 2)
    assert stopped < swapped < new
    assert new == model._classes


def test_a_session_that_is_cut_short_is_told_by_its_end_or_by_its_beginning(
    model: _DeepLog,
) -> None:
    usual, without_end, without_beginning = ranks(
        model, session(*USUAL), session(0, 1), session(3, 4)
    )
    assert without_end > usual
    assert without_beginning > usual


def test_a_session_scores_as_if_it_was_alone(model: _DeepLog) -> None:
    sessions = [session(*USUAL), session(4, 4), session(0), session(0, 5), session(0, 1, 2, 4)]
    together = ranks(model, *sessions)
    assert np.array_equal(together, [ranks(model, one)[0] for one in sessions])


def test_windows_are_those_of_a_loop_over_events() -> None:
    sessions = [session(0, 1, 0, 1), session(*[2] * (LONGEST + 3)), session(0, 1)]
    windows = _Windows.of(sessions, NUMBERS)
    expected = []
    for one in sessions:
        told = [int(NUMBERS[event]) for event in one[:LONGEST]]
        told += [deeplog._END] if len(one) <= LONGEST else []
        for i in range(len(told)):
            past = [deeplog._BEFORE] * 10 + told[:i]
            expected.append([*past[-10:], told[i]])
    found = np.column_stack([windows.past.numpy(), windows.following.numpy()])
    assert found[windows.member].tolist() == expected
    assert len(found) == len(np.unique(expected, axis=0))
    assert windows.weights.sum() == len(expected)
    assert windows.first.tolist() == [0, 5, 5 + LONGEST]


def test_new_events_are_anomalous_even_where_held_out_sessions_have_some(
    given: tuple[Task, Examination],
) -> None:
    """A third of the normal sessions has an event of its own, as logs that go on changing."""
    task, _ = given
    own = iter(range(len(task.templates)))
    normal = [session(*USUAL, next(own)) for _ in range(task.trained_events)]
    changing = replace(task, normal=normal, anomalous=[], reserved=[])
    method = DeepLog("deeplog", Given.NORMAL)
    method.fit(changing)
    new = session(*USUAL, len(task.templates) - 1)
    assert method.threshold == 1.0
    assert method.score([new])[0] >= method.threshold
