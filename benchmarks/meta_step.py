"""What a meta-step takes: ``python -m benchmarks.meta_step [--data CORPUS] [--turns 7]``.

One thread, every way in turn in the same run on the same batches, medians of several turns; one
source batch for the inner step and one target batch, both of the same system:
    padded     all sessions of a batch in one array, through torch's own GRU
    by length  padded only to the next power of two
    once       by length, and equal sessions once with a weight
    ours       what training does, see trainer.batches and trainer.recurrence
For the network of the paper (second order) and the default one (first order, described sessions).
Laying out a batch and the optimiser are not in it; nothing is left out at random. Each way must
give the gradient of the first one, to 1e-6 in double precision, or the run fails.
"""

import argparse
import json
import platform
import random
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.generated_logs import SHAPES
from benchmarks.turns import Compared, heading, line
from models.events import DrainParameters
from models.placing import placed_file
from models.session_inputs import GROUPS
from tests.trainer.simple_step import Padded, SimpleNetwork, simple_step
from trainer.batches import Batch, Sessions
from trainer.corpus import UNLABELLED, Corpus
from trainer.datasets.prepare import PrepareOptions, prepare
from trainer.meta import meta_step
from trainer.network import MetaLogNetwork, NetworkConfig
from trainer.presets import PRESETS, Preset
from trainer.systems import System

_PRESETS = ("paper", "default")
_WAYS = ("padded", "by length", "once", "ours")
_DIMENSION = 100
_LARGEST_DIFFERENCE = 1e-6
# Of a generated log, which has no labels.
_ANOMALOUS = 0.03
# Each way would leave out something else.
_NOTHING_LEFT_OUT: dict[str, Any] = {
    "dropout": 0.0, "word_drop": 0.0, "path_drop": 0.0, "number_drop": 0.0,
    "group_drops": (0.0, 0.0, 0.0),
}  # fmt: skip

Pair = tuple[Batch, Batch]
Step = Callable[[], tuple[Tensor, ...]]


def generated_corpus(folder: Path, lines: int) -> Path:
    log, corpus = folder / "hdfs.log", folder / "corpus"
    with log.open("w") as file:
        file.writelines(f"{line}\n" for line in islice(SHAPES["hdfs"](random.Random(1)), lines))
    prepare(PrepareOptions(logs=(log,), format="hdfs", output=corpus))
    return corpus


def sessions_of(system: System, config: NetworkConfig, longest: int) -> Sessions:
    """All sessions of a system, with random numbers where the network reads some beside the events:
    what they are makes no step faster. Equal sessions have equal ones."""
    rows = system.sequences(system.seen, system.parser(DrainParameters()))
    labels = system.labels(system.seen)
    rng = np.random.default_rng(1)
    unknown = labels == UNLABELLED
    labels[unknown] = rng.random(unknown.sum()) < _ANOMALOUS
    if not config.session:
        return Sessions(rows, labels.tolist(), longest)
    kinds: dict[bytes, int] = {}
    kind_of = [kinds.setdefault(row.tobytes(), len(kinds)) for row in rows]
    length = max(len(row) for row in rows)
    features = rng.normal(size=(length, config.features)).astype(np.float32)
    session = rng.normal(size=(len(kinds), config.session)).astype(np.float32)
    beside = [features[: len(row)] for row in rows]
    return Sessions(rows, labels.tolist(), longest, beside, session[kind_of])


def padded(sessions: Sessions, batch: Batch, way: str) -> list[Padded]:
    """The batch as groups of padded sessions."""
    if way == "once":
        members, weights = batch.members, batch.weights.numpy()
    else:
        members = np.repeat(batch.members, batch.weights.numpy().astype(int))
        weights = np.ones(len(members), dtype=np.float32)
    if way == "padded":
        return [Padded.of(sessions, members)]
    lengths = np.array([len(sessions.sequences[member]) for member in members])
    power = np.ceil(np.log2(np.maximum(lengths, 8)))
    return [
        Padded.of(sessions, members[power == one], torch.from_numpy(weights[power == one]))
        for one in np.unique(power)
    ]


def ways(
    preset: Preset, config: NetworkConfig, sessions: Sessions, table: Tensor, pair: Pair
) -> dict[str, Step]:
    """The same step on the same pair of batches, each way, in the precision of ``table``."""
    torch.manual_seed(0)
    groups = torch.from_numpy(GROUPS) if config.session else None
    network = MetaLogNetwork(config, groups).to(table.dtype)
    simple = SimpleNetwork(config, groups).to(table.dtype)
    simple.load_state_dict(network.state_dict())
    settings: dict[str, Any] = {
        "inner_rate": preset.inner_rate,
        "target_weight": preset.target_weight,
        "second_order": preset.second_order,
        "smoothing": preset.smoothing,
    }
    source, target = pair

    def simply(way: str) -> Step:
        laid_out = [padded(sessions, batch, way) for batch in (source, target)]
        return lambda: simple_step(simple, table, laid_out[:1], laid_out[1:], **settings)[1]

    def ours() -> tuple[Tensor, ...]:
        return meta_step(network, table, [source], [target], **settings).gradients

    return {**{way: simply(way) for way in _WAYS[:-1]}, _WAYS[-1]: ours}


def check(steps: Mapping[str, Step]) -> float:
    """Largest relative difference of the gradients; ends the program where it is too large."""
    gradients = {
        way: torch.cat([one.flatten() for one in step()]).double() for way, step in steps.items()
    }
    expected = gradients["padded"]
    worst = 0.0
    for way, found in gradients.items():
        difference = float((found - expected).norm() / expected.norm())
        if not difference <= _LARGEST_DIFFERENCE:
            raise SystemExit(f"{way}: differs from the padded gradient by {difference:.2g}")
        worst = max(worst, difference)
    return worst


def measure(steps: Sequence[Mapping[str, Step]], turns: int) -> dict[str, list[float]]:
    """Seconds of each turn of each way, each turn on another pair of batches."""
    seconds: dict[str, list[float]] = {way: [] for way in _WAYS}
    for step in steps[0].values():
        step()
    for turn in range(turns):
        for way, step in steps[turn % len(steps)].items():
            # Time of this process and not of the clock on the wall: others may use the machine.
            began = process_time()
            step()
            seconds[way].append(process_time() - began)
    return seconds


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--data", type=Path, help="A prepared corpus; generated HDFS without.")
    arguments.add_argument("--lines", type=int, default=200_000, help="Of a generated log.")
    arguments.add_argument("--batch", type=int, default=100, help="Sessions of each batch.")
    arguments.add_argument("--turns", type=int, default=7)
    arguments.add_argument("--json", type=Path, metavar="FILE", help="Medians and sizes.")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Corpus.open(given.data or generated_corpus(Path(folder), given.lines))
        system = System.mined(corpus, np.arange(len(corpus)), 0, DrainParameters())
        results = {name: _result(name, system, given.batch, given.turns) for name in _PRESETS}
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, {given.turns} turns, "
        f"batches of {given.batch}, milliseconds a meta-step (times as fast as padded)\n"
    )
    print(heading(["network", "distinct sessions", "events", "states", *_WAYS]))
    for name, result in results.items():
        sizes = [f"{result[size]:.0f}" for size in ("distinct", "events", "states")]
        print(line([name, *sizes, *Compared.from_json(result).milliseconds()]))
    if given.json is not None:
        found = {"turns": given.turns, "batch": given.batch, "networks": results}
        with placed_file(given.json) as file:
            file.write_text(json.dumps(found, indent=1) + "\n")


def _result(name: str, system: System, size: int, turns: int) -> dict[str, Any]:
    """distinct, events, states: of a batch, medians; difference: of the gradients; seconds and
    ratios of each way."""
    preset = PRESETS[name]
    config = NetworkConfig(_DIMENSION, **{**preset.network, **_NOTHING_LEFT_OUT, "members": 1})
    sessions = sessions_of(system, config, preset.longest)
    rng = np.random.default_rng(2)
    table = torch.from_numpy(rng.normal(size=(len(system.templates), _DIMENSION)) / 4)
    everyone = np.arange(len(sessions))

    def drawn() -> Batch:
        return sessions.draw(everyone, size, preset.anomaly_share, rng)

    pairs = [(drawn(), drawn()) for _ in range(turns)]
    batches = [batch for pair in pairs for batch in pair]
    difference = check(ways(preset, config, sessions, table, pairs[0]))
    steps = [ways(preset, config, sessions, table.float(), pair) for pair in pairs]
    return {
        "distinct": statistics.median(len(batch.lengths) for batch in batches),
        "events": statistics.median(int(batch.lengths.sum()) for batch in batches),
        "states": statistics.median(len(batch.event_of) for batch in batches),
        "difference": difference,
        **Compared.of(measure(steps, turns), "padded").to_json(),
    }


if __name__ == "__main__":
    main()
