"""The recipe of ``metalog-train fit``, from top to bottom: split, embed, meta-train, save."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch.utils.tensorboard.writer import SummaryWriter

from models.errors import UserError
from models.events import DrainParameters
from models.words import tokenize
from trainer.batches import Sessions
from trainer.corpus import Corpus
from trainer.meta import meta_loss
from trainer.network import MetaLogNetwork, NetworkConfig
from trainer.presets import Preset
from trainer.run import Arrays, Role, Run
from trainer.splits import Fractions, draw_source, draw_target
from trainer.systems import System, embedder_of, event_table
from trainer.vectors import load_word_table

# Words of the table that a bundle keeps beside those of its own templates, for events to come.
MOST_FREQUENT_WORDS = 30_000
_SECONDS_BETWEEN_CHECKPOINTS = 30.0

Progress = Callable[[int, int, dict[str, float]], None]


class Interrupted(Exception):  # noqa: N818 - no error: the user asked for it
    """Training was stopped by the user; the checkpoint is saved."""


@dataclass(frozen=True)
class FitOptions:
    sources: tuple[Path, ...]
    target: Path
    run: Path
    preset: Preset
    fractions: Fractions
    vectors: str | None = None
    device: str = "auto"
    seed: int = 0


def start(options: FitOptions) -> Run:
    """Split, mine, embed: everything that is fixed before the first step. Returns the new run."""
    if (options.run / "run.json").exists():
        raise UserError(
            f"{options.run}: holds a run already; --resume goes on with it, or name another folder"
        )
    choose_device(options.device)
    sources = [Corpus.open(path) for path in options.sources]
    target = Corpus.open(options.target)
    _check_apart(sources, target)
    words = load_word_table(options.vectors)
    rng = np.random.default_rng(options.seed)
    drain = DrainParameters()
    systems: list[System] = []
    for corpus in [*sources, target]:
        if corpus is target:
            seen = draw_target(corpus, options.fractions, rng)
        else:
            seen = draw_source(corpus, options.fractions.source, rng)
        first_row = sum(len(system.templates) for system in systems)
        systems.append(System.mined(corpus, seen, first_row, drain))
    own_words = {w for system in systems for t in system.templates for w in tokenize(t)}
    embedder = embedder_of(systems, words.pruned(own_words, MOST_FREQUENT_WORDS))
    try:
        options.run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{options.run}: cannot be written: {error.strerror}") from None
    run = Run(
        path=options.run,
        preset=options.preset,
        fractions=options.fractions,
        seed=options.seed,
        vectors=options.vectors,
        drain=drain,
        network=NetworkConfig(dimension=words.dimension, **options.preset.network),
        roles=tuple(Role.of(system) for system in systems),
        version=version("metalog"),
        threshold=options.preset.threshold,
        threshold_origin=f"fixed by preset {options.preset.name}",
    )
    run.save_systems(systems, embedder)
    run.save()
    return run


def train(run: Run, device_name: str, progress: Progress | None = None) -> MetaLogNetwork:
    """Meta-train, or go on from the checkpoint. Raises Interrupted after Ctrl-C, state saved."""
    device = choose_device(device_name)
    preset = run.preset
    systems = run.systems()
    embedder = run.embedder()
    table = torch.from_numpy(event_table(systems, embedder)).to(device)
    drawn = [_sessions(system, run) for system in systems]
    *sources, target = drawn

    # One stream decides the parts and the first weights, another the batches; both by the seed.
    rng = np.random.default_rng([run.seed, 1])
    torch.manual_seed(run.seed)
    network = MetaLogNetwork(run.network).to(device)
    optimiser = torch.optim.Adam(network.parameters(), lr=preset.rate)
    source_parts = [
        (sessions, part)
        for sessions in sources
        for part in sessions.parts(preset.source_parts, rng)
    ]
    target_parts = target.parts(preset.target_parts, rng)
    tasks = -(-max(sum(len(one) for one in sources), len(target)) // preset.batch)
    tasks = tasks if preset.most_tasks is None else min(tasks, preset.most_tasks)
    steps = preset.epochs * tasks

    step = 0
    if (run.path / "checkpoint.npz").exists():
        step = _restore(run.load_checkpoint(), network, optimiser, rng)
    saved = time.monotonic()
    with (
        _interrupts() as interrupted,
        # What was written after the checkpoint will be written again.
        SummaryWriter(str(run.path / "tensorboard"), purge_step=step + 1) as scalars,
        # cuDNN has no second derivative of recurrent layers.
        torch.backends.cudnn.flags(enabled=not preset.second_order),
    ):
        while step < steps:
            picked = rng.integers(len(source_parts), size=preset.inner_parts)
            source_batches = [
                sessions.draw(part, preset.batch, preset.anomaly_share, rng)
                for sessions, part in (source_parts[i] for i in picked)
            ]
            chosen = rng.integers(len(target_parts), size=preset.target_parts)
            target_batches = [
                target.draw(target_parts[i], preset.batch, preset.anomaly_share, rng)
                for i in chosen
            ]
            loss, source_loss, target_loss = meta_loss(
                network,
                table,
                source_batches,
                target_batches,
                inner_rate=preset.inner_rate,
                target_weight=preset.target_weight,
                second_order=preset.second_order,
            )
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            if preset.clip is not None:
                torch.nn.utils.clip_grad_norm_(network.parameters(), preset.clip)
            optimiser.step()
            step += 1
            losses = {
                "loss/outer": loss.item(),
                "loss/source": source_loss.item(),
                "loss/target": target_loss.item(),
            }
            for name, value in losses.items():
                scalars.add_scalar(name, value, step)
            if progress is not None:
                progress(step, steps, losses)
            late = time.monotonic() - saved > _SECONDS_BETWEEN_CHECKPOINTS
            if interrupted() or late or step == steps:
                run.save_checkpoint(_state(network, optimiser, rng, step))
                saved = time.monotonic()
            if interrupted() and step < steps:
                raise Interrupted
    return network


def load_network(run: Run, device: torch.device) -> MetaLogNetwork:
    """The network with the weights of the run's checkpoint."""
    network = MetaLogNetwork(run.network)
    arrays = run.load_checkpoint()
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


def _sessions(system: System, run: Run) -> Sessions:
    events = system.sequences(system.seen, system.parser(run.drain))
    return Sessions(
        [sequence + system.first_row for sequence in events],
        list(system.labels(system.seen)),
        run.preset.longest,
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


def _state(
    network: MetaLogNetwork, optimiser: torch.optim.Adam, rng: np.random.Generator, step: int
) -> Arrays:
    state: Arrays = {
        f"weight.{name}": value.cpu().numpy() for name, value in network.state_dict().items()
    }
    for number, moments in optimiser.state_dict()["state"].items():
        for name, value in moments.items():
            state[f"adam.{number}.{name}"] = value.cpu().numpy()
    state["step"] = np.array(step)
    state["generator"] = np.array(json.dumps(rng.bit_generator.state))
    return state


def _restore(
    arrays: Arrays, network: MetaLogNetwork, optimiser: torch.optim.Adam, rng: np.random.Generator
) -> int:
    network.load_state_dict(
        {name: torch.from_numpy(arrays[f"weight.{name}"]) for name in network.state_dict()}
    )
    moments: dict[int, dict[str, Any]] = {}
    for name, value in arrays.items():
        if name.startswith("adam."):
            _, number, moment = name.split(".", 2)
            moments.setdefault(int(number), {})[moment] = torch.from_numpy(value.copy())
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    rng.bit_generator.state = json.loads(str(arrays["generator"]))
    return int(arrays["step"])


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed; a second one ends the program at once."""
    pressed = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    try:
        previous = signal.signal(signal.SIGINT, note)
    except ValueError:
        # Not the main thread, which signals never reach anyway.
        yield lambda: False
        return
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, previous)
