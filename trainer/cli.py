"""``metalog-train``: the command line."""

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from models.errors import UserError
from trainer.benchmark.cli import benchmark
from trainer.commands import completing
from trainer.commands.adapt import adapt
from trainer.commands.compare import compare
from trainer.commands.download import download
from trainer.commands.fit import fit
from trainer.commands.label import label
from trainer.commands.report import report
from trainer.commands.suggest import suggest

_TRAINING_PACKAGES = {"torch", "onnx", "gensim", "sklearn", "tensorboard", "rich", "onnxruntime"}

app = typer.Typer(
    help="Learn from labelled logs of some systems to find anomalies in another one's.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Rich would take "[default: ...]" in a help text for markup and swallow it.
    rich_markup_mode=None,
)


app.command()(download)
app.command()(benchmark)
app.command()(compare)


def main() -> None:
    """Entry point. What a user can mend ends in one line on stderr and exit code 2."""
    os.umask(0o027)
    try:
        app()
    except UserError as error:
        # Its bars vanish before the line comes. Not imported here: rich may not be installed.
        if "trainer.progress" in sys.modules:
            sys.modules["trainer.progress"].clear()
        print(f"metalog-train: {error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in _TRAINING_PACKAGES:
            raise
        print(
            f"metalog-train: {error.name} is not installed: pip install 'metalog[cpu,train]'",
            file=sys.stderr,
        )
        sys.exit(2)


@app.command()
def prepare(
    logs: Annotated[list[Path], typer.Argument(metavar="LOG...", help="Log files, plain or .gz.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="CORPUS", help="New folder.")],
    format: Annotated[
        str,
        typer.Option(
            help="hdfs, bgl, thunderbird, openstack, syslog, jsonl, text, any, or sessions "
            "(sessions.jsonl[.gz] with an optional templates.csv beside it).",
            autocompletion=completing.FORMATS,
        ),
    ],
    labels: Annotated[
        Path | None,
        typer.Option(help="CSV of session key and label; one column lists the anomalous ones."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the system.  [default: the folder's name]")
    ] = None,
    line_regex: Annotated[
        str | None,
        typer.Option(
            help="With --format text: named groups content (required), time, source, label."
        ),
    ] = None,
    time_format: Annotated[
        str | None,
        typer.Option(help="With --line-regex: epoch, iso or a strptime format.  [default: iso]"),
    ] = None,
    key_regex: Annotated[
        str | None, typer.Option(help="Sessions by key: a regex with one group.")
    ] = None,
    window: Annotated[int | None, typer.Option(help="Sessions of so many lines a source.")] = None,
    stride: Annotated[
        int | None, typer.Option(help="Lines between starts of windows.  [default: the window]")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Sessions of so many seconds a source.")
    ] = None,
    idle: Annotated[
        float | None,
        typer.Option(help="End a session after so many seconds without a line.  [default: never]"),
    ] = None,
    end_regex: Annotated[
        str | None, typer.Option(help="A line that matches ends its session.")
    ] = None,
    max_lines: Annotated[
        int | None, typer.Option(help="End a session at so many lines.  [default: 2000]")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the corpus if it exists.")
    ] = False,
) -> None:
    """Turn raw logs into a corpus: sessions of masked lines, with labels if there are any."""
    from trainer.datasets.prepare import PrepareOptions, size_of
    from trainer.datasets.prepare import prepare as run_prepare
    from trainer.progress import byte_bar, say

    options = PrepareOptions(
        logs=tuple(logs), format=format, output=output, labels=labels, name=name,
        line_regex=line_regex, time_format=time_format, key_regex=key_regex, window=window,
        stride=stride, seconds=seconds, idle=idle, end_regex=end_regex, max_lines=max_lines,
        force=force,
    )  # fmt: skip
    with byte_bar("reading", size_of(options)) as progress:
        counts = run_prepare(options, progress)
    say(
        f"{output}: {counts['sessions']:,} sessions ({counts['anomalous']:,} anomalous, "
        f"{counts['unlabelled']:,} unlabelled) of {counts['lines']:,} lines, "
        f"{counts['templates']:,} templates"
    )
    for count, what in (
        (counts.get("lines_without_session", 0), "lines belong to no session and were left out"),
        (counts.get("lines_of_odd_format", 0), "lines do not fit the format and were taken whole"),
    ):
        if count:
            say(f"note: {count:,} {what}")


app.command()(fit)


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run of `fit`.")],
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here, too.")
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="One JSON object a session.")
    ] = None,
    on: Annotated[
        Path | None, typer.Option(metavar="CORPUS", help="Another corpus instead of the target.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Anomalous from here.  [default: the run's]")
    ] = None,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda.", autocompletion=completing.DEVICES)
    ] = "auto",
) -> None:
    """Precision, recall, F1 and AUROC on sessions that training has not seen, and which kinds of
    anomalies were found."""
    from trainer.progress import say, stage

    with stage("starting"):
        from models.placing import placed_file
        from trainer.evaluate import evaluate as run_evaluate
        from trainer.kinds import table
        from trainer.metrics import percent
        from trainer.run import Run
        from trainer.tracking import Tracking

    trained = Run.open(run)
    result = run_evaluate(trained, on=on, threshold=threshold, device=device)
    if json_file is not None:
        with placed_file(json_file) as file:
            value = {**result.figures, "kinds": result.kinds}
            file.write_text(
                json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
            )
    if predictions is not None:
        with placed_file(predictions) as file, file.open("w", encoding="utf-8") as opened:
            for one in result.predictions:
                opened.write(json.dumps(one, ensure_ascii=False) + "\n")
    figures = result.figures
    say(
        f"{figures['corpus']}: {figures['sessions']:,} sessions not seen in training, "
        f"{figures['anomalous']:,} anomalous ({figures['left_out']:,} left out)"
    )
    typer.echo(
        f"precision {percent(figures['precision'])}  recall {percent(figures['recall'])}  "
        f"F1 {percent(figures['f1'])}  AUROC {percent(figures['auroc'])}  "
        f"(threshold {figures['threshold']:g})"
    )
    if result.kinds:
        typer.echo(table(result.kinds))
    try:
        tracking = Tracking.of(trained, say)
    except UserError as error:
        # The figures are there: no reason to fail.
        say(f"note: {error}")
    else:
        if tracking is not None:
            tracking.results(result.figures, result.kinds, "" if on is None else figures["corpus"])
    if on is None:
        say(f"next: metalog-train export {shlex.quote(str(run))} -o BUNDLE")


@app.command()
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run of `fit`.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="BUNDLE", help="New folder, or a .tar.")
    ],
    name: Annotated[
        str | None, typer.Option(help="Name in alerts.  [default: the folder's name]")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the bundle if it exists.")
    ] = False,
    sign: Annotated[
        Path | None,
        typer.Option(
            metavar="KEY",
            help="Sign it with this ed25519 private key (PEM), for `metalog-agent watch --verify`.",
        ),
    ] = None,
) -> None:
    """Write what the agent needs, checked against the trained network."""
    from trainer.progress import say, stage

    with stage("starting"):
        from models.signing import SigningKey
        from trainer.bundling import export_bundle
        from trainer.run import Run

    # A key that is none is said before the work, not after it.
    key = None if sign is None else SigningKey(sign)
    manifest, difference = export_bundle(
        Run.open(run), output, name=name, replace=force, sign=key, note=say
    )
    say(
        f"{output}: {manifest.events:,} events, threshold {manifest.threshold:g}, differs from the "
        f"trained network by at most {difference:.1g}; next: metalog-agent watch PATH --bundle "
        f"{output}"
    )


@app.command()
def inspect(
    path: Annotated[Path, typer.Argument(help="A corpus, a run or a bundle.")],
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Say what is in a corpus, a run or a bundle."""
    from trainer.inspect import inspect as run_inspect
    from trainer.inspect import readable

    description = run_inspect(path)
    typer.echo(json.dumps(description, indent=2) if as_json else readable(description))


app.command()(suggest)
app.command()(label)
app.command()(adapt)
app.command()(report)


@app.command("demo-logs")
def demo_logs(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="New folder.")],
    sessions: Annotated[int, typer.Option(help="Sessions of each system.")] = 3000,
    seed: Annotated[int, typer.Option(help="The same seed writes the same bytes.")] = 0,
) -> None:
    """Write labelled logs of two made-up systems, a block store and a web shop."""
    from models.placing import placed_folder
    from trainer.demo import block_store, web_shop
    from trainer.progress import counted, say

    with placed_folder(output, kind="demo logs") as folder:
        for make in counted("writing logs", (block_store, web_shop), 2):
            make(sessions=sessions, seed=seed).write(folder)
    say(f"{output}: logs and labels of block-store and web-shop")


@app.command()
def demo(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="New folder.")],
    sessions: Annotated[int, typer.Option(help="Sessions of each system.")] = 3000,
    seed: Annotated[int, typer.Option(help="Decides the logs and the training.")] = 0,
) -> None:
    """Go the whole way on made-up logs: train, export, watch; prints alerts and the outcome."""
    from trainer.demo.tour import readable, tour

    typer.echo(readable(tour(output, sessions=sessions, seed=seed)))
