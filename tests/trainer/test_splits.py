"""Splits: the shares asked for, the same for the same seed, and nothing in both parts."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import UserError
from models.session_rule import SessionRule
from trainer.corpus import ANOMALOUS, NORMAL, UNLABELLED, Corpus, CorpusWriter, Origin
from trainer.datasets.raw import line_format_of
from trainer.splits import FEWEST_ANOMALIES, Fractions, draw_source, draw_target, unseen


def corpus_of(path: Path, labels: list[int]) -> Corpus:
    writer = CorpusWriter()
    for number, label in enumerate(labels):
        writer.add(f"s{number}", [writer.message("x")], label, None)
    origin = Origin("s", "text", line_format_of("text"), SessionRule(window=1), (), False, 60.0)
    writer.write(path, origin, {"lines": len(labels)})
    return Corpus.open(path)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    labels = [NORMAL] * 700 + [ANOMALOUS] * 200 + [UNLABELLED] * 100
    np.random.default_rng(0).shuffle(labels)
    return corpus_of(tmp_path_factory.mktemp("corpora") / "mixed", labels)


def counts(corpus: Corpus, chosen: np.ndarray) -> tuple[int, int, int]:
    labels = np.asarray(corpus.labels)[chosen]
    return tuple(int((labels == kind).sum()) for kind in (NORMAL, ANOMALOUS, UNLABELLED))  # type: ignore[return-value]


@given(st.floats(0.001, 1), st.floats(0.001, 1), st.integers(0, 2**32))
def test_the_target_s_shares(mixed: Corpus, normal: float, anomaly: float, seed: int) -> None:
    fractions = Fractions(normal=normal, anomaly=anomaly)
    seen = draw_target(mixed, fractions, np.random.default_rng(seed))
    normals, anomalies, unlabelled = counts(mixed, seen)
    assert abs(normals - max(1, normal * 700)) <= 0.5
    assert abs(anomalies - max(FEWEST_ANOMALIES, anomaly * 200)) <= 0.5
    assert unlabelled == 0
    rest = unseen(mixed, seen)
    assert sorted([*seen.tolist(), *rest.tolist()]) == list(range(1000))
    again = draw_target(mixed, fractions, np.random.default_rng(seed))
    assert np.array_equal(seen, again)


@given(st.floats(0.001, 1), st.integers(0, 99))
def test_the_source_s_shares(mixed: Corpus, fraction: float, seed: int) -> None:
    chosen = draw_source(mixed, fraction, np.random.default_rng(seed))
    normals, anomalies, unlabelled = counts(mixed, chosen)
    assert abs(normals - max(1, fraction * 700)) <= 0.5
    assert abs(anomalies - max(1, fraction * 200)) <= 0.5
    assert unlabelled == 0
    assert len(set(chosen.tolist())) == len(chosen)


def test_seeds_draw_differently(mixed: Corpus) -> None:
    one, other = (draw_target(mixed, Fractions(), np.random.default_rng(seed)) for seed in (0, 1))
    assert not np.array_equal(one, other)


def test_fewer_anomalies_than_are_wanted(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path / "few", [NORMAL] * 10 + [ANOMALOUS] * 3)
    seen = draw_target(corpus, Fractions(normal=0.5, anomaly=0.01), np.random.default_rng(0))
    assert counts(corpus, seen) == (5, 3, 0)


@pytest.mark.parametrize(
    ("labels", "missing"),
    [
        ([NORMAL] * 9, "anomalous"),
        ([ANOMALOUS] * 9, "normal"),
        ([UNLABELLED] * 9, "normal"),
        ([NORMAL, UNLABELLED], "anomalous"),
    ],
)
def test_a_corpus_of_one_class_is_refused(tmp_path: Path, labels: list[int], missing: str) -> None:
    corpus = corpus_of(tmp_path / "one", labels)
    rng = np.random.default_rng(0)
    with pytest.raises(UserError, match=f"no {missing} session"):
        draw_target(corpus, Fractions(), rng)
    with pytest.raises(UserError, match=f"no {missing} session"):
        draw_source(corpus, 1.0, rng)


@pytest.mark.parametrize("value", [0.0, -0.1, 1.1, float("nan")])
@pytest.mark.parametrize("name", ["source", "normal", "anomaly"])
def test_shares_that_are_none(name: str, value: float) -> None:
    with pytest.raises(UserError, match=f"--{name}-fraction"):
        Fractions(**{name: value})
