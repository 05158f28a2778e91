"""``python -m benchmarks.comparison``."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.comparison.measured import MEASURED, PLOTS, keep, name_of
from benchmarks.results.corpora import preparer
from benchmarks.results.page import Page
from benchmarks.results.section import refresh
from models.errors import UserError
from trainer.progress import say

HEADING = "## The paper's tables, on the same split"
# The paper's shares of source and target; the zero-shot bars belong to its first direction.
DIRECTIONS = {
    ("hdfs", "bgl"): (0.3, 0.3, ("openstack", "thunderbird")),
    ("bgl", "hdfs"): (1.0, 0.1, ()),
}
_COMPARE = (sys.executable, "-c", "from trainer.cli import main; main()", "compare")
_CHECKOUT = Path(__file__).parents[2]

app = typer.Typer(
    help="The paper's tables on the sample logs: run them, then write their section of the page.",
    no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    add_completion=False,
)  # fmt: skip
Out = Annotated[Path, typer.Option(metavar="FOLDER", help="Where results are, a folder a pair.")]


def options(source: str, target: str) -> list[str]:
    """Of ``metalog-train compare``, corpora by their names."""
    shares, normal, others = DIRECTIONS[source, target]
    given = ["--source", source, "--target", target]
    for other in others:
        given += ["--zero-shot", other]
    return [*given, "--source-fraction", f"{shares:g}", "--normal-fraction", f"{normal:g}"]


@app.command()
def run(
    data: Annotated[Path, typer.Option(metavar="DATA", help="The folder of real logs.")],
    out: Out,
    seeds: Annotated[int, typer.Option(min=1)] = 5,
    first_seed: Annotated[int, typer.Option(min=0, help="0 to 9 are for trying things.")] = 20,
    sweep_seeds: Annotated[int, typer.Option(min=0)] = 2,
    jobs: Annotated[int | None, typer.Option(min=1)] = None,
) -> None:
    """Both directions; what is done already is not run again."""
    corpus = preparer(data, out / "corpora")
    for source, target in DIRECTIONS:
        corpora = {one: str(corpus(one).absolute()) for one in ("hdfs", "bgl")}
        corpora |= {one: str(corpus(one).absolute()) for one in DIRECTIONS[source, target][2]}
        given = [corpora.get(one, one) for one in options(source, target)]
        given += ["-o", str((out / name_of(source, target)).absolute())]
        given += ["--seeds", str(seeds), "--first-seed", str(first_seed)]
        given += ["--sweep-seeds", str(sweep_seeds)]
        if jobs is not None:
            given += ["--jobs", str(jobs)]
        say(f"{source} to {target}")
        ended = subprocess.run(
            [*_COMPARE, *given], cwd=_CHECKOUT, env={"OMP_NUM_THREADS": "1", **os.environ},
            check=False,
        )  # fmt: skip
        if ended.returncode:
            raise UserError(f"{source} to {target}: failed, see above")


@app.command()
def page(
    out: Out,
    docs: Annotated[Path, typer.Option(help="The folder of results.md.")] = _CHECKOUT / "docs",
    kept: Annotated[Path, typer.Option(help="Where figures are kept.")] = MEASURED,
) -> None:
    """Keep the figures, and write the section of results.md and its plots."""
    for source, target in DIRECTIONS:
        direction = name_of(source, target)
        keep(out / direction, direction, kept)
        for plot in PLOTS:
            made = out / direction / f"{plot}.svg"
            if made.exists():
                shutil.copyfile(made, docs / "results" / f"compare-{direction}-{plot}.svg")
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
