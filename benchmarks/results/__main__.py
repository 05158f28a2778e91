"""``python -m benchmarks.results``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.results import page as results_page
from benchmarks.results.corpora import preparer
from benchmarks.results.experiments import EXPERIMENTS, FIRST_SEED
from benchmarks.results.records import read
from benchmarks.results.runs import chosen
from benchmarks.results.runs import run as run_all
from models.errors import UserError
from trainer.progress import say

app = typer.Typer(
    help="The results page: run its experiments, then write it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)

_DOCS = Path(__file__).parents[2] / "docs"

Out = Annotated[Path, typer.Option(metavar="FOLDER", help="Where results are, NAME.json each.")]
Only = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Only this experiment, or pattern; may be repeated."),
]


@app.command("list")
def show(only: Only = None, first_seed: int = FIRST_SEED) -> None:
    """The experiments and their commands."""
    for experiment in chosen(EXPERIMENTS, only or []):
        options = " ".join(experiment.options(lambda name: name, first_seed))
        typer.echo(f"{experiment.name}: metalog-train benchmark {options}")


@app.command()
def run(
    data: Annotated[Path, typer.Option(metavar="DATA", help="The folder of real logs.")],
    out: Out,
    only: Only = None,
    first_seed: Annotated[int, typer.Option(min=0, help="Of each experiment.")] = FIRST_SEED,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Seeds at a time.  [default: cores]")
    ] = None,
) -> None:
    """Run the experiments that have no result yet, the most important ones first."""
    experiments = chosen(EXPERIMENTS, only or [])
    failed = run_all(experiments, preparer(data, out / "corpora"), out, first_seed, jobs, say)
    if failed:
        raise UserError(f"failed: {', '.join(failed)}; all others have their result")


@app.command()
def page(
    out: Out,
    docs: Annotated[Path, typer.Option(help="The folder of results.md and results/.")] = _DOCS,
) -> None:
    """Write results.md and its plots from what has been run."""
    template = results_page.TEMPLATE.read_text(encoding="utf-8")
    records = read(EXPERIMENTS, out)
    for path in results_page.write(records, docs, template):
        say(f"{path}")
    missing = [name for name in EXPERIMENTS if name not in records]
    if missing:
        say(f"note: not run yet: {', '.join(missing)}")


def main() -> None:
    """What a user can mend ends in one line on stderr and exit code 2."""
    try:
        app()
    except UserError as error:
        print(f"benchmarks.results: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
