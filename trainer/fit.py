"""The recipe of ``metalog-train fit``, from top to bottom: split, embed, meta-train, save."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch.utils.tensorboard.writer import SummaryWriter

from models.errors import UserError
from models.events import DrainParameters
from models.session_inputs import GROUPS
from models.words import Vectors, tokenize
from trainer.anchor import Anchor
from trainer.checkpoint import Moving
from trainer.corpus import Corpus
from trainer.interrupts import Interrupted, interrupts
from trainer.lessons import Lessons, check_enough, described, plain, suited
from trainer.meta import meta_step
from trainer.network import Ensemble, NetworkConfig
from trainer.presets import Preset, Statistics
from trainer.progress import counted, stage
from trainer.run import Arrays, Role, Run
from trainer.splits import Fractions, Seen, draw
from trainer.systems import System, embedder_of, event_table
from trainer.threads import settle_threads
from trainer.unknown import unknown_system
from trainer.validation import Validation
from trainer.vectors import load_word_table

# Words of the table that a bundle keeps beside those of its own templates, for events to come.
MOST_FREQUENT_WORDS = 30_000
SECONDS_BETWEEN_CHECKPOINTS = 30.0

Progress = Callable[[int, int, dict[str, float]], None]


class Records(Protocol):
    """Who keeps losses beside TensorBoard."""

    def losses(self, step: int, losses: dict[str, float]) -> None:
        """Of one step; may be kept back until ``flush``."""

    def flush(self) -> None:
        """Called before each checkpoint: what was told until then will not be told again."""


@dataclass(frozen=True)
class FitOptions:
    """target: None trains for a system that nobody has seen; the sources stand for it in turn."""

    sources: tuple[Path, ...]
    target: Path | None
    run: Path
    preset: Preset
    fractions: Fractions
    vectors: str | None = None
    device: str = "auto"
    seed: int = 0
    seen: Seen | None = None


def start(options: FitOptions) -> Run:
    """Split, mine, embed: everything that is fixed before the first step. Returns the new run."""
    if (options.run / "run.json").exists():
        there = Run.open(options.run)
        over = there.progress()[2]
        following = f"metalog-train inspect {there.path}" if over else there.resume
        raise UserError(
            f"{there.path}: holds a run already, {'finished' if over else 'half-trained'}: "
            f"`{following}`, or name another folder with -o"
        )
    choose_device(options.device)
    sources = [Corpus.open(path) for path in options.sources]
    target = unknown_system() if options.target is None else Corpus.open(options.target)
    _check_apart(sources, target)
    if options.target is None:
        _check_general(options)
    with stage("loading word vectors"):
        words = load_word_table(options.vectors)
    rng = np.random.default_rng(options.seed)
    drain = DrainParameters()
    systems: list[System] = []
    seen = options.seen or draw(sources, target, options.fractions, rng)
    everything = np.sort(np.concatenate([seen.labelled, seen.unlabelled]))
    all_seen = zip([*sources, target], [*seen.sources, everything], strict=True)
    for corpus, sessions in counted("mining templates", all_seen, len(sources) + 1):
        first_row = sum(len(system.templates) for system in systems)
        hidden = seen.unlabelled if corpus is target else None
        systems.append(System.mined(corpus, sessions, first_row, drain, hidden))
    preset = suited(options.preset, systems[-1])
    check_enough(systems, preset)
    own_words = {w for system in systems for t in system.templates for w in tokenize(t)}
    if options.target is not None or options.vectors is not None:
        words = words.pruned(own_words, MOST_FREQUENT_WORDS)
    # Else the whole shipped table: nobody knows what words a system has that nobody has seen, and
    # the choice would tell of those that were learnt from.
    embedder = embedder_of(systems, words)
    try:
        options.run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{options.run}: cannot be written: {error.strerror}") from None
    run = Run(
        path=options.run,
        preset=preset,
        fractions=options.fractions,
        seed=options.seed,
        vectors=options.vectors,
        drain=drain,
        network=NetworkConfig(dimension=words.dimension, **preset.network),
        roles=tuple(Role.of(system) for system in systems),
        version=version("metalog"),
        threshold=preset.threshold,
        threshold_origin=f"fixed by preset {preset.name}",
    )
    run.save_systems(systems, embedder)
    run.save()
    return run


def train(
    run: Run,
    device_name: str,
    progress: Progress | None = None,
    *,
    checkpoint_every: float = SECONDS_BETWEEN_CHECKPOINTS,
    records: Records | None = None,
) -> Run:
    """Meta-train, or go on from the checkpoint. Raises Interrupted after Ctrl-C, state saved.

    checkpoint_every: seconds between checkpoints; records: who is told of losses beside
    TensorBoard. Returns the run, which has its threshold now.
    """
    choose_device(device_name)
    systems = run.systems()
    embedder = run.embedder()
    if run.preset.statistics is Statistics.NONE:
        lessons = plain(run, systems)
    else:
        lessons = described(run, systems, embedder)
    table = event_table(systems, embedder)
    return learn(
        run, lessons, table, device_name, progress, checkpoint_every=checkpoint_every,
        records=records,
    )  # fmt: skip


def learn(
    run: Run,
    lessons: Lessons,
    vectors: Vectors,
    device_name: str,
    progress: Progress | None = None,
    first: Arrays | None = None,
    *,
    checkpoint_every: float = SECONDS_BETWEEN_CHECKPOINTS,
    records: Records | None = None,
) -> Run:
    """Meta-train on lessons; else as ``train``.

    vectors: float32 [events, dimension], whose rows the lessons name; first: weights to begin with,
    under the names of ``Ensemble.state_dict()``, in the place of random ones.
    """
    device = choose_device(device_name)
    settle_threads()
    preset = run.preset
    table = torch.from_numpy(vectors).to(device)
    # One stream decides the parts and the first weights, another the batches; both by the seed.
    rng = np.random.default_rng([run.seed, 1])
    torch.manual_seed(run.seed)
    network = new_network(run)
    if first is not None:
        network.load_state_dict({name: torch.from_numpy(value) for name, value in first.items()})
    network = network.to(device).train()
    source_parts = [
        (sessions, part)
        for sessions in lessons.sources
        for part in sessions.parts(preset.source_parts, rng)
    ]
    asked = [
        [(sessions, part) for sessions in one for part in sessions.parts(preset.target_parts, rng)]
        for one in lessons.targets
    ]
    steps = _steps(preset, lessons)
    members = network.networks()
    total = steps * len(members)
    validations = [Validation.of(left, alone=len(members) == 1) for left in lessons.left_out]
    # Without weight decay, as in the paper, this is Adam.
    optimisers = [
        torch.optim.AdamW(
            one.parameters(), lr=preset.rate, weight_decay=preset.weight_decay, fused=True
        )
        for one in members
    ]

    anchors = [Anchor(one, lessons.sources) for one in members] if preset.anchor else []
    source_size = 0 if preset.learn_from == "target" else preset.inner_parts
    target_size = 0 if preset.learn_from == "source" else preset.target_parts

    moving = Moving(network, optimisers, rng)
    step = 0
    run.sweep()
    if (run.path / "checkpoint.npz").exists():
        step = moving.restore(run.load_checkpoint())
    saved = time.monotonic()
    with (
        interrupts() as interrupted,
        # What was written after the checkpoint will be written again.
        SummaryWriter(str(run.path / "tensorboard"), purge_step=step + 1) as scalars,
    ):
        while step < total:
            # One member after another, each with its own share of the target.
            number, own_step = divmod(step, steps)
            member, optimiser = members[number], optimisers[number]
            picked = rng.integers(len(source_parts), size=source_size)
            source_batches = [
                sessions.draw(part, preset.batch, preset.anomaly_share, rng)
                for sessions, part in (source_parts[i] for i in picked)
            ]
            # Where another source stands for the target, it is not the one of the inner step.
            taught = {id(source_parts[i][0]) for i in picked}
            foreign = [pair for pair in asked[number] if id(pair[0]) not in taught]
            candidates = foreign or asked[number]
            chosen = rng.integers(len(candidates), size=target_size)
            target_batches = [
                sessions.draw(part, preset.batch, preset.anomaly_share, rng)
                for sessions, part in (candidates[i] for i in chosen)
            ]
            outcome = meta_step(
                member,
                table,
                source_batches,
                target_batches,
                inner_rate=preset.inner_rate,
                target_weight=preset.target_weight,
                second_order=preset.second_order,
                smoothing=preset.smoothing,
            )
            for parameter, gradient in zip(member.parameters(), outcome.gradients, strict=True):
                parameter.grad = gradient
            if anchors:
                held = anchors[number].gradients(member, table, rng)
                for parameter, gradient in zip(member.parameters(), held, strict=True):
                    assert parameter.grad is not None
                    parameter.grad.add_(gradient, alpha=preset.anchor)
            if preset.clip is not None:
                torch.nn.utils.clip_grad_norm_(member.parameters(), preset.clip)
            if preset.steps is not None:
                for group in optimiser.param_groups:
                    group["lr"] = preset.rate * _rise_and_fall(own_step / steps)
            optimiser.step()
            step += 1
            losses = {
                "loss/outer": outcome.outer.item(),
                "loss/source": outcome.source.item(),
                "loss/target": outcome.target.item(),
            }
            validated = {}
            if validations and Validation.is_due(own_step + 1, steps):
                validated = validations[number].figures(member, vectors)
            for name, value in (losses | validated).items():
                scalars.add_scalar(name, value, step)
            if records is not None:
                records.losses(step, losses)
            if progress is not None:
                progress(step, total, losses)
            late = time.monotonic() - saved > checkpoint_every
            if interrupted() or late or step == total:
                # First what goes on from here will not tell again.
                scalars.flush()
                if records is not None:
                    records.flush()
                run.save_checkpoint(moving.arrays(step, total))
                saved = time.monotonic()
            if interrupted() and step < total:
                raise Interrupted
    if lessons.left_out:
        with stage("finding the threshold"):
            threshold, origin = lessons.threshold(network, vectors, preset)
        run = replace(run, threshold=threshold, threshold_origin=origin)
        run.save()
    run.save_checkpoint(moving.arrays(step, total, over=True))
    return run


def _steps(preset: Preset, lessons: Lessons) -> int:
    """Meta-tasks of each member of the ensemble."""
    if preset.steps is not None:
        return preset.steps
    largest = max(len(one) for one in [*lessons.sources, *chain(*lessons.targets)])
    tasks = -(-largest // preset.batch)
    return preset.epochs * (tasks if preset.most_tasks is None else min(tasks, preset.most_tasks))


def _rise_and_fall(progress: float) -> float:
    """Share of the rate: up over the first tenth, down along a cosine."""
    if progress < 0.1:
        return 0.04 + 0.96 * progress / 0.1
    return 0.5 * (1 + math.cos(math.pi * (progress - 0.1) / 0.9))


def new_network(run: Run) -> Ensemble:
    """The run's network with first weights."""
    return Ensemble(run.network, torch.from_numpy(GROUPS) if run.network.session else None)


def load_network(run: Run, device: torch.device) -> Ensemble:
    """The network with the weights of the run. Raises UserError where its training is not over."""
    settle_threads()
    network = new_network(run)
    arrays = run.trained()
    network.load_state_dict(
        {name: torch.from_numpy(arrays[f"weight.{name}"]) for name in network.state_dict()}
    )
    return network.to(device).eval()


def choose_device(name: str) -> torch.device:
    """ "auto" is CUDA where there is one. Raises UserError for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError):
        raise UserError(f"--device {name}: there is none here; take auto, cpu or cuda") from None
    return device


def _check_general(options: FitOptions) -> None:
    """Raises UserError where there is nothing to learn from for a system that nobody has seen."""
    chosen = options.preset
    if chosen.unlabelled is None and chosen.statistics is not Statistics.UNLABELLED:
        raise UserError(
            f"--preset {chosen.name}: learns from labels of a target; give --target, or take "
            "--preset default"
        )
    if len(options.sources) < 2:
        raise UserError(
            "without --target give at least two systems as --source: each stands for the target "
            "of the others"
        )


def _check_apart(sources: list[Corpus], target: Corpus) -> None:
    known: dict[str, Corpus] = {}
    for corpus in [*sources, target]:
        twin = known.setdefault(corpus.fingerprint, corpus)
        if twin is not corpus:
            raise UserError(
                f"{corpus.path}: holds the same sessions as {twin.path}; a source and a target "
                "must be different systems"
            )
