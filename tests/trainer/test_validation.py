"""How members do, while they learn, on what they leave out: measured, and changing nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from tests.trainer.conftest import Demo, fit_tiny
from trainer.corpus import ANOMALOUS, NORMAL, UNLABELLED
from trainer.fit import train
from trainer.lessons import described
from trainer.presets import preset
from trainer.report.training import losses
from trainer.systems import event_table
from trainer.validation import Validation

_STEPS = 12
_BRIEF = preset("default", steps=_STEPS)


def test_a_run_of_the_default_preset_logs_ten_points_a_member(demo: Demo, tmp_path: Path) -> None:
    sources, target = [demo.corpus(demo.source)], demo.corpus(demo.target)
    run = train(fit_tiny(sources, target, tmp_path / "run", chosen=_BRIEF), "cpu")
    logged = losses(run)
    assert logged is not None
    assert set(logged.validation) == {"F1, best threshold", "AUROC"}
    for points in logged.validation.values():
        steps, values = zip(*points, strict=True)
        assert len(steps) == 10 * run.network.members
        assert steps[-1] == logged.steps == _STEPS * run.network.members
        assert all(0 <= value <= 1 for value in values)


def test_it_draws_nothing_and_leaves_the_member_in_training(demo: Demo, tmp_path: Path) -> None:
    from trainer.fit import new_network

    sources, target = [demo.corpus(demo.source)], demo.corpus(demo.target)
    run = fit_tiny(sources, target, tmp_path / "run", chosen=_BRIEF)
    systems, embedder = run.systems(), run.embedder()
    lessons = described(run, systems, embedder)
    table = event_table(systems, embedder)
    member = new_network(run).networks()[0].train()
    left = lessons.left_out[0]
    state = torch.get_rng_state()
    weights = {name: value.clone() for name, value in member.state_dict().items()}
    first = Validation.of(left, alone=False).figures(member, table)
    assert torch.equal(torch.get_rng_state(), state)
    assert member.training
    assert all(torch.equal(value, weights[name]) for name, value in member.state_dict().items())
    assert first == Validation.of(left, alone=False).figures(member, table)


def test_nothing_is_said_where_nothing_is_held_back(demo: Demo, tmp_path: Path) -> None:
    sources, target = [demo.corpus(demo.source)], demo.corpus(demo.target)
    run = fit_tiny(sources, target, tmp_path / "run", chosen=_BRIEF)
    left = described(run, run.systems(), run.embedder()).left_out[0]
    assert Validation.of(left, alone=True).sessions is None
    for missing in (NORMAL, ANOMALOUS):
        labels = np.where(left.labels == missing, UNLABELLED, left.labels)
        assert Validation.of(replace(left, labels=labels), alone=False).sessions is None
    assert Validation.of(left, alone=False).sessions is not None


def test_points_are_spread_over_the_steps() -> None:
    for steps in (1, 7, 10, 250):
        due = [step for step in range(1, steps + 1) if Validation.is_due(step, steps)]
        assert len(due) == min(10, steps)
        assert due[-1] == steps
