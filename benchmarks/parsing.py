"""How fast lines become events: ``python -m benchmarks.parsing [--data FOLDER] [--lines N]``.

One core, every way in turn in the same run, medians of several turns:
    drain3        TemplateMiner alone with the same masks and Drain parameters, on the content
    simple        our reader and parser step by step: header, keys, masks, Drain, memo of messages
    quick, cold   the same with the shortcuts, nothing known when it begins
    quick, warm   the same lines again
drain3 gets the content for nothing; ours take the header, the time and the session key from the raw
line as well. Each way must give the events of the simple one, or the run fails.
"""

import argparse
import json
import logging
import platform
import random
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from time import process_time

from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig

from benchmarks.generated_logs import SHAPES
from benchmarks.turns import Compared, heading, line
from models.archive import read_lines
from models.events import DrainParameters, EventParser
from models.line_reader import LineReader
from models.lines import FORMATS, LineParser
from models.masks import Mask
from trainer.datasets.raw import DEFAULT_RULES, masks_of

REAL = {
    "hdfs": "HDFS/raw_2pct/HDFS_2pct.log.gz",
    "bgl": "BGL/raw_samples/BGL_2k.log.gz",
    "openstack": "OpenStack/raw/openstack-nova-sample.log.gz",
    "thunderbird": "Thunderbird/raw_68min/Thunderbird_19k.log.gz",
}
_LINES_AT_ONCE = 4096
_WAYS = ("drain3", "simple", "quick, cold", "quick, warm")


class Parsing:
    """Lines to events: the reader and the parser of one system."""

    def __init__(self, name: str, *, quick: bool) -> None:
        rule = DEFAULT_RULES[name]
        masks = masks_of(rule)
        self._reader = LineReader(FORMATS[name], rule, masks, quick=quick)
        self._events = EventParser((), masks, DrainParameters(), quick=quick)

    def __call__(self, lines: Sequence[str]) -> list[int]:
        events: list[int] = []
        for start in range(0, len(lines), _LINES_AT_ONCE):
            read = self._reader.columns(lines[start : start + _LINES_AT_ONCE])
            events += self._events.parse_masked(read.messages)
        return events


def drain3_alone(masks: Sequence[Mask]) -> TemplateMiner:
    parameters = DrainParameters()
    config = TemplateMinerConfig()
    config.drain_depth = parameters.depth
    config.drain_sim_th = parameters.similarity
    config.drain_max_children = parameters.max_children
    config.profiling_enabled = False
    config.masking_instructions = [MaskingInstruction(one.pattern, one.name) for one in masks]
    return TemplateMiner(config=config)


def measure(name: str, lines: Sequence[str], turns: int) -> dict[str, list[float]]:
    """Seconds of each turn of each way."""
    header = LineParser(FORMATS[name])
    contents = [header.parse(line).content for line in lines]
    seconds: dict[str, list[float]] = {way: [] for way in _WAYS}
    for _ in range(turns):
        miner = drain3_alone(masks_of(DEFAULT_RULES[name]))

        def mined(miner: TemplateMiner = miner) -> None:
            for content in contents:
                miner.add_log_message(content)

        simple, quick = Parsing(name, quick=False), Parsing(name, quick=True)
        seconds["drain3"].append(_timed(mined)[0])
        taken, expected = _timed(partial(simple, lines))
        seconds["simple"].append(taken)
        for way in ("quick, cold", "quick, warm"):
            taken, events = _timed(partial(quick, lines))
            if events != expected:
                raise SystemExit(f"{name}: {way} gives other events than the simple way")
            seconds[way].append(taken)
    return seconds


def _timed(work: Callable[[], object]) -> tuple[float, object]:
    # Time of this process and not of the clock on the wall: others may use the machine, too.
    began = process_time()
    result = work()
    return process_time() - began, result


def _lines(name: str, data: Path | None, most: int) -> list[str]:
    if data is not None:
        return list(islice(read_lines(data / REAL[name]), most))
    return list(islice(SHAPES[name](random.Random(1)), most))


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--data", type=Path, help="Real logs; generated ones without it.")
    arguments.add_argument("--lines", type=int, default=50_000)
    arguments.add_argument("--turns", type=int, default=5)
    arguments.add_argument("--json", type=Path, metavar="FILE")
    given = arguments.parse_args()
    logging.getLogger("drain3").setLevel(logging.ERROR)
    print(
        f"Python {platform.python_version()}, drain3-improved {version('drain3-improved')}, "
        f"{given.turns} turns, thousand lines a second (times drain3)\n"
    )
    print(heading(["lines like", "number", *_WAYS]))
    rows = []
    for name in REAL if given.data is not None else SHAPES:
        lines = _lines(name, given.data, given.lines)
        found = Compared.of(measure(name, lines, given.turns), "drain3")
        print(line([name, f"{len(lines)}", *found.rates(len(lines), unit=1000)]), flush=True)
        rows.append({"label": name, "lines": len(lines), **found.to_json()})
    if given.json is not None:
        given.json.write_text(json.dumps({"turns": given.turns, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
