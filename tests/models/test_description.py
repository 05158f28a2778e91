"""What a history says of sessions, against counting by hand and against itself."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.description import (
    EVENT,
    EVENT_INPUTS,
    EVIDENCE,
    MEANING,
    PLAIN,
    STRUCTURE,
    Describer,
)
from models.embedding import DocumentFrequencies, EventEmbedder
from models.flat import Flat
from models.history import History, pairs_of
from models.meaning import MeaningReader
from models.reading import Description, fed
from models.session_inputs import FAMILIAR, GROUPS, SESSION_INPUTS, session_inputs
from models.traits import TraitReader
from models.words import WordTable

TEMPLATES = ("disk opened", "disk read", "disk closed", "disk error <NUM>", "<NUM>")
WORDS = ("disk", "opened", "read", "closed", "error", "success", "melted")
_TABLE = WordTable.from_vectors(WORDS, np.random.default_rng(1).normal(size=(len(WORDS), 6)))
_EMBEDDER = EventEmbedder(_TABLE, DocumentFrequencies.of(TEMPLATES))

Rows = list[list[int]]
SESSIONS = st.lists(st.integers(0, len(TEMPLATES) - 1), min_size=1, max_size=8)
HISTORIES = st.lists(SESSIONS, min_size=1, max_size=12)


def arrays(rows: Rows) -> list[np.ndarray]:
    return [np.array(row, dtype=np.int64) for row in rows]


def history_of(normal: Rows, anomalous: Rows) -> History:
    return History.of(arrays(normal), arrays(anomalous), len(TEMPLATES))


def describer(normal: Rows, anomalous: Rows) -> Describer:
    history = history_of(normal, anomalous)
    vectors = _EMBEDDER.embed_all(TEMPLATES)
    return Describer(history, TraitReader(history, TEMPLATES, vectors, _TABLE).traits)


def rare(sessions_with: float, sessions: int) -> float:
    return -math.log10((sessions_with + 0.5) / (sessions + 1))


@given(HISTORIES, SESSIONS)
@settings(max_examples=60)
def test_the_numbers_of_a_session_are_those_that_counting_gives(
    normal: Rows, session: list[int]
) -> None:
    found = dict(
        zip(STRUCTURE + MEANING + EVIDENCE, describer(normal, []).sessions(arrays([session]))[0],
            strict=True)
    )  # fmt: skip
    n = len(normal)
    having = {event: sum(event in one for one in normal) for event in range(len(TEMPLATES))}
    rarities = [rare(having[event], n) for event in session]
    assert found["largest rarity"] == pytest.approx(max(rarities))
    assert found["mean rarity"] == pytest.approx(sum(rarities) / len(session))
    new = [event for event in session if not having[event]]
    assert found["new events"] == pytest.approx(math.log1p(len(new)))
    assert found["new kinds of events"] == pytest.approx(math.log1p(len(set(new))))
    pairs = pairs_of(session)
    with_pair = {pair: sum(pair in pairs_of(one) for one in normal) for pair in pairs}
    assert found["rarest pair"] == pytest.approx(max(rare(k, n) for k in with_pair.values()))
    unseen = sum(times for pair, times in pairs.items() if not with_pair[pair])
    assert found["new pairs"] == pytest.approx(math.log1p(unseen))

    def logged(one: list[int]) -> np.ndarray:
        return np.log1p([one.count(event) for event in range(len(TEMPLATES))])

    distances = [float(np.linalg.norm(logged(session) - logged(one))) for one in normal]
    assert found["distance to nearest"] == pytest.approx(min(distances), abs=2e-4)
    equal = sum(Counter(one) == Counter(session) for one in normal)
    assert found["share of count vector"] == pytest.approx(rare(equal, n))
    same_set = sum(set(one) == set(session) for one in normal)
    assert found["share of event set"] == pytest.approx(rare(same_set, n))
    apart = min(len(set(one) ^ set(session)) for one in normal)
    assert found["distance of event sets"] == pytest.approx(math.sqrt(apart))
    over = [
        rare(sum(one.count(event) >= session.count(event) for one in normal), n)
        for event in set(session)
    ]
    assert found["rarest count"] == pytest.approx(max(over))


@given(HISTORIES, SESSIONS)
@settings(max_examples=60)
def test_the_numbers_of_an_event_are_known_when_it_arrives(
    normal: Rows, session: list[int]
) -> None:
    describe = describer(normal, [])
    whole = describe.events(np.array(session))
    assert whole.shape == (len(session), EVENT_INPUTS)
    for length in range(1, len(session) + 1):
        assert np.array_equal(describe.events(np.array(session[:length])), whole[:length])
    column = EVENT.index("above any count")
    for place, event in enumerate(session):
        so_far = session[: place + 1].count(event)
        assert whole[place, column] == (so_far > max(one.count(event) for one in normal))


@given(HISTORIES, HISTORIES, st.lists(SESSIONS, min_size=1, max_size=6))
@settings(max_examples=40)
def test_a_session_is_described_alone_as_among_others(
    normal: Rows, anomalous: Rows, sessions: Rows
) -> None:
    describe = describer(normal, anomalous)
    together = describe.sessions(arrays(sessions))
    for row, session in zip(together, sessions, strict=True):
        assert np.allclose(describe.sessions(arrays([session]))[0], row, atol=1e-12)
    assert np.isfinite(together).all()


def description(normal: Rows, templates: tuple[str, ...] = TEMPLATES) -> Description:
    history = History.of(arrays(normal), [], len(templates))
    vectors = _EMBEDDER.embed_all(templates)
    return Description(history, templates, vectors, _TABLE)


NORMAL: Rows = [[0, 1, 2], [0, 1, 1, 2], [0, 2], [0, 1, 2]]


def test_an_event_met_on_a_host_is_described_as_one_that_the_history_never_had() -> None:
    """The same template, once among the history's events and once learnt later."""
    inside = description(NORMAL, (*TEMPLATES, "disk melted"))
    later = description(NORMAL)
    event = len(TEMPLATES)
    later.learn(event, ["disk melted"], _EMBEDDER.embed("disk melted")[None])
    session = arrays([[0, event, event, 2]])
    first, second = inside.inputs(session), later.inputs(session)
    assert np.allclose(first.session, second.session, atol=1e-6)
    assert np.allclose(first.features[0], second.features[0], atol=1e-6)


def test_a_host_template_that_changes_is_read_again() -> None:
    one, other = description(NORMAL), description(NORMAL)
    event = len(TEMPLATES)
    one.learn(event, ["disk error"], _EMBEDDER.embed("disk error")[None])
    one.learn(event, ["disk melted"], _EMBEDDER.embed("disk melted")[None])
    other.learn(event, ["disk melted"], _EMBEDDER.embed("disk melted")[None])
    session = arrays([[0, event, 2]])
    assert np.array_equal(one.inputs(session).session, other.inputs(session).session)


@given(HISTORIES, HISTORIES)
@settings(max_examples=30)
def test_a_history_survives_being_written_down(normal: Rows, anomalous: Rows) -> None:
    history = history_of(normal, anomalous)
    again = History.from_arrays(history.arrays())
    assert np.array_equal(again.vectors, history.vectors)
    assert np.array_equal(again.weights, history.weights)
    assert again.pairs == history.pairs
    assert np.array_equal(again.anomalies, history.anomalies)
    assert again.labelled == history.labelled


def test_what_is_plain_of_a_session_is_unknown_without_labels() -> None:
    numbers = describer(NORMAL, []).sessions(arrays([[0, 1, 2], [4, 4]]))
    labelled = session_inputs(numbers, history_of(NORMAL, []))
    assert labelled.shape == (2, SESSION_INPUTS) and GROUPS.shape == (SESSION_INPUTS,)
    assert labelled[:, FAMILIAR].tolist() == [1, 0]
    history = History.of(arrays(NORMAL), [], len(TEMPLATES), labelled=False)
    unlabelled = session_inputs(numbers, history)
    plain = len(PLAIN)
    assert not unlabelled[:, -plain:].any()
    assert np.array_equal(unlabelled[:, :-plain], labelled[:, :-plain])


def test_nothing_is_odd_where_nothing_has_been_seen() -> None:
    describe = describer([], [])
    found = session_inputs(describe.sessions(arrays([[0, 3], [2]])), describe.history)
    assert not found[:, : len(STRUCTURE)].any()
    severity = len(STRUCTURE) + MEANING.index("largest severity")
    assert found[0, severity] > found[1, severity]
    assert np.isfinite(describe.events(np.array([0, 3]))).all()


def test_a_storm_is_fed_four_times_and_a_long_session_to_its_48th() -> None:
    storm = np.array([3, 1, 1, 1, 1, 1, 1, 2])
    assert fed(storm).tolist() == [0, 1, 2, 3, 4, 7]
    assert len(fed(np.arange(200))) == 48


def test_words_of_failure_are_severe_and_those_of_success_are_not() -> None:
    reader = MeaningReader(_TABLE)
    meaning = reader.read(["disk error", "success", "<NUM>"])
    assert meaning.severity.tolist()[0] == 1
    assert meaning.severity.tolist()[1:] == [0, 0]
    assert meaning.keyword.tolist() == [1, 0, 0]
    assert meaning.wordless.tolist() == [0, 0, 1]


@given(HISTORIES, SESSIONS, st.data())
@settings(max_examples=60)
def test_an_open_session_ends_the_most_ordinary_way(
    normal: Rows, session: list[int], data: st.DataObject
) -> None:
    known = data.draw(st.sampled_from(normal))
    cut = data.draw(st.integers(1, len(known)))
    describes = describer(normal, [])
    names = STRUCTURE + MEANING + EVIDENCE

    def told(row: list[int]) -> dict[str, float]:
        numbers = describes.sessions(Flat(*_flat(row), open=True))[0]
        return dict(zip(names, numbers, strict=True))

    begun = told(known[:cut])
    assert begun["distance to nearest"] == 0
    assert begun["new events"] == begun["new pairs"] == 0
    # Of any other: no farther from what is known than it would be if it ended here.
    ended = dict(zip(names, describes.sessions(arrays([session]))[0], strict=True))
    begun = told(session)
    assert begun["distance to nearest"] <= ended["distance to nearest"] + 1e-9
    assert begun["new events"] == ended["new events"]


@given(HISTORIES, SESSIONS)
@settings(max_examples=60)
def test_what_differs_from_all_that_is_known_is_remarkable(
    normal: Rows, session: list[int]
) -> None:
    describes = describer(normal, [])
    [found] = describes.remarkable(Flat(*_flat(session), open=True))
    counts = Counter(session)
    most = {event: max(one.count(event) for one in normal) for event in counts}
    rare_one = any(rare(sum(e in one for one in normal), len(normal)) >= 1 for e in counts)
    pairs = set(zip([-1, *session], session, strict=False))
    known = {pair for one in normal for pair in zip([-1, *one], one, strict=False)}
    expected = rare_one or any(counts[e] > most[e] for e in counts) or not pairs <= known
    assert found == expected


def _flat(row: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(row, dtype=np.int64), np.array([len(row)])
