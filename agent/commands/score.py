"""``metalog-agent score``: whole logs, session by session."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from agent.bundles import Bundles, bundle_of, knows_nothing
from agent.commands.config_option import ConfigOption, InputOption
from agent.commands.input_options import UnwrapOption
from agent.commands.judging_options import (
    BundleOption,
    EndOption,
    KeyOption,
    ProviderOption,
    ThresholdOption,
    WindowOption,
)
from agent.config import configured, file_to_read
from agent.config.values import check_values, rule_for
from agent.detector import LINES_AT_ONCE, Detector
from agent.verdict import Verdict
from models.archive import read_lines
from models.wrapping import Wrapping, unwrapped, wrapping_for


def score(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Logs, plain or .gz; - is stdin.")
    ],
    config: ConfigOption = None,
    of_input: InputOption = None,
    bundle: BundleOption = None,
    threshold: ThresholdOption = None,
    key_regex: KeyOption = None,
    window: WindowOption = None,
    idle: Annotated[
        float | None,
        typer.Option(help="End a session after a pause of so many seconds.  [default: never]"),
    ] = None,
    end_regex: EndOption = None,
    unwrap: UnwrapOption = None,
    provider: ProviderOption = None,
) -> None:
    """Score whole logs: one JSON object a session, in the order in which they end.

    With --input as that input of the configuration is judged, by its bundle, rule and threshold.
    """
    read_from = file_to_read(config, otherwise=of_input is not None)
    options = {
        "bundle": None if bundle is None else str(bundle), "threshold": threshold,
        "key_regex": key_regex, "window": window, "idle": idle, "end_regex": end_regex,
        "provider": provider and provider.value, "unwrap": unwrap and unwrap.value,
    }  # fmt: skip
    configuration = configured(
        file=read_from, paths=files if of_input is None else (), options=options
    )
    for warning in configuration.warnings:
        print(f"metalog-agent: {warning}", file=sys.stderr)
    one = configuration.input_of(of_input or "")
    keys = one.keys
    check_values(one)
    loaded = bundle_of(
        None if keys.bundle is None else Path(keys.bundle),
        Bundles().loader(None if keys.verify is None else Path(keys.verify)),
    )
    detector = Detector(
        loaded,
        rule=rule_for(one, loaded.manifest.rule),
        threshold=loaded.manifest.threshold if keys.threshold is None else keys.threshold,
        provider=keys.provider,
        line_time_is_clock=True,
        keep_lines=False,
        explain=False,
    )
    ignorant = detector.knows_nothing
    wrapping = wrapping_for(Wrapping(keys.unwrap), loaded.manifest.line_format)
    try:
        for file in files:
            name = file if file == "-" else Path(file).name
            place = file if file == "-" else str(Path(file).absolute())
            lines = unwrapped(_lines(file), wrapping, place)
            while some := list(islice(lines, LINES_AT_ONCE)):
                _print(detector.add(name, some, 0.0))
        detector.close()
        _print(detector.take())
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    # Not before: what is wrong with a file is said in one line.
    if ignorant:
        print(f"metalog-agent: {knows_nothing(loaded)}", file=sys.stderr)
    _warn(detector)


def _lines(file: str) -> Iterator[str]:
    if file != "-":
        return read_lines(Path(file))
    return (raw.decode("utf-8", "replace").rstrip("\r\n") for raw in sys.stdin.buffer)


def _print(verdicts: Sequence[Verdict]) -> None:
    for one in verdicts:
        value = {
            "key": one.key,
            "score": round(one.score, 6),
            "anomalous": one.anomalous,
            "lines": one.lines,
            "source": one.source,
        }
        sys.stdout.write(json.dumps(value) + "\n")


def _warn(detector: Detector) -> None:
    if detector.lines_of_odd_format:
        print(
            f"metalog-agent: {detector.lines_of_odd_format} lines do not fit the bundle's line "
            "format and were taken whole",
            file=sys.stderr,
        )
    if detector.lines_without_session:
        print(
            f"metalog-agent: {detector.lines_without_session} of {detector.lines_read} lines "
            "belong to no session",
            file=sys.stderr,
        )
