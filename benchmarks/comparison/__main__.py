"""``python -m benchmarks.comparison``."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.comparison.comparisons import COMPARISONS
from benchmarks.comparison.measured import MEASURED, PLOTS, keep
from benchmarks.results.corpora import preparer
from benchmarks.results.page import Page
from benchmarks.results.section import refresh
from models.errors import UserError
from trainer.progress import say

HEADING = "## The paper's tables, on the same split"
_COMPARE = (sys.executable, "-c", "from trainer.cli import main; main()", "compare")
_CHECKOUT = Path(__file__).parents[2]

app = typer.Typer(
    help="The paper's tables on the sample logs: run them, then write their section of the page.",
    no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    add_completion=False,
)  # fmt: skip
Out = Annotated[Path, typer.Option(metavar="FOLDER", help="Where results are, a folder each.")]


@app.command()
def run(
    data: Annotated[Path, typer.Option(metavar="DATA", help="The folder of real logs.")],
    out: Out,
    seeds: Annotated[int, typer.Option(min=1)] = 5,
    first_seed: Annotated[int, typer.Option(min=0, help="0 to 9 are for trying things.")] = 20,
    sweep_seeds: Annotated[int, typer.Option(min=0, help="For the figures 6 to 9.")] = 2,
    jobs: Annotated[int | None, typer.Option(min=1)] = None,
) -> None:
    """All comparisons, one after another; what is done already is not run again."""
    corpus = preparer(data, out / "corpora")
    for one in COMPARISONS:
        corpora = {name: str(corpus(name).absolute()) for name in one.corpora}
        given = ["-o", str((out / one.name).absolute())]
        given += ["--seeds", str(seeds), "--first-seed", str(first_seed)]
        given += ["--sweep-seeds", str(sweep_seeds)]
        if jobs is not None:
            given += ["--jobs", str(jobs)]
        say(one.name)
        ended = subprocess.run(
            [*_COMPARE, *given, *one.options(corpora)], cwd=_CHECKOUT,
            env={"OMP_NUM_THREADS": "1", **os.environ}, check=False,
        )  # fmt: skip
        if ended.returncode:
            raise UserError(f"{one.name}: failed, see above")


@app.command()
def page(
    out: Out,
    docs: Annotated[Path, typer.Option(help="The folder of results.md.")] = _CHECKOUT / "docs",
    kept: Annotated[Path, typer.Option(help="Where figures are kept.")] = MEASURED,
) -> None:
    """Keep the figures of what was run, and write the section of results.md and its plots."""
    done = [one for one in COMPARISONS if any((out / one.name).glob("*.json"))]
    if not done:
        raise UserError(f"{out}: holds no result; `python -m benchmarks.comparison run` makes them")
    for one in done:
        keep(out / one.name, one.name, kept)
        for plot in PLOTS if one.has_plots else ():
            made = out / one.name / f"{plot}.svg"
            if made.exists():
                shutil.copyfile(made, docs / "results" / f"compare-{one.name}-{plot}.svg")
    refresh(docs, HEADING, Page({}, comparisons=kept))


def main() -> None:
    """What a user can mend ends in one line on stderr and exit code 2."""
    try:
        app()
    except UserError as error:
        print(f"benchmarks.comparison: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
