"""LogTransfer on sessions of two systems whose events mean the same."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from trainer.batches import Rows
from trainer.benchmark.papers.classifier import Classifier
from trainer.benchmark.papers.logtransfer import LogTransfer
from trainer.benchmark.papers.settings import Given, Material
from trainer.benchmark.space import Labelled, Space

# Of either system: 0 to 5 are usual, 6 and 7 are two kinds of fault.
EVENTS = 8


def sessions(fault: int | None, count: int, first: int, rng: np.random.Generator) -> list[Rows]:
    made = []
    for _ in range(count):
        rows = rng.integers(0, 6, size=rng.integers(5, 12))
        if fault is not None:
            rows[rng.integers(len(rows) // 2, len(rows))] = fault
        made.append(rows + first)
    return made


@pytest.fixture(scope="module")
def material() -> Material:
    """The source had faults of both kinds, the target's few are of one."""
    rng = np.random.default_rng(0)
    vectors = np.tile(rng.normal(size=(EVENTS, 10)), (2, 1)).astype(np.float32)
    sources = Labelled.of(
        sessions(None, 200, EVENTS, rng),
        [*sessions(6, 30, EVENTS, rng), *sessions(7, 30, EVENTS, rng)],
    )
    own = Labelled.of(sessions(None, 60, 0, rng), sessions(6, 6, 0, rng))
    templates = tuple(f"event {i}" for i in range(2 * EVENTS))
    space = Space(templates, vectors, np.ones(2 * EVENTS, dtype=np.bool_), EVENTS, sources)
    return Material(Given.TRANSFER, space, vectors, own, sources)


def weights(learner: object) -> dict[str, Tensor]:
    assert isinstance(learner, Classifier)
    return {name: one.detach().clone() for name, one in learner.network.named_parameters()}


def test_a_fault_that_only_the_source_had_is_found_on_the_target(material: Material) -> None:
    rng = np.random.default_rng(1)
    asked = [*sessions(None, 60, 0, rng), *sessions(7, 30, 0, rng)]
    truth = np.repeat([0, 1], [60, 30])
    for candidate in LogTransfer("logtransfer", Given.TRANSFER).candidates(material):
        learner = candidate(0)
        learner.fit(material.own, material.own)
        assert roc_auc_score(truth, learner.score(asked)) > 0.9


def test_candidates_start_from_one_lesson_and_keep_what_they_say(material: Material) -> None:
    candidates = LogTransfer("logtransfer", Given.TRANSFER).candidates(material)
    learners = [candidate(seed) for seed, candidate in enumerate(candidates)]
    before = weights(learners[0])
    for learner, learns in zip(
        learners, (["lstm"], ["connected"], ["connected", "lstm"]), strict=True
    ):
        for name, one in weights(learner).items():
            assert torch.equal(one, before[name])
        learner.fit(material.own, material.own)
        changed = {
            name.split(".")[0]
            for name, one in weights(learner).items()
            if not torch.equal(one, before[name])
        }
        assert sorted(changed) == learns
