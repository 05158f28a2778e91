"""The scorer: a score is a matter of the session alone."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.bundle import Bundle
from models.errors import UserError
from models.history import History
from models.reading import Description
from models.scorer import Score, Scorer
from tests.models.pumps import TEMPLATES, write_pumps
from tests.models.shops import KNOWN, write_shop

EVENTS = st.lists(st.integers(0, len(TEMPLATES) - 1), min_size=1, max_size=50)
SHOPPING = st.lists(st.integers(0, 2), min_size=1, max_size=12)


# However sessions are scored, the same must hold; kept scores would hide a dependence.
@pytest.fixture(scope="module", params=[False, True, None], ids=["plain", "stepped", "faster"])
def scorer(pump_bundle: Bundle, request: pytest.FixtureRequest) -> Scorer:
    return Scorer(pump_bundle, "cpu", stepped=request.param, cached=False)


@pytest.fixture(scope="module")
def shop_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return Bundle.load(write_shop(tmp_path_factory.mktemp("bundles") / "shop"))


def assert_same(scores: list[Score], others: list[Score]) -> None:
    for one, other in zip(scores, others, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=1e-6)
        assert np.allclose(one.weights, other.weights, rtol=0, atol=1e-6)


@settings(max_examples=60)
@given(st.lists(EVENTS, min_size=1, max_size=12))
def test_a_score_does_not_depend_on_what_else_is_in_the_batch(
    scorer: Scorer, sessions: list[list[int]]
) -> None:
    together = scorer.score(sessions)
    for session, score in zip(sessions, together, strict=True):
        [alone] = scorer.score([session])
        assert score.probability == pytest.approx(alone.probability, abs=1e-6)
        assert np.allclose(score.weights, alone.weights, atol=1e-6)
        assert score.weights.shape == (len(session),)
        assert score.weights.sum() == pytest.approx(1, abs=1e-5)
        assert 0 <= score.probability <= 1


def test_scores_come_in_the_order_given_however_they_are_batched(scorer: Scorer) -> None:
    rng = np.random.default_rng(2)
    lengths = [*rng.integers(1, 40, size=300), 1200, 3000, 7]
    sessions = [rng.integers(0, len(TEMPLATES), size=int(n)).tolist() for n in lengths]
    scores = scorer.score(sessions)
    assert [len(score.weights) for score in scores] == lengths
    for index in (0, 17, 256, 299, 300, 301, 302):
        [alone] = scorer.score([sessions[index]])
        assert scores[index].probability == pytest.approx(alone.probability, abs=1e-6)
    assert len({round(score.probability, 5) for score in scores}) > 100


def test_a_bidirectional_network_is_scored_by_its_plain_graph(tmp_path: Path) -> None:
    bundle = Bundle.load(write_pumps(tmp_path / "pumps", bidirectional=True))
    assert bundle.steps is None
    assert "step.onnx" not in bundle.manifest.files
    sessions = [[0, 1, 2], [2, 1, 0, 0]] * 20
    scores = Scorer(bundle, "cpu", stepped=True).score(sessions)
    assert_same(scores, Scorer(bundle, "cpu", cached=False).score(sessions))


def test_no_sessions_have_no_scores(scorer: Scorer) -> None:
    assert scorer.score([]) == []


def test_the_order_of_events_matters(scorer: Scorer) -> None:
    [one, other] = scorer.score([[0, 1, 2, 2, 2], [2, 2, 2, 1, 0]])
    assert abs(one.probability - other.probability) > 1e-4


def test_an_event_scores_the_same_in_the_table_and_met_on_the_host(
    pump_bundle: Bundle, tmp_path: Path
) -> None:
    """The bundle that lacks two templates embeds them itself, by the words it carries."""
    contents = [
        "pump pump-1 opened valve 3", "pressure in pump-1 12", "pump pump-1 closed valve 3",
        "pressure in pump-1 9",
    ]  # fmt: skip
    known = pump_bundle.parser().parse(contents)
    assert known == [0, 2, 1, 2]
    smaller = Bundle.load(write_pumps(tmp_path / "smaller", TEMPLATES[:1]))
    parser = smaller.parser()
    met = parser.parse(contents)
    assert met == [0, 1, 2, 1]
    on_host = Scorer(smaller, "cpu")
    assert on_host.learn(parser) == [1, 2]
    assert on_host.learn(parser) == []
    [here] = on_host.score([met])
    [there] = Scorer(pump_bundle, "cpu").score([known])
    assert here.probability == pytest.approx(there.probability, abs=1e-6)
    assert np.allclose(here.weights, there.weights, atol=1e-6)


def test_jargon_scores_the_same_in_the_table_and_met_on_the_host(tmp_path: Path) -> None:
    """A word outside the table is read by its pieces, here and there."""
    templates = (TEMPLATES[0], "valvepump <KEY> exploded")
    contents = ["pump pump-1 opened valve 3", "valvepump pump-1 exploded"]
    in_table = Bundle.load(write_pumps(tmp_path / "pumps", templates))
    assert in_table.parser().parse(contents) == [0, 1]
    smaller = Bundle.load(write_pumps(tmp_path / "smaller", templates[:1]))
    parser = smaller.parser()
    met = parser.parse(contents)
    on_host = Scorer(smaller, "cpu")
    assert on_host.learn(parser) == [1]
    [here], [there] = on_host.score([met]), Scorer(in_table, "cpu").score([[0, 1]])
    assert here.probability == pytest.approx(there.probability, abs=1e-6)
    without = Bundle.load(write_pumps(tmp_path / "without", (TEMPLATES[0], "qwxyz <KEY> exploded")))
    [other] = Scorer(without, "cpu").score([[0, 1]])
    assert abs(other.probability - there.probability) > 1e-4


def test_a_host_event_that_generalises_is_embedded_again(pump_bundle: Bundle) -> None:
    line = "valve {} of the old station in zug has exploded"
    parser = pump_bundle.parser()
    scorer = Scorer(pump_bundle, "cpu")
    first = parser.parse([line.format("pressure")])
    assert scorer.learn(parser) == first
    [before] = scorer.score([first])
    assert parser.parse([line.format("pump")]) == first
    assert scorer.learn(parser) == first
    [after] = scorer.score([first])
    assert before.probability != after.probability
    # What a host that was started later makes of the same template.
    later = Scorer(pump_bundle, "cpu")
    later.learn(pump_bundle.parser(parser.host_templates))
    assert later.score([first])[0].probability == pytest.approx(after.probability, abs=1e-6)


def test_a_generalised_event_scores_as_if_it_had_been_in_the_table(tmp_path: Path) -> None:
    """Its session began before the template became general, and after another one was forgotten
    whose id it has."""
    line = "valve {} of the old station in zug has exploded"
    general = line.format("<*>")
    in_table = Bundle.load(write_pumps(tmp_path / "pumps", (TEMPLATES[0], general)))
    smaller = Bundle.load(write_pumps(tmp_path / "smaller", TEMPLATES[:1]))
    contents = ["pump pump-1 opened valve 3", line.format("pressure"), line.format("pump")]
    parser, on_host = smaller.parser(), Scorer(smaller, "cpu")
    [other] = parser.parse(["some junk"])
    on_host.learn(parser)
    on_host.score([[0, other, other]])
    on_host.release(parser.evict((), 0))
    met = parser.parse(contents[:2])
    assert met == [0, other]
    on_host.learn(parser)
    [before] = on_host.score([[*met, met[1]]])
    met += parser.parse(contents[2:])
    on_host.learn(parser)
    [here] = on_host.score([met])
    known = in_table.parser().parse(contents)
    assert known == [0, 1, 1]
    [there] = Scorer(in_table, "cpu").score([known])
    assert here.probability == pytest.approx(there.probability, abs=1e-6)
    assert np.allclose(here.weights, there.weights, atol=1e-6)
    assert abs(before.probability - there.probability) > 1e-5


def test_a_provider_that_is_not_there(pump_bundle: Bundle) -> None:
    import onnxruntime

    assert Scorer(pump_bundle, "auto").provider in onnxruntime.get_available_providers()
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("CUDA is here")
    with pytest.raises(UserError, match="--provider cuda"):
        Scorer(pump_bundle, "cuda")


def test_a_network_that_is_none(pump_bundle: Bundle) -> None:
    from dataclasses import replace

    for network in (b"", b"no network", pump_bundle.network[:200]):
        with pytest.raises(UserError, match="ONNX Runtime cannot open it") as caught:
            Scorer(replace(pump_bundle, network=network), "cpu", stepped=False)
        assert "\n" not in str(caught.value)


@settings(max_examples=40)
@given(st.lists(SHOPPING, min_size=1, max_size=60))
def test_the_way_of_scoring_is_no_part_of_the_score(
    shop_bundle: Bundle, sessions: list[list[int]]
) -> None:
    simple = Scorer(shop_bundle, "cpu", stepped=False, cached=False).score(sessions)
    for stepped in (True, None):
        assert_same(Scorer(shop_bundle, "cpu", stepped=stepped).score(sessions), simple)


def test_many_sessions_go_step_by_step_as_they_go_whole(
    pump_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many and so long that they are read, stepped and judged in many parts."""
    rng = np.random.default_rng(8)
    lengths = [*rng.integers(1, 60, size=700), 400, 900]
    sessions = [rng.integers(0, len(TEMPLATES), size=int(n)).tolist() for n in lengths]
    simple = Scorer(pump_bundle, "cpu", stepped=False).score(sessions)
    stepped = Scorer(pump_bundle, "cpu", stepped=True)
    assert_same(stepped.score(sessions), simple)
    monkeypatch.setattr("models.scorer._STATE_BYTES", 40_000)
    monkeypatch.setattr("models.scorer._READ_TOGETHER", 90)
    monkeypatch.setattr("models.scorer._EVENTS_TOGETHER", 2000)
    monkeypatch.setattr("models.stepped_network._HEAD_CELLS", 4000)
    stepped.forget()
    assert_same(stepped.score(sessions), simple)


def test_kept_scores_are_the_same_objects_and_cannot_be_changed(pump_bundle: Bundle) -> None:
    scorer = Scorer(pump_bundle, "cpu")
    one, twin, other = scorer.score([[0, 1, 2], [0, 1, 2], [0, 2]])
    assert one is twin
    [again, new, array] = scorer.score([[0, 2], [2], np.array([0, 1, 2])])
    assert again is other and array is one
    with pytest.raises(ValueError, match="read-only"):
        new.weights[0] = 2
    scorer.forget()
    [later] = scorer.score([[0, 1, 2]])
    assert later is not one
    assert_same([later], [one])


def test_a_new_event_leaves_scores_and_a_changed_one_does_not(pump_bundle: Bundle) -> None:
    scorer, parser = Scorer(pump_bundle, "cpu"), pump_bundle.parser()
    line = "valve {} of the old station in zug has exploded"
    [trained] = scorer.score([[0, 1]])
    [first] = parser.parse([line.format("pressure")])
    scorer.learn(parser)
    [before] = scorer.score([[0, first]])
    assert scorer.score([[0, 1]])[0] is trained
    parser.parse(["something else altogether"])
    scorer.learn(parser)
    assert scorer.score([[0, first]])[0] is before
    parser.parse([line.format("pump")])
    assert scorer.learn(parser) == [first]
    [after] = scorer.score([[0, first]])
    assert after.probability != before.probability
    fresh = Scorer(pump_bundle, "cpu")
    fresh.learn(pump_bundle.parser(parser.host_templates))
    assert_same([after], fresh.score([[0, first]]))


def test_another_epoch_leaves_no_score(shop_bundle: Bundle) -> None:
    scorer = Scorer(shop_bundle, "cpu")
    unusual = [2, 1, 0, 0]
    [before] = scorer.score([unusual])
    history = scorer.history
    assert history is not None
    newer = History.of([np.array(unusual)] * 40, [], len(shop_bundle.templates))
    scorer.renew(history.extended(newer), shop_bundle.templates)
    [after] = scorer.score([unusual])
    assert after.probability < before.probability - 0.05
    [known] = scorer.score([KNOWN[0]])
    assert known.probability < 0.1


@pytest.mark.parametrize("stepped", [False, True])
def test_hundreds_of_host_events_are_learnt_a_few_at_a_time(
    pump_bundle: Bundle, stepped: bool
) -> None:
    """Tables grow and every event keeps its own row."""
    names = ("pump", "valve", "leaks", "pressure", "lost", "exploded", "opened", "closed")
    contents = [
        f"{a} {b} {c} {d}" for a in names for b in names for c in names[:3] for d in names[:2]
    ]
    parser = pump_bundle.parser()
    growing = Scorer(pump_bundle, "cpu", stepped=stepped)
    ids: list[int] = []
    for start in range(0, len(contents), 7):
        ids += parser.parse(contents[start : start + 7])
        growing.learn(parser)
    sessions = [ids[start : start + 9] for start in range(0, len(ids), 5)]
    assert len(set(ids)) > 100
    at_once = Scorer(pump_bundle, "cpu", stepped=False)
    at_once.learn(pump_bundle.parser(parser.host_templates))
    growing.forget()
    assert_same(growing.score(sessions), at_once.score(sessions))


def test_describing_by_a_large_history_takes_little_memory(pump_bundle: Bundle) -> None:
    rng = np.random.default_rng(9)
    events = 300
    known = [rng.integers(0, events, size=120) for _ in range(3000)]
    templates = tuple(f"pump {number} opened" for number in range(events))
    vectors = pump_bundle.embedder().embed_all(templates)
    history = History.of(known, [], events)
    description = Description(history, templates, vectors, pump_bundle.words)
    sessions = [rng.integers(0, events, size=120) for _ in range(1000)]
    tracemalloc.start()
    try:
        description.inputs(sessions)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20
