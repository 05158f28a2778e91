"""``metalog-train report``: runs on one page."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Runs of `fit`, side by side.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The page, mode 0640.")
    ] = Path("report.html"),
    on: Annotated[
        Path | None,
        typer.Option(metavar="CORPUS", help="Another corpus instead of each run's target."),
    ] = None,
    no_baselines: Annotated[
        bool, typer.Option("--no-baselines", help="Do not fit simple rules beside the runs.")
    ] = False,
    benchmark: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A result of `benchmark --protocol budget --json FILE`, for curves by the number "
            "of labels; may be repeated.",
        ),
    ] = None,
    title: Annotated[
        str | None, typer.Option(help="Heading of the page.  [default: the runs' names]")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda.")] = "auto",
) -> None:
    """Write one self-contained page: data, results beside simple rules, curves, a threshold to
    move, the worst mistakes with their lines. It loads nothing, and holds masked log text."""
    from datetime import UTC, datetime

    from models.page.skeleton import write
    from trainer.progress import say
    from trainer.report.budgets import budgets
    from trainer.report.gathered import gather
    from trainer.report.page import report_page
    from trainer.run import Run

    curves = budgets(benchmark or ())
    opened = [Run.open(path) for path in dict.fromkeys(runs)]
    exams = gather(opened, on, baselines=not no_baselines, device=device, note=say)
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    write(output, report_page(exams, curves, made=made, title=title))
    say(f"{output}: {output.stat().st_size / 1024:,.0f} KiB; open it in a browser")
