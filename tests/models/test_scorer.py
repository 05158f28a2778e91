"""The scorer: a score is a matter of the session alone."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.bundle import Bundle
from models.errors import UserError
from models.scorer import Scorer
from tests.models.pumps import TEMPLATES, write_pumps

EVENTS = st.lists(st.integers(0, len(TEMPLATES) - 1), min_size=1, max_size=50)


@pytest.fixture(scope="module")
def scorer(pump_bundle: Bundle) -> Scorer:
    return Scorer(pump_bundle, "cpu")


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
            Scorer(replace(pump_bundle, network=network), "cpu")
        assert "\n" not in str(caught.value)
