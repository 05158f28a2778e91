"""The recipe: what it fixes before the first step, and that nothing is left to chance."""

import json
import shutil
import signal
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)

from models.embedding import DocumentFrequencies
from models.errors import UserError
from models.events import mine
from tests.trainer.conftest import TINY, Demo, fit_tiny, prepare_demo
from trainer.corpus import Corpus
from trainer.fit import choose_device, load_network, train
from trainer.interrupts import Interrupted
from trainer.lessons import plain as plain_lessons
from trainer.presets import PRESETS, preset
from trainer.run import Arrays, Run
from trainer.systems import event_table


def weights_of(run: Run) -> Arrays:
    arrays = run.load_checkpoint()
    return {name: value for name, value in arrays.items() if name != "generator"}


def same(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


def test_the_same_seed_gives_the_same_weights(demo: Demo, run: Run, tmp_path: Path) -> None:
    again = fit_tiny([demo.corpus(demo.source)], demo.corpus(demo.target), tmp_path / "again")
    train(again, "cpu")
    assert same(weights_of(run), weights_of(again))
    other = fit_tiny(
        [demo.corpus(demo.source)], demo.corpus(demo.target), tmp_path / "other", seed=4
    )
    train(other, "cpu")
    assert not same(weights_of(run), weights_of(other))


@pytest.mark.parametrize("stops", [{1}, {3, 7}])
def test_interrupted_and_resumed_is_as_if_uninterrupted(
    demo: Demo, run: Run, tmp_path: Path, stops: set[int]
) -> None:
    path = tmp_path / "stopped"
    fit_tiny([demo.corpus(demo.source)], demo.corpus(demo.target), path)

    def press(step: int, steps: int, losses: dict[str, float]) -> None:
        if step in stops:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    for stop in sorted(stops):
        with pytest.raises(Interrupted):
            train(Run.open(path), "cpu", press)
        assert int(Run.open(path).load_checkpoint()["step"]) == stop
    reported: list[int] = []
    train(Run.open(path), "cpu", lambda step, steps, losses: reported.append(step))
    assert reported == list(range(max(stops) + 1, 9))
    assert same(weights_of(run), weights_of(Run.open(path)))
    assert steps_of(run) == list(range(1, 9))
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_ends_it_at_once_and_the_run_still_resumes(
    demo: Demo, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "stopped"
    fit_tiny([demo.corpus(demo.source)], demo.corpus(demo.target), path)

    def press_twice(step: int, steps: int, losses: dict[str, float]) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(Run.open(path), "cpu", press_twice)
    train(Run.open(path), "cpu")
    assert same(weights_of(run), weights_of(Run.open(path)))


def test_training_that_is_over_does_nothing_more(run: Run, tmp_path: Path) -> None:
    over = Run.open(copy_of(run, tmp_path))
    reported: list[int] = []
    train(over, "cpu", lambda step, steps, losses: reported.append(step))
    assert reported == []
    assert same(weights_of(over), weights_of(run))
    assert steps_of(over) == list(range(1, 9))


@pytest.mark.parametrize("second_order", [True, False])
def test_training_learns(demo: Demo, tmp_path: Path, second_order: bool) -> None:
    chosen = replace(TINY, epochs=5, most_tasks=6, inner_parts=1, second_order=second_order)
    source, target = demo.corpus(demo.source), demo.corpus(demo.target)
    made = fit_tiny([source], target, tmp_path / "run", chosen=chosen)
    losses: list[float] = []
    train(made, "cpu", lambda step, steps, named: losses.append(named["loss/target"]))
    assert len(losses) == 30
    # Who knows only that a third of the batch is anomalous pays 0.61.
    assert np.mean(losses[-5:]) < 0.55


def steps_of(run: Run) -> list[int]:
    """Steps of which TensorBoard shows losses."""
    scalars = EventAccumulator(str(run.path / "tensorboard"))
    scalars.Reload()
    losses = {name for name in scalars.Tags()["scalars"] if not name.startswith("validation/")}
    assert losses == {"loss/outer", "loss/source", "loss/target"}
    return [one.step for one in scalars.Scalars("loss/outer")]


def test_scalars_are_written(run: Run) -> None:
    assert steps_of(run) == list(range(1, 9))


def test_templates_and_frequencies_come_from_the_seen_part_alone(run: Run) -> None:
    source, target = run.systems()
    for system in (source, target):
        corpus = system.corpus
        seen = {int(m) for i in system.seen for m in corpus.session(int(i))}
        messages = [corpus.messages[i] for i in sorted(seen)]
        assert list(system.templates) == mine(messages, run.drain)
    everything = mine(target.corpus.messages, run.drain)
    assert set(everything) - set(target.templates), "the unseen part has nothing new to leak"
    counted = DocumentFrequencies.of([*source.templates, *target.templates])
    table, frequencies = run.words()
    assert frequencies.events == counted.events
    assert {w: n for w, n in counted.words.items() if w in table} == frequencies.words


def test_the_vector_fed_for_an_event_is_that_of_its_template(run: Run) -> None:
    """The released code reads the rows of one system for the events of the other."""
    systems = run.systems()
    embedder = run.embedder()
    table = event_table(systems, embedder)
    assert len(table) == sum(len(system.templates) for system in systems)
    for system in systems:
        sequences = system.sequences(system.seen, system.parser(run.drain))
        for index, sequence in zip(system.seen[:40], sequences[:40], strict=True):
            messages = [system.corpus.messages[m] for m in system.corpus.session(int(index))]
            for message, event in zip(messages, sequence, strict=True):
                template = system.templates[event]
                pairs = zip(template.split(), message.split(), strict=True)
                assert all(ours in (theirs, "<*>") for ours, theirs in pairs)
                fed = table[system.first_row + event]
                assert np.array_equal(fed, embedder.embed(template))


def test_what_training_draws_from_are_those_rows(run: Run) -> None:
    source, target = systems = run.systems()
    lessons = plain_lessons(run, systems)
    for system, drawn in ((source, lessons.sources[0]), (target, lessons.targets[0][0])):
        plain = system.sequences(system.seen, system.parser(run.drain))
        for rows, events in zip(drawn.sequences, plain, strict=True):
            assert np.array_equal(rows, events[: run.preset.longest] + system.first_row)
        assert np.array_equal(drawn.labels, system.labels(system.seen))
    assert (source.first_row, target.first_row) == (0, len(source.templates))


def test_the_run_keeps_its_labels_and_its_split(run: Run, demo: Demo) -> None:
    target = Corpus.open(demo.corpus(demo.target))
    labels = np.asarray(target.labels)
    seen = run.seen_of_target()
    assert run.target.normal_labels == round(0.5 * (labels == 0).sum())
    assert run.target.anomaly_labels == round(0.3 * (labels == 1).sum())
    assert len(seen) == run.target.normal_labels + run.target.anomaly_labels
    source = Corpus.open(demo.corpus(demo.source))
    digests = {target.digest(int(i)) for i in seen} | {source.digest(i) for i in range(len(source))}
    assert run.trained_on() == digests
    assert Run.open(run.path) == run


def test_the_same_sessions_as_source_and_target_are_refused(demo: Demo, tmp_path: Path) -> None:
    corpus = demo.corpus(demo.target)
    with pytest.raises(UserError, match="holds the same sessions"):
        fit_tiny([corpus], corpus, tmp_path / "run")
    prepare_demo(demo, demo.target, tmp_path / "again")
    with pytest.raises(UserError, match="holds the same sessions"):
        fit_tiny([tmp_path / "again"], corpus, tmp_path / "run")
    with pytest.raises(UserError, match="holds the same sessions"):
        source = demo.corpus(demo.source)
        fit_tiny([source, source], corpus, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_several_sources(demo: Demo, tmp_path: Path) -> None:
    from trainer.datasets.prepare import PrepareOptions, prepare
    from trainer.demo import block_store

    other = block_store(sessions=60, seed=9, anomaly_share=0.3)
    other.write(tmp_path)
    prepare(
        PrepareOptions(
            logs=(tmp_path / "block-store.log",), format="text", output=tmp_path / "second",
            labels=tmp_path / "block-store.labels.csv", line_regex=other.line_regex,
            time_format=other.time_format, key_regex=other.key_regex,
        )
    )  # fmt: skip
    made = fit_tiny(
        [demo.corpus(demo.source), tmp_path / "second"], demo.corpus(demo.target), tmp_path / "run"
    )
    assert [role.name for role in made.roles] == ["block-store", "second", "web-shop"]
    rows = [(system.first_row, len(system.templates)) for system in made.systems()]
    assert rows[0][0] == 0
    assert all(a + n == b for (a, n), (b, _) in pairwise(rows))
    train(made, "cpu")
    network = load_network(made, torch.device("cpu"))
    assert all(parameter.isfinite().all() for parameter in network.parameters())


def test_a_run_that_is_there_already_is_left_alone(demo: Demo, run: Run) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in run.path.iterdir()}
    with pytest.raises(UserError, match="holds a run already"):
        fit_tiny([demo.corpus(demo.source)], demo.corpus(demo.target), run.path)
    assert before == {path.name: path.stat().st_mtime_ns for path in run.path.iterdir()}


def test_a_device_that_is_not_there() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    for name in ("abacus", *([] if torch.cuda.is_available() else ["cuda"])):
        with pytest.raises(UserError, match=f"--device {name}"):
            choose_device(name)


@pytest.mark.parametrize(
    "changes", [{"epochs": 0}, {"anomaly_share": 1.5}, {"anomaly_share": -0.1},
                {"target_weight": -1.0}, {"target_weight": float("nan")}],
)  # fmt: skip
def test_presets_that_are_none(changes: dict[str, float]) -> None:
    with pytest.raises(UserError):
        preset("paper", **changes)


def test_the_paper_s_values() -> None:
    paper = PRESETS["paper"]
    assert (paper.source_parts, paper.inner_parts, paper.target_parts) == (10, 5, 1)
    assert (paper.inner_rate, paper.rate, paper.target_weight) == (2e-3, 2e-3, 4.0)
    assert (paper.batch, paper.epochs, paper.second_order) == (100, 5, True)
    assert (paper.anomaly_share, paper.most_tasks, paper.threshold) == (None, None, 0.5)
    assert preset("paper", epochs=None) == paper
    with pytest.raises(UserError, match="--preset article"):
        preset("article")


def copy_of(run: Run, tmp_path: Path) -> Path:
    path = tmp_path / "run"
    shutil.copytree(run.path, path)
    return path


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("run.json", b"", "cannot be read"),
        ("run.json", b"[]", "cannot be read"),
        ("run.json", b'{"schema": 1}', "cannot be read"),
        ("run.json", b'{"kind": "metalog-corpus", "schema": 1}', "not that of a metalog run"),
        ("run.json", b'{"kind": "metalog-run", "schema": 99}', "install a newer metalog"),
        ("run.json", b'{"kind": "metalog-run", "schema": 1}', "fit it again"),
        ("templates.json", b"[[", "cannot be read"),
        ("templates.json", b"[]", "does not hold the templates"),
        ("split.npz", b"", "cannot be read"),
        ("split.npz", None, "cannot be read"),
        ("words.npz", b"PK", "cannot be read"),
        ("words.npz", None, "cannot be read"),
        ("checkpoint.npz", b"no", "cannot be read"),
        ("checkpoint.npz", None, "nothing trained yet"),
    ],
)
def test_a_damaged_run_is_one_line(
    run: Run, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    from trainer.evaluate import evaluate

    path = copy_of(run, tmp_path)
    if content is None:
        (path / name).unlink()
    else:
        (path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        evaluate(Run.open(path), device="cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["split.npz", "words.npz", "checkpoint.npz"])
def test_a_cut_archive_of_a_run_is_one_line(run: Run, tmp_path: Path, name: str) -> None:
    from trainer.evaluate import evaluate

    path = copy_of(run, tmp_path)
    whole = (path / name).read_bytes()
    for size in (10, len(whole) // 2, len(whole) - 1):
        (path / name).write_bytes(whole[:size])
        with pytest.raises(UserError, match=name):
            evaluate(Run.open(path), device="cpu")


def test_a_corpus_that_changed_under_a_run(run: Run, demo: Demo, tmp_path: Path) -> None:
    path = copy_of(run, tmp_path)
    value = json.loads((path / "run.json").read_text())
    value["roles"][0]["path"] = str(demo.corpus(demo.target))
    (path / "run.json").write_text(json.dumps(value))
    with pytest.raises(UserError, match="fingerprint differs"):
        Run.open(path).systems()
