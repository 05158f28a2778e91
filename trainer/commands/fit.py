"""``metalog-train fit``: meta-train, or go on with a run that was stopped."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.errors import UserError
from trainer.commands import completing

if TYPE_CHECKING:
    from trainer.run import Run
    from trainer.tracking import Tracking


def fit(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="RUN", help="New folder.")],
    target: Annotated[
        Path | None,
        typer.Option(
            metavar="CORPUS",
            help="The system to find anomalies in.  [default: any, none of which is seen]",
        ),
    ] = None,
    source: Annotated[
        list[Path] | None,
        typer.Option(metavar="CORPUS", help="A labelled system; may be repeated."),
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            help="default, words (without statistics) or paper (as published).",
            autocompletion=completing.PRESETS,
        ),
    ] = "default",
    vectors: Annotated[
        str | None,
        typer.Option(
            help="Word vectors: word2vec or GloVe text (.gz too), .bin, or a gensim-data name.  "
            "[default: the shipped GloVe, 100 dimensions]"
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda.", autocompletion=completing.DEVICES)
    ] = "auto",
    source_fraction: Annotated[float, typer.Option(help="Share of each source to use.")] = 1.0,
    normal_fraction: Annotated[
        float, typer.Option(help="Share of the target's normal sessions to see.")
    ] = 0.3,
    anomaly_fraction: Annotated[
        float, typer.Option(help="Share of the target's anomalous sessions to see (at least 5).")
    ] = 0.01,
    epochs: Annotated[int | None, typer.Option(help="Epochs.  [default: the preset's]")] = None,
    beta: Annotated[
        float | None, typer.Option(help="Weight of the target's loss.  [default: the preset's]")
    ] = None,
    balanced: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", help="Share of anomalies in a batch.  [default: the preset's]"
        ),
    ] = None,
    first_order: Annotated[
        bool, typer.Option("--first-order", help="Do not differentiate through inner steps.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Decides split, batches and first weights.")] = 0,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the run in RUN where it was stopped; other options are its own.",
        ),
    ] = False,
    checkpoint_every: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How much a crash may cost.")
    ] = 30.0,
    mlflow: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="Keep parameters, losses and results in MLflow, too: a folder, or the address of "
            "a server.",
        ),
    ] = None,
) -> None:
    """Meta-train on the sources and the target's few labels (Algorithm 1 of the paper)."""
    from trainer.progress import say, stage

    with stage("starting"):
        from trainer.fit import FitOptions, start
        from trainer.interrupts import Interrupted
        from trainer.presets import preset as preset_of
        from trainer.run import Run
        from trainer.splits import FEWEST_ANOMALIES, Fractions
        from trainer.tracking import Tracking

    tracking = None
    if resume:
        if mlflow is not None:
            raise UserError("--mlflow: goes with the start of a run; --resume knows where it is")
        run = Run.open(output)
        steps, of, over = run.progress()
        if over:
            say(f"{output}: is trained already; next: {_next(run)}")
            return
        say(f"{output}: goes on at step {steps:,}" + (f" of {of:,}" if of else ""))
        tracking = Tracking.of(run, say)
        if tracking is not None:
            tracking.go_on()
    else:
        if not source:
            raise UserError(
                "fit needs at least one --source CORPUS (`metalog-train prepare` makes one), or "
                "--resume"
            )
        chosen = preset_of(
            preset,
            epochs=epochs,
            target_weight=beta,
            anomaly_share=balanced,
            second_order=False if first_order else None,
        )
        fractions = Fractions(source_fraction, normal_fraction, anomaly_fraction)
        options = FitOptions(
            tuple(source), target, output, chosen, fractions, vectors, device, seed
        )
        # Whether anybody answers there is said before the work, not after it.
        tracking = None if mlflow is None else Tracking.connect(mlflow, say)
        try:
            run = start(options)
        except KeyboardInterrupt:
            say("stopped before training began; the same command starts again")
            raise typer.Exit(130) from None
        if tracking is not None:
            tracking.begin(run)
    for kind, role in run.systems_named:
        say(
            f"{kind} {role.name}: {role.normal_labels:,} normal and {role.anomaly_labels:,} "
            f"anomalous labels of {role.sessions:,} sessions"
        )
    if run.target.anomaly_labels == FEWEST_ANOMALIES:
        say(f"note: {FEWEST_ANOMALIES} anomalous labels of the target are the fewest that are used")
    try:
        run = _train(run, device, checkpoint_every, tracking)
    except (Interrupted, KeyboardInterrupt):
        say(f"stopped; to go on: {run.resume}")
        raise typer.Exit(130) from None
    say(f"{output}: trained; next: {_next(run)}")


def _train(run: "Run", device: str, checkpoint_every: float, tracking: "Tracking | None") -> "Run":
    from trainer.fit import train
    from trainer.interrupts import Interrupted
    from trainer.progress import step_bar

    status, done = "FAILED", None
    try:
        with step_bar("meta-training") as progress:
            done = train(run, device, progress, checkpoint_every=checkpoint_every, records=tracking)
        status = "FINISHED"
    except (Interrupted, KeyboardInterrupt):
        status = "KILLED"
        raise
    finally:
        if tracking is not None:
            tracking.end(status, done)
    return done


def _next(run: "Run") -> str:
    path = shlex.quote(str(run.path))
    if run.target.path is not None and run.untouched:
        return f"metalog-train evaluate {path}"
    return f"metalog-train export {path} -o BUNDLE"
