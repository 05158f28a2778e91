"""Prefixes of a batch, against a trie made of dictionaries."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.prefixes import prefixes

SESSIONS = st.lists(
    st.lists(st.integers(0, 3), min_size=1, max_size=9), min_size=1, max_size=20
) | st.lists(st.lists(st.integers(0, 70_000), min_size=1, max_size=4), min_size=1, max_size=9)


def laid_out(sessions: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.array([len(session) for session in sessions])
    return np.array([kind for session in sessions for kind in session]), lengths


@given(SESSIONS)
def test_every_prefix_is_there_once_and_found_again(sessions: list[list[int]]) -> None:
    found = prefixes(*laid_out(sessions))
    longest = max(map(len, sessions))
    wanted = {tuple(one[:end]) for one in sessions for end in range(1, len(one) + 1)}
    # Read each prefix off the trie, from its parents.
    spelt: list[tuple[int, ...]] = []
    start = before = 0
    for level, size in enumerate(found.sizes.tolist()):
        for node in range(start, start + size):
            parent = spelt[before + found.parents[node]] if level else ()
            assert level or found.parents[node] == 0
            spelt.append((*parent, int(found.kinds[node])))
        before, start = start, start + size
    assert len(spelt) == len(set(spelt)) == len(found.kinds)
    assert set(spelt) == wanted
    assert found.of.shape == (len(sessions), longest)
    for session, places in zip(sessions, found.of.tolist(), strict=True):
        for end, place in enumerate(places, start=1):
            assert spelt[place] == tuple(session[:end])


@given(SESSIONS)
def test_twice_the_sessions_have_no_more_prefixes(sessions: list[list[int]]) -> None:
    once, twice = (prefixes(*laid_out(sessions * times)) for times in (1, 2))
    assert once.sizes.tolist() == twice.sizes.tolist()
