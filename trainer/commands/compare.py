"""``metalog-train compare``: the methods of the paper's tables beside our own."""

from pathlib import Path
from typing import Annotated

import typer


def compare(
    source: Annotated[
        list[Path],
        typer.Option(
            metavar="PATH",
            help="A corpus, or a folder with sessions.jsonl[.gz]; labelled. May be repeated.",
        ),
    ],
    target: Annotated[Path, typer.Option(metavar="PATH", help="The same; tested on.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER", help="For the results.")
    ] = Path("comparison"),
    zero_shot: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Another system, which methods trained on source and target are tested on. May "
            "be repeated.",
        ),
    ] = None,
    source_fraction: Annotated[float, typer.Option(help="Share of each source to use.")] = 0.3,
    normal_fraction: Annotated[
        float, typer.Option(help="Share of the target's sessions in its training part.")
    ] = 0.3,
    anomaly_fraction: Annotated[
        float, typer.Option(help="Share of the target's anomalies with a label (at least 5).")
    ] = 0.01,
    methods: Annotated[
        str | None,
        typer.Option(help="Only these rows, as in `benchmark --methods`.  [default: all]"),
    ] = None,
    sentence_model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="What NeuralLog reads messages with: a folder or a name of sentence-transformers "
            "(`pip install 'metalog[sentences]'`).  [default: means of word vectors]",
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="Each draws split and labels and trains anew.")
    ] = 5,
    first_seed: Annotated[int, typer.Option(min=0, help="The first of them.")] = 0,
    sweep_seeds: Annotated[
        int, typer.Option(min=0, help="Of them for the figures 6 to 9; 0: none of those.")
    ] = 2,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Seeds at a time; no figure depends on it.  [default: cores]"),
    ] = None,
) -> None:
    """Run the paper's whole comparison (tables 1 and 2, figures 5 to 9) on your systems: DeepLog,
    LogRobust, PLELog, NeuralLog, PCA, TCA, LogTAD, LogTransfer, simple rules and metalog, on the
    same split. Writes compare.md, JSON and plots. What is done already is not run again."""
    import tempfile
    from dataclasses import replace

    from trainer.progress import say, stage

    with stage("starting"):
        from models.errors import UserError
        from trainer.benchmark.corpora import check_apart, given
        from trainer.benchmark.methods import chosen
        from trainer.benchmark.papers.sentences import pretrained
        from trainer.benchmark.protocols import check_classes
        from trainer.benchmark.table import table
        from trainer.compare.page import write
        from trainer.compare.rows import ROWS, RULES, row_of, with_model
        from trainer.compare.studies import TABLE, Asked, run_studies, setting_of, studies
        from trainer.splits import Fractions

    # Not after an hour.
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"-o {output}: no folder can be made there: {error.strerror}") from None
    rows = tuple(row.method for row in (*ROWS, *RULES))
    with tempfile.TemporaryDirectory(prefix="metalog-compare-") as workspace:
        sources = tuple(given(path, Path(workspace)) for path in source)
        tested = given(target, Path(workspace))
        others = tuple(given(path, Path(workspace)) for path in zero_shot or ())
        for one in sources:
            check_classes(one, "source")
        for one in (tested, *others):
            check_classes(one, "target")
        everything = [*sources, tested, *others]
        check_apart(everything[:-1], everything[-1])
        asked = Asked(
            sources,
            tested,
            others,
            Fractions(source_fraction, normal_fraction, anomaly_fraction),
            range(first_seed, first_seed + seeds),
            sweep_seeds,
            rows,
        )
        if methods is not None:
            asked = replace(asked, methods=chosen(methods, setting_of(asked)))
            for name in asked.methods:
                if row_of(name) not in rows:
                    raise UserError(f"--methods {name}: is no row; there are {', '.join(rows)}")
        if sentence_model is not None:
            pretrained(sentence_model)
            asked = replace(asked, methods=with_model(asked.methods, sentence_model))
        wanted = list(studies(asked))
        names_of_studies = [study.name for study in wanted]
        for name in names_of_studies:
            if names_of_studies.count(name) > 1:
                raise UserError(f"--zero-shot: two systems make one {name}.json; name them apart")
        size = sum(len(study.plan.methods) * len(study.seeds) for study in wanted)
        with stage("running methods", size) as bar:
            reports = run_studies(wanted, output, jobs, say, bar.advance)
    typer.echo(table(reports[TABLE]))
    for path in write(output, reports):
        say(f"{path}")
