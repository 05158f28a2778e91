"""The indexed Drain against the plain one: same clusters, same templates, for every line."""

import pytest
from drain3.drain import Drain
from hypothesis import given
from hypothesis import strategies as st

from models.events import DrainParameters, EventParser, mine
from models.indexed_drain import IndexedDrain
from models.masks import DEFAULT_MASKS

# Many lines of one length and few words: long leaves, and many that are equally similar.
WORDS = st.sampled_from(["a", "b", "c", "d", "<*>", "7", "x1"])
LINES = st.one_of(
    st.lists(st.lists(WORDS, min_size=4, max_size=4).map(" ".join), max_size=80),
    st.lists(st.lists(WORDS, max_size=7).map(" ".join), max_size=60),
)
SIMILARITIES = st.sampled_from([0.3, 0.5, 0.75, 0.85, 1.0])


def both(similarity: float, children: int) -> tuple[Drain, IndexedDrain]:
    return (
        Drain(depth=4, sim_th=similarity, max_children=children, param_str="<*>"),
        IndexedDrain(depth=4, sim_th=similarity, max_children=children, param_str="<*>"),
    )


@given(LINES, LINES, SIMILARITIES, st.sampled_from([2, 100]))
def test_the_same_clusters(
    lines: list[str], others: list[str], similarity: float, children: int
) -> None:
    plain, indexed = both(similarity, children)
    for line in lines:
        expected, change = plain.add_log_message(line)
        found, made = indexed.add_log_message(line)
        assert (found.cluster_id, made) == (expected.cluster_id, change)
    for strategy in ("fallback", "never", "always"):
        for line in [*lines, *others]:
            expected_match = plain.match(line, strategy)
            match = indexed.match(line, strategy)
            assert (match and match.cluster_id) == (expected_match and expected_match.cluster_id)
    assert [(one.cluster_id, one.size, one.get_template()) for one in indexed.clusters] == [
        (one.cluster_id, one.size, one.get_template()) for one in plain.clusters
    ]


@given(LINES, LINES, SIMILARITIES, st.integers(0, 20), st.sampled_from([3, 1000]))
def test_the_same_events(
    history: list[str], live: list[str], similarity: float, capacity: int, memory: int
) -> None:
    parameters = DrainParameters(similarity=similarity)
    templates = mine(history, parameters)
    assert templates == mine(history, parameters, quick=False)
    quick, plain = (
        EventParser(
            templates, DEFAULT_MASKS, parameters, capacity=capacity, memory=memory, quick=quick
        )
        for quick in (True, False)
    )
    assert quick.parse(live) == plain.parse(live)
    assert quick.parse([*history, *live]) == plain.parse([*history, *live])
    assert (quick.templates, quick.overflowed) == (plain.templates, plain.overflowed)
    assert quick.take_changed() == plain.take_changed()


@pytest.mark.parametrize("few", [0, 500])
def test_a_leaf_of_hundreds_of_templates(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compared token by token, and all at once."""
    monkeypatch.setattr("models.indexed_drain._FEW", few)
    lines = [f"user u{a} of v{b} did w{a * b % 7} on h{b}" for a in range(20) for b in range(20)]
    plain, indexed = both(0.85, 100)
    assert [indexed.add_log_message(line)[0].cluster_id for line in lines] == [
        plain.add_log_message(line)[0].cluster_id for line in lines
    ]
    assert len(indexed.clusters) == len(plain.clusters) > 100
