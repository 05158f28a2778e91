"""Kinds of anomalies: every anomaly in one of them, under an event that tells."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainer.kinds import Kind, kinds, table, to_json

SESSIONS = st.lists(
    st.tuples(
        st.lists(st.integers(0, 6), min_size=1, max_size=5),
        st.sampled_from([-1, 0, 1]),
        st.booleans(),
    ),
    max_size=30,
)


def filed(sessions: list[tuple[list[int], int, bool]]) -> list[Kind]:
    return kinds(
        [np.array(events, dtype=np.int64) for events, _, _ in sessions],
        np.array([label for _, label, _ in sessions], dtype=np.int64),
        np.array([verdict for _, _, verdict in sessions], dtype=bool),
    )


def test_by_hand() -> None:
    sessions = [
        ([0, 1], 0, False),
        ([0, 1, 2], 0, True),
        # 3 and 4 are in no normal session; more anomalies have 4.
        ([0, 3, 4], 1, True),
        ([0, 4], 1, False),
        ([0, 4, 2], 1, False),
        # 2 is in one normal session of two, and in two anomalies of four.
        ([1, 2], 1, True),
        ([5], -1, True),
    ]
    assert filed(sessions) == [
        Kind(event=4, sessions=3, found=1, normal=0, example=3),
        Kind(event=None, sessions=1, found=1, normal=0, example=5),
    ]


@given(SESSIONS)
def test_every_anomaly_is_of_one_kind(sessions: list[tuple[list[int], int, bool]]) -> None:
    found = filed(sessions)
    anomalous = [(set(events), verdict) for events, label, verdict in sessions if label == 1]
    assert sum(kind.sessions for kind in found) == len(anomalous)
    assert sum(kind.found for kind in found) == sum(verdict for _, verdict in anomalous)
    assert len({kind.event for kind in found}) == len(found)
    for kind in found:
        events, label, verdict = sessions[kind.example]
        assert label == 1
        assert kind.event is None or kind.event in events
        assert verdict == (kind.found == kind.sessions)
        if kind.event is not None:
            normal = [kind.event in events for events, label, _ in sessions if label == 0]
            assert sum(normal) == kind.normal < max(1, len(normal))


def test_the_table_shows_ten_kinds_and_counts_the_others() -> None:
    # Kind n has n sessions, all but one of them found.
    sessions = [([n], 1, i > 0) for n in range(1, 13) for i in range(n)]
    templates = [f"event {n} {'x' * 80}" for n in range(13)]
    keys = [f"session-{place}" for place in range(len(sessions))]
    rows = to_json(filed(sessions), templates, keys)
    assert [row["sessions"] for row in rows] == list(range(12, 0, -1))
    heading, first, *_, last = lines = table(rows).splitlines()
    assert "found" in heading
    assert first.split()[:4] == ["11", "12", "event", "12"]
    assert first.endswith("... e.g. session-66".replace(" e.g.", "  e.g."))
    assert last.split() == ["1", "3", "in", "2", "rarer", "kinds"]
    assert len(lines) == 12


def test_anomalies_of_usual_events_are_said_to_be_odd_otherwise() -> None:
    rows = to_json(filed([([0], 0, False), ([0, 0], 1, True)]), ["tick"], ["a", "b"])
    assert rows == [
        {
            "event": None,
            "sessions": 1,
            "found": 1,
            "normal_sessions_with_it": 0,
            "example": "b",
        }
    ]
    assert "order or counts" in table(rows)
