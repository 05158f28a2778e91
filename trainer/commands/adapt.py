"""``metalog-train adapt``: a bundle of the user's own system."""

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


def adapt(
    bundle: BundleArgument,
    logs: LogsOption,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="BUNDLE2", help="New folder, or a .tar.")
    ],
    more: MoreLogsArgument = None,
    labels: LabelsOption = None,
    name: Annotated[
        str | None, typer.Option(help="Name in alerts.  [default: the folder's name]")
    ] = None,
    format: FormatOption = None,
    line_regex: LineRegexOption = None,
    time_format: TimeFormatOption = None,
    key_regex: KeyOption = None,
    window: WindowOption = None,
    idle: IdleOption = None,
    end_regex: EndOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides folds and batches.")] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the bundle if it exists.")
    ] = False,
) -> None:
    """Make a bundle of your system from another one, your logs, and the labels you have, if any.

    Nothing of the systems that it was trained on is needed: it carries a sample of what it learnt.
    """
    from trainer.progress import byte_bar, say, stage, step_bar

    with stage("starting"):
        from trainer.adapt import AdaptOptions
        from trainer.adapt import adapt as run_adapt
        from trainer.datasets.by_bundle import OwnLogs, size_of
        from trainer.interrupts import Interrupted

    own = OwnLogs(
        (*logs, *(more or ())), format, line_regex, time_format, key_regex, window, idle, end_regex
    )
    options = AdaptOptions(bundle_at(bundle), own, output, tuple(labels or ()), name, seed, force)
    try:
        done = run_adapt(options, byte_bar("reading", size_of(own)), step_bar("adapting"), say)
    except Interrupted:
        say(f"stopped; {output} was not written")
        raise typer.Exit(130) from None
    for count, what in (
        (
            done.lines.get("lines_without_session", 0),
            "lines belong to no session and were left out",
        ),
        (
            done.lines.get("lines_of_odd_format", 0),
            "lines do not fit the format and were taken whole",
        ),
    ):
        if count:
            say(f"note: {count:,} {what}")
    learnt = "" if done.trained else "; without a label its weights stay as they were"
    say(
        f"{output}: {done.sessions:,} sessions, {done.normal:,} labelled normal and "
        f"{done.anomalous:,} anomalous{learnt}"
    )
    say(
        f"{output}: {done.manifest.events:,} events, threshold {done.manifest.threshold:g}; next: "
        f"metalog-agent watch PATH --bundle {output}"
    )
