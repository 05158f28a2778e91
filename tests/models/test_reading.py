"""Many sessions described at once, against one after another in the plainest way."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.description import EVENT, STRUCTURE, Describer
from models.embedding import DocumentFrequencies, EventEmbedder
from models.flat import Flat
from models.history import BEGIN, Events, History, pairs_of
from models.reading import MOST_FED, MOST_REPEATS, Description, Reading, fed
from models.traits import TraitReader, rarity
from models.words import WordTable

WORDS = ("disk", "opened", "read", "closed", "error", "success", "melted")
TEMPLATES = ("disk opened", "disk read", "disk closed", "disk error <NUM>", "<NUM>", "read error")
_TABLE = WordTable.from_vectors(WORDS, np.random.default_rng(1).normal(size=(len(WORDS), 6)))
_EMBEDDER = EventEmbedder(_TABLE, DocumentFrequencies.of(TEMPLATES))
# The last of the templates is met after the history was made.
_INSIDE = len(TEMPLATES) - 1

Rows = list[list[int]]
HISTORIES = st.lists(
    st.lists(st.integers(0, _INSIDE - 1), min_size=1, max_size=8), min_size=1, max_size=30
)
# Storms and long sessions, too.
SESSIONS = st.lists(
    st.one_of(
        st.lists(st.integers(0, _INSIDE), min_size=1, max_size=90),
        st.builds(lambda event, n: [event] * n, st.integers(0, _INSIDE), st.integers(1, 70)),
    ),
    min_size=1,
    max_size=6,
)


def arrays(rows: Rows) -> list[Events]:
    return [np.array(row, dtype=np.int64) for row in rows]


def description_of(normal: Rows, anomalous: Rows) -> Description:
    history = History.of(arrays(normal), arrays(anomalous), _INSIDE)
    templates = TEMPLATES[:_INSIDE]
    made = Description(history, templates, _EMBEDDER.embed_all(templates), _TABLE)
    made.learn(_INSIDE, TEMPLATES[_INSIDE:], _EMBEDDER.embed_all(TEMPLATES[_INSIDE:]))
    return made


def describer_of(history: History) -> Describer:
    templates = tuple(f"disk {number}" for number in range(history.events))
    vectors = _EMBEDDER.embed_all(templates)
    return Describer(history, TraitReader(history, templates, vectors, _TABLE).traits)


def fed_simply(session: list[int]) -> list[int]:
    so_far: Counter[int] = Counter()
    kept = []
    for place, event in enumerate(session):
        so_far[event] += 1
        if so_far[event] <= MOST_REPEATS:
            kept.append(place)
    return kept[:MOST_FED]


def row_simply(history: History, session: list[int], place: int) -> dict[str, float]:
    """What counting says of one event as it arrives."""
    event = session[place]
    before = session[place - 1] if place else BEGIN
    so_far = session[: place + 1].count(event)
    counts = history.vectors[:, event] if event < history.events else np.zeros(1)
    weights = history.weights if event < history.events else np.zeros(1)
    n = history.sessions
    having = float(weights[counts > 0].sum())
    often = float(weights[counts >= so_far].sum())
    with_pair = history.pairs.get((before, event), 0.0)
    return {
        "rarity": float(rarity(np.array(having), n)) / 3,
        "new": float(having == 0),
        "pair rarity": float(rarity(np.array(with_pair), n)) / 3,
        "new pair": float(with_pair == 0),
        "rarity of count": float(rarity(np.array(often), n)) / 3,
        "above any count": float(so_far > counts.max()),
    }


@given(HISTORIES, SESSIONS)
@settings(max_examples=80)
def test_events_are_read_together_as_they_are_one_by_one(normal: Rows, sessions: Rows) -> None:
    found = description_of(normal, [])
    reading = found.read(Flat.of(arrays(sessions)))
    assert len(reading.events) == len(reading.features) == len(set(reading.kinds.tolist()))
    ends = np.cumsum(reading.lengths)
    describer = found._describer
    for session, stop, length in zip(sessions, ends, reading.lengths, strict=True):
        places = fed_simply(session)
        assert fed(np.array(session)).tolist() == places
        own = slice(stop - length, stop)
        assert reading.places[own].tolist() == places
        kinds = reading.kinds[own]
        assert reading.events[kinds].tolist() == [session[place] for place in places]
        features = reading.features[kinds]
        assert np.array_equal(features, describer.events(np.array(session))[places])
        for place, row in zip(places, features, strict=True):
            for name, value in row_simply(found.history, session, place).items():
                assert row[EVENT.index(name)] == np.float32(value)


@given(HISTORIES, HISTORIES, SESSIONS)
@settings(max_examples=60)
def test_pairs_of_many_sessions_are_those_of_each(
    normal: Rows, anomalous: Rows, sessions: Rows
) -> None:
    found = description_of(normal, anomalous)
    numbers = found._describer.sessions(arrays(sessions))
    history = found.history
    for session, row in zip(sessions, numbers, strict=True):
        pairs = pairs_of(session)
        in_order = zip([BEGIN, *session], [*session, -2], strict=True)
        rare = [
            float(rarity(np.array(history.pairs.get(pair, 0.0)), history.sessions))
            for pair in in_order
        ]
        new = sum(times for pair, times in pairs.items() if pair not in history.pairs)
        assert row[STRUCTURE.index("rarest pair")] == max(rare)
        assert row[STRUCTURE.index("mean pair rarity")] == sum(rare) / len(rare)
        assert row[STRUCTURE.index("new pairs")] == pytest.approx(math.log1p(new), abs=1e-15)


@given(HISTORIES, SESSIONS)
@settings(max_examples=40)
def test_a_session_is_read_alone_as_among_others(normal: Rows, sessions: Rows) -> None:
    found = description_of(normal, [])
    together = found.inputs(arrays(sessions))
    for index, session in enumerate(sessions):
        alone = found.inputs(arrays([session]))
        assert np.array_equal(alone.places[0], together.places[index])
        assert np.array_equal(alone.features[0], together.features[index])
        assert np.allclose(alone.session[0], together.session[index], rtol=0, atol=1e-6)


@pytest.mark.parametrize("share", [1.0, 0.37, 0.001])
def test_the_nearest_hundredth_is_what_sorting_all_finds(share: float) -> None:
    """Of a history large enough that sorting all of it is what should not happen."""
    rng = np.random.default_rng(5)
    rows = [rng.integers(0, 12, size=rng.integers(1, 20)) for _ in range(4000)]
    history = History.of(rows, [], 12)
    weights = history.weights * rng.uniform(0.1, 3, size=len(history.weights)) * share
    history = replace(history, weights=weights)
    describe = describer_of(history)
    sessions = [rng.integers(0, 12, size=rng.integers(1, 20)) for _ in range(300)]
    found = describe.sessions(sessions)[:, STRUCTURE.index("distance to nearest hundredth")]
    known = np.log1p(history.vectors)
    for session, distance in zip(sessions, found, strict=True):
        counts = np.log1p(np.bincount(session, minlength=12))
        apart = np.linalg.norm(known - counts, axis=1)
        order = np.argsort(apart, kind="stable")
        reached = weights[order].cumsum() >= max(1.0, 0.01 * weights.sum()) - 1e-9
        assert distance == pytest.approx(apart[order][reached.argmax()], abs=2e-4)


def test_chunks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    describe = describer_of(History.of([rng.integers(0, 9, size=12) for _ in range(50)], [], 9))
    sessions = [rng.integers(0, 9, size=rng.integers(1, 30)) for _ in range(70)]
    whole = describe.sessions(sessions)
    monkeypatch.setattr("models.description._MOST_CELLS", 50 * 3)
    assert np.allclose(describe.sessions(sessions), whole, rtol=0, atol=1e-12)


def test_events_met_since_that_no_session_has_make_no_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = description_of([[0, 1, 2, 0], [0, 1]], [])
    describe = made._describer
    rng = np.random.default_rng(7)
    assert len(describe.traits) > describe.history.events
    sessions = [rng.integers(0, len(describe.traits), size=rng.integers(1, 9)) for _ in range(40)]
    whole = describe.sessions(sessions)
    monkeypatch.setattr("models.description._FEW_MET", 0)
    assert np.allclose(describe.sessions(sessions), whole, rtol=0, atol=1e-12)
    monkeypatch.setattr("models.description._MOST_CELLS", 20)
    assert np.allclose(describe.sessions(sessions), whole, rtol=0, atol=1e-12)


@given(HISTORIES, SESSIONS, st.integers(1, 89))
@settings(max_examples=60)
def test_what_is_fed_of_a_beginning_is_the_beginning_of_what_is_fed(
    normal: Rows, sessions: Rows, end: int
) -> None:
    """So equal beginnings are equal to the network, whatever follows."""
    found = description_of(normal, [])
    whole = found.inputs(arrays(sessions))
    begun = found.inputs(arrays([session[:end] for session in sessions]))
    for index, session in enumerate(sessions):
        places, features = whole.places[index], whole.features[index]
        few_places, few_features = begun.places[index], begun.features[index]
        few = len(few_places)
        assert np.array_equal(places[:few], few_places) and (places[few:] >= end).all()
        assert np.array_equal(features[:few], few_features)
        assert few == len(fed_simply(session[:end]))


def test_no_sessions_are_no_reading() -> None:
    found = description_of([[0, 1]], [])
    reading = found.read(Flat.of([]))
    assert len(reading.lengths) == len(reading.kinds) == len(reading.session) == 0
    inputs = found.inputs([])
    assert inputs.places == inputs.features == []


@given(SESSIONS)
def test_without_statistics_all_events_are_fed(sessions: Rows) -> None:
    reading = Reading.plain(Flat.of(arrays(sessions)), 3)
    assert reading.lengths.tolist() == [len(session) for session in sessions]
    assert reading.events[reading.kinds].tolist() == [
        event for session in sessions for event in session
    ]
    assert reading.places.tolist() == [i for session in sessions for i in range(len(session))]
    assert reading.features.shape == (len(reading.events), 3) and not reading.features.any()
