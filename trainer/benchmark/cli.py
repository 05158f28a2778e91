"""The command line of ``metalog-train benchmark``."""

from pathlib import Path
from typing import Annotated

import typer

from models.errors import UserError
from trainer.commands import completing


def benchmark(
    protocol: Annotated[
        str,
        typer.Option(
            help="bilateral (few labels of the target), zero-shot (nothing of it), unlabelled "
            "(its unlabelled history), or budget (K labelled sessions of that history).",
            autocompletion=completing.PROTOCOLS,
        ),
    ],
    target: Annotated[
        Path,
        typer.Option(
            metavar="PATH", help="A corpus, or a folder with sessions.jsonl[.gz]; labelled."
        ),
    ],
    source: Annotated[list[Path], typer.Option(metavar="PATH", help="The same; may be repeated.")],
    source_fraction: Annotated[float, typer.Option(help="Share of each source to use.")] = 0.3,
    normal_fraction: Annotated[
        float,
        typer.Option(help="Share of the target's normal sessions to see, or of all as history."),
    ] = 0.3,
    anomaly_fraction: Annotated[
        float, typer.Option(help="Share of the target's anomalous sessions to see (at least 5).")
    ] = 0.01,
    target_anomaly_ratio: Annotated[
        float | None,
        typer.Option(
            metavar="R", help="Thin the target's anomalies at random to this share of its sessions."
        ),
    ] = None,
    labels: Annotated[
        int | None, typer.Option(metavar="K", help="Labelled sessions of a budget, of any class.")
    ] = None,
    reserve: Annotated[
        float,
        typer.Option(
            metavar="R",
            help="Share of the target's anomalies in its training part; only methods named :b may "
            "see all of their labels, and nobody is tested on them.",
        ),
    ] = 0.0,
    methods: Annotated[
        str,
        typer.Option(
            help="Comma-separated: presets, target-only, source-only, names of baselines, rules "
            "for all baselines, or methods of papers with what they are given, as in logrobust:a."
        ),
    ] = "default,rules",
    seeds: Annotated[
        int, typer.Option(min=1, help="Each draws split and labels and trains anew.")
    ] = 5,
    first_seed: Annotated[int, typer.Option(min=0, help="The first of them.")] = 0,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Seeds at a time; no figure depends on it.  [default: cores]"),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all figures here.")
    ] = None,
) -> None:
    """Compare presets and simple rules on equal terms: all, distinct and unseen test sessions."""
    import tempfile
    import time

    from trainer.progress import say, stage

    with stage("starting"):
        from models.placing import placed_file
        from trainer.benchmark.corpora import check_apart, given
        from trainer.benchmark.methods import chosen
        from trainer.benchmark.protocols import Protocol, Setting, check_classes
        from trainer.benchmark.report import label_lines, notes, report, written
        from trainer.benchmark.runner import Plan, run
        from trainer.benchmark.table import table
        from trainer.splits import Fractions

    began = time.monotonic()
    try:
        which = Protocol(protocol)
    except ValueError:
        known = ", ".join(one.value for one in Protocol)
        raise UserError(f"--protocol {protocol}: not known; one of {known}") from None
    fractions = Fractions(source_fraction, normal_fraction, anomaly_fraction)
    setting = Setting(which, fractions, target_anomaly_ratio, labels, reserve)
    names = chosen(methods, setting)
    with tempfile.TemporaryDirectory(prefix="metalog-benchmark-") as workspace:
        sources = tuple(given(path, Path(workspace)) for path in source)
        tested = given(target, Path(workspace))
        for one in sources:
            check_classes(one, "source")
        check_classes(tested, "target")
        check_apart(sources, tested)
        plan = Plan(setting, sources, tested, names)
        with stage("running methods", seeds * len(names)) as bar:
            outcomes = run(
                plan,
                range(first_seed, first_seed + seeds),
                jobs,
                lambda outcome: say(f"seed {outcome.seed}: done"),
                bar.advance,
            )
    result = report(plan, outcomes, time.monotonic() - began)
    for line in (*label_lines(result), *notes(plan, result)):
        say(line)
    typer.echo(table(result))
    if json_file is not None:
        with placed_file(json_file) as file:
            file.write_text(written(result))
