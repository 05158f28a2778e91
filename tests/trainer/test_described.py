"""The preset `default`: sessions described by histories, an ensemble, a learnt threshold."""

import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.bundle import HISTORY, Bundle
from models.errors import UserError
from models.reading import Inputs
from models.session_inputs import session_inputs
from tests.trainer.agent import same_verdicts, scored_by_agent
from tests.trainer.conftest import Demo, fit_tiny
from trainer.bundling import export_bundle
from trainer.evaluate import evaluate
from trainer.fit import FitOptions, load_network, start, train
from trainer.interrupts import Interrupted
from trainer.lessons import described
from trainer.predict import predict
from trainer.presets import PRESETS, preset
from trainer.reader import Reader
from trainer.run import Run
from trainer.splits import Fractions
from trainer.thresholds import threshold_without_labels
from trainer.views import Described, Known, target_view

_NETWORK = {**PRESETS["default"].network, "hidden": 8, "members": 2}
DESCRIBED = preset("default", network=_NETWORK, steps=6, batch=24)


@pytest.fixture(scope="module")
def run(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("described") / "run"
    made = fit_tiny([demo.corpus(demo.source)], demo.corpus(demo.target), path, chosen=DESCRIBED)
    return train(made, "cpu")


def test_the_agent_gives_every_session_the_score_of_evaluate(
    demo: Demo, run: Run, tmp_path: Path
) -> None:
    export_bundle(run, tmp_path / "bundle")
    verdicts = scored_by_agent(tmp_path / "bundle", [demo.log(demo.target)])
    same_verdicts(evaluate(run, device="cpu").predictions, verdicts)


def test_the_threshold_is_learnt_and_travels(run: Run, tmp_path: Path) -> None:
    assert Run.open(run.path) == run
    assert run.threshold >= DESCRIBED.threshold
    assert "99.0%" in run.threshold_origin
    export_bundle(run, tmp_path / "bundle")
    assert Bundle.load(tmp_path / "bundle").manifest.threshold == run.threshold


def test_a_bundle_without_its_history_is_refused(run: Run, tmp_path: Path) -> None:
    export_bundle(run, tmp_path / "bundle")
    (tmp_path / "bundle" / HISTORY).unlink()
    with pytest.raises(UserError, match=HISTORY):
        Bundle.load(tmp_path / "bundle")


def test_interrupted_and_resumed_is_as_if_uninterrupted(
    demo: Demo, run: Run, tmp_path: Path
) -> None:
    made = fit_tiny(
        [demo.corpus(demo.source)], demo.corpus(demo.target), tmp_path / "run", chosen=DESCRIBED
    )

    def interrupt(step: int, steps: int, losses: dict[str, float]) -> None:
        # In the middle of the second member.
        if step == 8:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        train(made, "cpu", interrupt)
    resumed = train(Run.open(made.path), "cpu")
    assert resumed.threshold == run.threshold
    whole, parts = (load_network(one, torch.device("cpu")) for one in (run, resumed))
    for name, value in whole.state_dict().items():
        assert torch.equal(value, parts.state_dict()[name]), name


def known_of(run: Run) -> Known:
    system = run.systems()[-1]
    embedder = run.embedder()
    return Known(
        system.templates,
        embedder.embed_all(system.templates),
        embedder.table,
        system.sequences(system.seen, system.parser(run.drain)),
        system.labels(system.seen),
    )


def test_no_session_is_described_by_a_history_it_is_part_of(run: Run) -> None:
    """With an event of its own, a session must look new, also to itself."""
    known = known_of(run)
    odd = len(known.templates)
    sequences = [*known.sequences]
    place = int(known.of(0)[0])
    sequences[place] = np.append(sequences[place], odd)
    more = replace(
        known,
        templates=[*known.templates, "meteor strike"],
        vectors=np.concatenate([known.vectors, known.vectors[:1]]),
        sequences=sequences,
    )
    view = target_view(more, np.random.default_rng(0))
    [row] = np.flatnonzero(view.place == place)
    new_event = view.features[row][:, 1]
    assert new_event[-1] == 1
    assert sorted(view.place) == list(range(len(sequences)))


def test_sessions_without_a_label_are_described_by_all_known_anomalies(run: Run) -> None:
    """As on a host; those with a label are not, or the network would know them by what is gone."""
    known = known_of(run)
    labels = np.where(known.labels == 0, -1, known.labels)
    labels[known.of(0)[:20]] = 0
    few = replace(known, labels=labels)
    view = target_view(few, np.random.default_rng(0))
    fold = int(view.fold[view.labels == 1][0])
    inside = view.fold == fold
    left = set(view.place[inside].tolist())
    normal = np.array([place for place in few.not_anomalous() if place not in left])
    anomalous = np.array([place for place in few.of(1) if place not in left], dtype=np.intp)
    for label, described_by in ((-1, few.of(1)), (0, anomalous), (1, anomalous)):
        describer = few.history(normal, described_by)
        shown = view.chosen(inside & (view.labels == label))
        assert len(shown.place)
        expected = session_inputs(
            describer.sessions([few.sequences[place] for place in shown.place]), describer.history
        )
        assert np.array_equal(shown.session, expected)


def test_a_session_without_a_label_is_scored_by_all_members(run: Run) -> None:
    """Those with one only by the member that has not learnt it."""
    systems = run.systems()
    lessons = described(run, systems, run.embedder())
    network = load_network(run, torch.device("cpu"))
    table = np.concatenate([run.embedder().embed_all(system.templates) for system in systems])
    members = network.networks()

    def scores(of: Reader, part: Described) -> np.ndarray:
        places = [np.arange(len(row)) for row in part.rows]
        inputs = Inputs(places, part.features, part.session)
        return predict(of, table, part.rows, inputs).astype(np.float32)

    parts = [
        replace(part, labels=np.where(np.arange(len(part.labels)) % 3 == 0, part.labels, -1))
        for part in lessons.left_out
    ]
    known = [part.labels != -1 for part in parts]
    expected, origin = threshold_without_labels(
        np.concatenate(
            [
                np.where(mask, scores(member, part), scores(network, part))
                for mask, member, part in zip(known, members, parts, strict=True)
            ]
        ),
        np.concatenate([part.labels for part in parts]),
    )
    assert replace(lessons, left_out=parts).threshold(network, table, run.preset) == (
        expected, origin,
    )  # fmt: skip


def test_each_member_leaves_out_its_share_and_only_that(run: Run) -> None:
    systems = run.systems()
    lessons = described(run, systems, run.embedder())
    seen = len(systems[-1].seen)
    left = [len(part.labels) for part in lessons.left_out]
    assert sum(left) == seen
    assert [len(one) for (one,) in lessons.targets] == [seen - count for count in left]


def test_a_target_of_hardly_any_normal_session(demo: Demo, tmp_path: Path) -> None:
    options = FitOptions(
        (demo.corpus(demo.source),), demo.corpus(demo.target), tmp_path / "run", DESCRIBED,
        Fractions(normal=0.001), device="cpu",
    )  # fmt: skip
    with pytest.raises(UserError, match="1 normal sessions may be seen"):
        start(options)
    assert not (tmp_path / "run").exists()


def test_another_system_is_scored_without_its_labels(run: Run, demo: Demo, tmp_path: Path) -> None:
    from tests.trainer.conftest import prepare_demo
    from trainer.demo import block_store

    other = Demo(tmp_path, block_store(sessions=60, seed=9, anomaly_share=0.2), demo.target)
    other.source.write(tmp_path)
    prepare_demo(other, other.source, other.corpus(other.source))
    found = evaluate(run, on=other.corpus(other.source), device="cpu")
    assert found.figures["sessions"] == 60
    assert all(0 <= one["score"] <= 1 for one in found.predictions)
