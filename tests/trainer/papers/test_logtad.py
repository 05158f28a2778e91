"""LogTAD on two systems whose events point different ways."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from trainer.batches import Rows
from trainer.benchmark.papers import logtad
from trainer.benchmark.papers.logtad import LogTAD, _LogTAD, _Network
from trainer.benchmark.papers.sequences import padded
from trainer.benchmark.papers.settings import Given, Material
from trainer.benchmark.space import Labelled
from trainer.benchmark.task import Examination, Task

# Rows 0 to 3 are what the target says normally, 4 and 5 what it never does; 6 to 9 the source's.
TABLE = np.random.default_rng(0).normal(size=(10, 30)).astype(np.float32)


def sessions(rows: list[int], many: int, seed: int) -> list[Rows]:
    rng = np.random.default_rng(seed)
    return [rng.choice(rows, rng.integers(3, 12)).astype(np.int64) for _ in range(many)]


NORMAL, ANOMALOUS = sessions([0, 1, 2, 3], 60, 0), sessions([0, 1, 4, 5], 20, 1)
SOURCE = sessions([6, 7, 8, 9], 200, 2)


@pytest.fixture(scope="module")
def model() -> _LogTAD:
    found = _LogTAD(TABLE, SOURCE, 1e5, seed=0)
    found.fit(Labelled.of(NORMAL), Labelled.of([]))
    return found


def test_normal_sessions_of_both_systems_are_nearer_than_what_neither_has(model: _LogTAD) -> None:
    usual = model.score(sessions([0, 1, 2, 3], 40, 3))
    assert model.score(NORMAL).mean() == pytest.approx(1, rel=1e-5)
    assert model.fitness(Labelled.of(sessions([0, 1, 2, 3], 40, 3), ANOMALOUS)) > 0.9
    assert np.median(model.score(ANOMALOUS)) > 3 * np.median(usual)
    assert np.median(model.score(sessions([6, 7, 8, 9], 40, 4))) < np.median(model.score(ANOMALOUS))


def test_a_score_does_not_depend_on_the_sessions_beside_it(model: _LogTAD) -> None:
    mixed = [*NORMAL[:7], *ANOMALOUS[:7]]
    alone = np.concatenate([model.score([one]) for one in mixed])
    assert np.allclose(model.score(mixed), alone, rtol=1e-3)


def test_the_network_is_told_to_hide_what_the_discriminator_learns() -> None:
    torch.manual_seed(0)
    network = _Network(TABLE)
    batch = padded(NORMAL[:5])
    weights = dict(network.named_parameters())
    read = [weights["lstm.weight_ih_l0"], weights["discriminator.0.weight"]]
    gradients = []
    for reversal in (True, False):
        states = network(batch)
        told = network.system(states) if reversal else network.discriminator(states)
        gradients.append(torch.autograd.grad(told[:, 0].sum(), read))
    (hidden, learnt), (shown, learnt_too) = gradients
    assert torch.allclose(hidden, -logtad._REVERSED * shown, rtol=1e-4, atol=1e-9)
    assert torch.equal(learnt, learnt_too)
    assert shown.abs().sum() > 0


def test_anomalies_are_never_learnt_from(given: tuple[Task, Examination]) -> None:
    """Neither those of the sources nor the target's few, which choose a candidate alone."""
    task, _ = given
    material = Material.of(task, Given.TRANSFER)
    mislaid = replace(material, sources=Labelled.of(material.sources.normal, [np.array([0])] * 9))
    own = material.own
    some = Labelled.of(own.normal[:30])
    more = Labelled.of(own.normal[:30], own.anomalous)
    scores = []
    for seen, train in ((material, some), (mislaid, more)):
        model = LogTAD("logtad", Given.TRANSFER).candidates(seen)[0](0)
        model.fit(train, Labelled.of([]))
        scores.append(model.score(own.sequences))
    assert np.array_equal(scores[0], scores[1])
