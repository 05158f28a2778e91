"""Which sessions are chosen for a label."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainer.choice import Choice, Ground, choose

_SESSIONS = st.lists(
    st.tuples(
        st.lists(st.integers(0, 5), min_size=1, max_size=6),
        st.sampled_from([-1, -1, -1, 0, 1]),
        st.floats(0, 1),
    ),
    min_size=1,
    max_size=40,
)


def chosen(
    sessions: list[tuple[list[int], int, float]], count: int, threshold: float = 0.5
) -> list[Choice]:
    sequences, labels, scores = zip(*sessions, strict=True)
    return choose(
        [np.array(one, dtype=np.int64) for one in sequences],
        np.array(labels, dtype=np.int64),
        np.array(scores),
        threshold,
        count,
    )


@given(_SESSIONS, st.integers(1, 12))
def test_distinct_without_a_label_and_as_many_as_there_are(
    sessions: list[tuple[list[int], int, float]], count: int
) -> None:
    choices = chosen(sessions, count)
    labelled = {tuple(events) for events, label, _ in sessions if label != -1}
    open_ones = {tuple(events) for events, _, _ in sessions} - labelled
    taken = [tuple(sessions[choice.place][0]) for choice in choices]
    assert len(set(taken)) == len(taken) == min(count, len(open_ones))
    assert set(taken) <= open_ones
    for choice, events in zip(choices, taken, strict=True):
        assert choice.copies == sum(tuple(one) == events for one, _, _ in sessions)
    assert choices == chosen(sessions, count)


def test_the_highest_score_comes_first_and_grounds_say_where_the_others_stand() -> None:
    sessions = [([kind], -1, kind / 40) for kind in range(40)]
    choices = chosen(sessions, 12, threshold=0.9)
    assert (choices[0].place, choices[0].ground) == (39, Ground.SUSPICIOUS)
    for choice in choices:
        score, fifth = sessions[choice.place][2], choice.place >= 32
        expected = Ground.SUSPICIOUS if score >= 0.9 else Ground.UNCERTAIN
        assert choice.ground == (expected if fifth else Ground.DIFFERENT)


def test_one_that_stands_for_many_comes_before_one_that_is_like_no_other() -> None:
    """The farthest first would ask about odd ones that say nothing about the rest."""
    group = [([0, 1, 2, *[3] * more], -1, 0.8) for more in range(8)]
    odd = [([9, 10, 11, kind], -1, 0.82 - kind / 1000) for kind in (12, 13)]
    sessions = [*odd, *group, *[([0, 1], -1, 0.01)] * 90]
    first = chosen(sessions, 6)[0]
    assert sessions[first.place] in group


def test_an_anomaly_of_each_kind_before_a_second_of_one() -> None:
    kinds = [([0, 1, 7], 0.9), ([0, 1, 8], 0.8), ([0, 1, 9], 0.7)]
    sessions = [
        ([*events, *[0] * more], -1, score - more / 1000)
        for events, score in kinds
        for more in range(5)
    ]
    sessions += [([0, 1, 2, *[3] * more], -1, 0.01) for more in range(60)]
    assert {sessions[one.place][0][2] for one in chosen(sessions, 4)} >= {7, 8, 9}


def test_what_is_labelled_already_is_not_asked_about_in_other_words() -> None:
    """With one of two equally suspicious kinds labelled, the other one is asked about."""
    sessions = [([0, 5], 1, 0.9), ([0, 5, 5], -1, 0.9), ([0, 6, 6], -1, 0.9), ([0, 1], -1, 0.0)]
    assert chosen(sessions, 1)[0].place == 2


def test_many_copies_count() -> None:
    """Of two kinds as far from all others, the one that stands for more sessions; but what is usual
    is not asked about for being usual."""
    usual = [([0, 1], -1, 0.0)] * 100
    sessions = [([0, 5], -1, 0.9), *[([0, 6], -1, 0.9)] * 10, *usual]
    choice = chosen(sessions, 3)[0]
    assert (choice.place, choice.copies) == (1, 10)
    assert [one.copies for one in chosen(sessions, 3)] == [10, 1, 100]
