"""``metalog-agent score``: whole logs, session by session."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from agent.commands.judging_options import (
    BundleOption,
    EndOption,
    KeyOption,
    Provider,
    ProviderOption,
    ThresholdOption,
    WindowOption,
    bundle_of,
    knows_nothing,
    rule_of,
    threshold_of,
)
from agent.detector import LINES_AT_ONCE, Detector, Verdict
from models.archive import read_lines


def score(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Logs, plain or .gz; - is stdin.")
    ],
    bundle: BundleOption = None,
    threshold: ThresholdOption = None,
    key_regex: KeyOption = None,
    window: WindowOption = None,
    idle: Annotated[
        float | None,
        typer.Option(help="End a session after a pause of so many seconds.  [default: never]"),
    ] = None,
    end_regex: EndOption = None,
    provider: ProviderOption = Provider.auto,
) -> None:
    """Score whole logs: one JSON object a session, in the order in which they end."""
    loaded = bundle_of(bundle)
    detector = Detector(
        loaded,
        rule=rule_of(loaded, key_regex, window, idle, end_regex),
        threshold=threshold_of(loaded, threshold),
        provider=provider.value,
        line_time_is_clock=True,
        keep_lines=False,
        explain=False,
    )
    if detector.knows_nothing:
        print(f"metalog-agent: {knows_nothing(loaded)}", file=sys.stderr)
    try:
        for file in files:
            lines = _lines(file)
            name = file if file == "-" else Path(file).name
            while some := list(islice(lines, LINES_AT_ONCE)):
                _print(detector.add(name, some, 0.0))
        detector.close()
        _print(detector.take())
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
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
