"""The cache of scores: what comes out went in, and it stays within its bounds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.sequence_cache import SequenceCache, events_of, key_of

SEQUENCES = st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=9)


@given(st.lists(SEQUENCES, min_size=1, max_size=9))
def test_a_key_is_the_sequence(sequences: list[list[int]]) -> None:
    keys = [key_of(one) for one in sequences]
    assert len(set(keys)) == len(set(map(tuple, sequences)))
    assert keys == [key_of(np.array(one, dtype=np.int64)) for one in sequences]
    events, lengths = events_of(keys)
    assert events.tolist() == [event for one in sequences for event in one]
    assert lengths.tolist() == [len(one) for one in sequences]


@given(st.lists(st.tuples(st.lists(st.integers(0, 2), min_size=1, max_size=4), st.booleans())))
def test_it_holds_the_last_used_and_no_more_than_it_may(
    done: list[tuple[list[int], bool]],
) -> None:
    """Against a list, the last used at its end."""
    cache = SequenceCache[str](most=5, most_events=12)
    model: list[bytes] = []
    for sequence, put in done:
        key = key_of(sequence)
        if put:
            cache.put(key, str(sequence))
            model = [*(one for one in model if one != key), key]
            while len(model) > 5 or sum(map(len, model)) > 4 * 12:
                model.pop(0)
        else:
            expected = str(sequence) if key in model else None
            assert cache.get(key) == expected
            if expected:
                model = [*(one for one in model if one != key), key]
        assert len(cache) == len(model)
        assert cache.events == sum(map(len, model)) // 4
    cache.clear()
    assert len(cache) == cache.events == 0


def test_what_is_larger_than_the_cache_is_not_kept() -> None:
    cache = SequenceCache[str](most=5, most_events=3)
    cache.put(key_of([1, 2, 3, 4]), "long")
    assert cache.get(key_of([1, 2, 3, 4])) is None
    assert cache.events == 0
