"""How fast sessions are scored: ``python -m benchmarks.scoring [--data FOLDER] [--json FILE]``.

One thread, every way in turn in the same run, medians of several turns, for two networks: the
paper's (2 layers, hidden 100) and the default one (3 members, hidden 64, with statistics). Ways:
    exported  what torch.onnx.export makes of the network, on padded batches in order of arrival
    plain     our graph of the whole network (models.plain_network)
    stepped   our graphs for one event after another (models.stepped_network)
    cold      the scorer as the agent has it, reading and describing included, nothing known yet
    warm      the same sessions again
Four tables: sessions without equal beginnings, by length; how many must come together for stepping
to pay; sessions of HDFS (of the real log with --data, else generated); and what a session costs by
its length. Each way must give the scores of the exported network within 1e-6, or the run fails.
"""

import argparse
import json
import platform
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import onnxruntime
import torch

from benchmarks.exported import BATCH, Exported
from benchmarks.generated_logs import hdfs_lines
from benchmarks.turns import Compared, heading, line
from export.writing import write_bundle
from models.archive import read_lines
from models.bundle import Bundle, Manifest
from models.description import EVENT_INPUTS
from models.embedding import DocumentFrequencies, EventEmbedder
from models.events import DrainParameters, EventParser
from models.flat import Flat
from models.history import Events, History
from models.line_reader import LineReader
from models.lines import FORMATS
from models.plain_network import Outcome, PlainNetwork
from models.reading import Description, Reading
from models.scorer import Scorer
from models.session_inputs import SESSION_INPUTS
from models.stepped_network import SteppedNetwork
from models.words import Vectors, shipped_word_table
from trainer.datasets.raw import DEFAULT_RULES, masks_of
from trainer.network import Ensemble, NetworkConfig
from trainer.presets import PRESETS

REAL = "HDFS/raw_2pct/HDFS_2pct.log.gz"
_LARGEST_DIFFERENCE = 1e-6
_EVENTS = 200

ALL = ("exported", "plain", "stepped")
OURS = ("plain", "stepped")

Timed = dict[str, list[float]]


@dataclass(frozen=True)
class Case:
    """One network, in every form."""

    name: str
    network: Ensemble
    bundle: Bundle
    exported: Exported
    plain: PlainNetwork
    stepped: SteppedNetwork

    def plainly(self, reading: Reading) -> Outcome:
        return self.plain.run(reading, np.zeros((0, self.network.config.dimension), np.float32))


def case(name: str, known: Sequence[Events], events: int, folder: Path) -> Case:
    """A network of drawn weights. known: sessions of its history; events: how many there are."""
    torch.manual_seed(1)
    draw = np.random.default_rng(1)
    words = shipped_word_table()
    network = Ensemble(NetworkConfig(words.dimension, **PRESETS[name].network)).eval()
    vocabulary = words.words
    templates = tuple(" ".join(draw.choice(vocabulary, 6)) for _ in range(events))
    embedder = EventEmbedder(words, DocumentFrequencies.of(templates))
    table = embedder.embed_all(templates)
    config, rule = network.config, DEFAULT_RULES["hdfs"]
    description = None
    if config.session:
        description = Description(History.of(known, [], events), templates, table, words)
    manifest = Manifest(
        name=name, created="", version="", revision=None, threshold=0.5, threshold_origin="",
        line_format=FORMATS["hdfs"], rule=rule, live_idle=60.0, masks=masks_of(rule),
        drain=DrainParameters(), events=events, dimension=words.dimension,
        features=config.features, network=config.to_json(), data=[],
    )  # fmt: skip
    weights = {key: value.numpy() for key, value in network.state_dict().items()}
    path = folder / f"{name}-{events}"
    path.mkdir()
    write_bundle(path, manifest, config.shape(), weights, templates, embedder, description)
    bundle = Bundle.load(path)
    assert bundle.steps is not None
    return Case(
        name,
        network,
        bundle,
        Exported(network, table),
        PlainNetwork(bundle.network, events, words.dimension, "cpu"),
        SteppedNetwork(bundle.steps, table, "cpu"),
    )


def random_reading(config: NetworkConfig, sessions: int, length: int) -> Reading:
    """Distinct sessions of random events; what is said beside them is random, too."""
    draw = np.random.default_rng(length)
    flat = Flat.of(list(draw.integers(0, _EVENTS, size=(sessions, length))))
    plain = Reading.plain(flat, 0)
    features = draw.normal(size=(len(plain.events), EVENT_INPUTS)).astype(np.float32)
    numbers = draw.normal(size=(sessions, SESSION_INPUTS)).astype(np.float32)
    return Reading(
        plain.lengths,
        plain.places,
        plain.kinds,
        plain.events,
        features[:, : config.features],
        numbers[:, : config.session],
    )


def hdfs_sessions(data: Path | None, most: int) -> list[Events]:
    """Events of each block, in the order in which the blocks began."""
    rule = DEFAULT_RULES["hdfs"]
    masks = masks_of(rule)
    lines = islice(hdfs_lines(random.Random(1)), most) if data is None else read_lines(data / REAL)
    reader = LineReader(FORMATS["hdfs"], rule, masks)
    read = reader.columns(list(lines))
    events = EventParser((), masks, DrainParameters()).parse_masked(read.messages)
    sessions: dict[str, list[int]] = {}
    for keys, event in zip(read.keys, events, strict=True):
        for key in keys:
            sessions.setdefault(key, []).append(event)
    return [np.array(session, dtype=np.int64) for session in sessions.values()]


def timed(
    ways: dict[str, Callable[[], object]], turns: int, check: Callable[[str, Any], None]
) -> Timed:
    """Seconds of each turn of each way. check: of what a way has given."""
    for name, way in ways.items():
        check(name, way())
    seconds: Timed = {name: [] for name in ways}
    for _ in range(turns):
        for name, way in ways.items():
            # Time of this process and not of the clock on the wall: others may use the machine.
            began = process_time()
            way()
            seconds[name].append(process_time() - began)
    return seconds


def agreeing(where: str, expected: Vectors) -> Callable[[str, Any], None]:
    def check(way: str, found: Any) -> None:
        if isinstance(found, Outcome):
            found = found.probability
        difference = float(np.abs(np.asarray(found) - expected).max())
        if not difference <= _LARGEST_DIFFERENCE:
            raise SystemExit(f"{where}: {way} is {difference:.2g} off the exported network")

    return check


def compare(one: Case, reading: Reading, turns: int, ways: Sequence[str]) -> Timed:
    every: dict[str, Callable[[], object]] = {
        "exported": lambda: one.exported.run(reading),
        "plain": lambda: one.plainly(reading),
        "stepped": lambda: one.stepped.run(reading),
    }
    where = f"{one.name}, {len(reading.lengths)} sessions of {reading.lengths.max()}"
    check = agreeing(where, one.exported.run(reading))
    return timed({way: every[way] for way in ways}, turns, check)


def real(one: Case, sessions: Sequence[Events], turns: int) -> Timed:
    """What the exported network needs for them when they have been read for nothing, and what the
    scorer needs for all of it."""
    description = one.bundle.description()
    flat = Flat.of(sessions)
    reading = Reading.plain(flat, 0) if description is None else description.read(flat)
    scorer = Scorer(one.bundle, "cpu")

    def scored() -> list[float]:
        # As the agent does: a few hundred at a time.
        return [
            score.probability
            for start in range(0, len(sessions), 2 * BATCH)
            for score in scorer.score(sessions[start : start + 2 * BATCH])
        ]

    def scored_anew() -> list[float]:
        scorer.forget()
        return scored()

    ways: dict[str, Callable[[], object]] = {
        "exported": lambda: one.exported.run(reading),
        "cold": scored_anew,
        "warm": scored,
    }
    check = agreeing(f"{one.name}, HDFS", one.exported.run(reading))
    return timed(ways, turns, check)


def row(label: str, seconds: Timed, sessions: int, base: str) -> dict[str, Any]:
    """A line of a table: sessions a second, and how many times those of ``base``."""
    found = Compared.of(seconds, base)
    print(line([label, *found.rates(sessions, digits=2)]), flush=True)
    return {"label": label, "sessions": sessions, **found.to_json()}


def table(title: str, columns: Sequence[str]) -> None:
    print(f"\n{title}\n\n{heading(['', *columns])}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--data", type=Path, help="Real logs; generated ones without it.")
    arguments.add_argument("--lines", type=int, default=150_000, help="Of a generated log.")
    arguments.add_argument("--longest", type=int, default=500, help="Events of a random session.")
    arguments.add_argument("--turns", type=int, default=5)
    arguments.add_argument("--json", type=Path, help="Write the figures there, too.")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    print(
        f"Python {platform.python_version()}, onnxruntime {onnxruntime.__version__}, torch "
        f"{torch.__version__}, {given.turns} turns, sessions a second (times the first column)"
    )
    sessions = hdfs_sessions(given.data, given.lines)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(sessions, given.longest, given.turns, Path(folder))
    if given.json is not None:
        distinct = len({session.tobytes() for session in sessions})
        found = {"turns": given.turns, "distinct": distinct, **rows}
        given.json.write_text(json.dumps(found, indent=1) + "\n")


def measure(
    sessions: list[Events], longest: int, turns: int, folder: Path
) -> dict[str, list[dict[str, Any]]]:
    """The rows of each table."""
    draw = np.random.default_rng(3)
    known = list(draw.integers(0, _EVENTS, size=(500, 20)))
    cases = [case(name, known, _EVENTS, folder) for name in ("paper", "default")]
    rows: dict[str, list[dict[str, Any]]] = {}

    table(f"{BATCH} distinct sessions of random events", ALL)
    rows["random"] = [
        row(
            f"{one.name}, {length} events",
            compare(one, random_reading(one.network.config, BATCH, length), turns, ALL),
            BATCH,
            "exported",
        )
        for one in cases
        for length in (20, 50, 100)
        if length <= longest
    ]
    table("Sessions of 20 random events side by side", OURS)
    rows["side by side"] = [
        row(
            f"{one.name}, {size} sessions",
            compare(one, random_reading(one.network.config, size, 20), 4 * turns, OURS),
            size,
            "plain",
        )
        for one in cases
        for size in (1, 4, 8, 16, 32, 64)
    ]
    events = 1 + max(int(session.max()) for session in sessions)
    distinct = len({session.tobytes() for session in sessions})
    mean = np.mean([len(session) for session in sessions])
    table(
        f"{len(sessions)} sessions of HDFS, {distinct} distinct, {mean:.1f} events on average",
        ("exported", "cold", "warm"),
    )
    rows["HDFS"] = [
        row(
            name,
            real(case(name, sessions[::4], events, folder), sessions, turns),
            len(sessions),
            "exported",
        )
        for name in ("paper", "default")
    ]
    table("64 distinct sessions of random events, by length", OURS)
    rows["length"] = [
        row(
            f"{one.name}, {length} events",
            compare(one, random_reading(one.network.config, 64, length), turns, OURS),
            64,
            "plain",
        )
        for one in cases
        for length in (10, 20, 50, 100, 200, 500)
        if length <= longest
    ]
    return rows


if __name__ == "__main__":
    main()
