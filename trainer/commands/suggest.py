"""``metalog-train suggest``: which sessions to label."""

from pathlib import Path
from typing import Annotated

import typer

from trainer.commands.log_options import (
    BundleArgument,
    EndOption,
    FormatOption,
    IdleOption,
    KeyOption,
    LabelsOption,
    LineRegexOption,
    LogsOption,
    MoreLogsArgument,
    TimeFormatOption,
    WindowOption,
    bundle_at,
)


def suggest(
    bundle: BundleArgument,
    logs: LogsOption,
    more: MoreLogsArgument = None,
    count: Annotated[int, typer.Option("-n", help="How many to label.")] = 20,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="JSON lines, mode 0600.")
    ] = Path("to-label.jsonl"),
    labels: LabelsOption = None,
    format: FormatOption = None,
    line_regex: LineRegexOption = None,
    time_format: TimeFormatOption = None,
    key_regex: KeyOption = None,
    window: WindowOption = None,
    idle: IdleOption = None,
    end_regex: EndOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides what describes which session.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
) -> None:
    """Pick the sessions of your logs whose labels help most; `label` asks for them one by one.

    Half have the highest scores, half are nearest to the threshold; no two are alike event by
    event, nor like one that has a label.
    """
    from trainer.progress import byte_bar, say, stage

    with stage("starting"):
        from trainer.datasets.by_bundle import OwnLogs, size_of
        from trainer.suggest import SuggestOptions
        from trainer.suggest import suggest as run_suggest

    own = OwnLogs(
        (*logs, *(more or ())), format, line_regex, time_format, key_regex, window, idle, end_regex
    )
    options = SuggestOptions(
        bundle_at(bundle), own, output, tuple(labels or ()), count, seed, force
    )
    with byte_bar("reading", size_of(own)) as progress:
        done = run_suggest(options, progress)
    if done.sessions < done.all:
        say(f"note: a random sample of {done.sessions:,} sessions was looked at, of {done.all:,}")
    if done.chosen < count:
        say(f"note: there are only {done.chosen} kinds of sessions without a label")
    odd = done.lines.get("lines_of_odd_format", 0)
    if odd:
        say(f"note: {odd:,} lines do not fit the line format and were taken whole")
    described = "the bundle's history" if done.by_bundle else "each other"
    grounds = ", ".join(f"{number} {ground.value}" for ground, number in done.grounds.items())
    say(
        f"{output}: {done.chosen} of {done.all:,} sessions ({grounds}), described by {described}; "
        f"next: metalog-train label {output}"
    )
