"""``python -m benchmarks.performance``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.performance.measurements import MEASUREMENTS, chosen
from benchmarks.performance.page import TEMPLATE, Page
from benchmarks.performance.records import FOLDER, read
from benchmarks.performance.runs import run
from models.errors import UserError
from models.placing import placed_file
from trainer.progress import say

app = typer.Typer(
    help="The performance page: measure, then write it.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)

_CHECKOUT = Path(__file__).parents[2]
_PAGE = Path("docs/performance.md")
# Never over the figures of a whole run.
_QUICK = Path("build/performance")


@app.command()
def performance(
    data: Annotated[
        Path | None, typer.Option(metavar="DATA", help="The folder of real logs.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Only these, separated by commas, or patterns."),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help=f"Small sizes, to see that all runs; below {_QUICK}."),
    ] = False,
    page_only: Annotated[
        bool, typer.Option("--page-only", help="Measure nothing, write the page.")
    ] = False,
    records: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where records are, NAME.json each."),
    ] = None,
    page: Annotated[Path | None, typer.Option(metavar="FILE", help="The page.")] = None,
) -> None:
    """Measure one thing after another and write docs/performance.md from all records.

    What is not measured this time, or fails, keeps its earlier record."""
    names = [name for given in only or [] for name in given.split(",")]
    measurements = chosen(names)
    if names and data is None and not page_only:
        lacking = [one.name for one in measurements if one.needs_data]
        if lacking:
            raise UserError(f"--only {','.join(lacking)}: needs --data, the folder of real logs")
    folder = records or (_CHECKOUT / _QUICK if quick else FOLDER)
    output = page or _CHECKOUT / (_QUICK / _PAGE.name if quick else _PAGE)
    failed = [] if page_only else run(measurements, data, folder, say, quick=quick)
    found = read(folder)
    text = Page(found).text(TEMPLATE.read_text(encoding="utf-8"))
    output.parent.mkdir(parents=True, exist_ok=True)
    with placed_file(output) as file:
        file.write_text(text, encoding="utf-8")
    say(f"{output}")
    missing = [name for name in MEASUREMENTS if name not in found]
    if missing:
        say(f"note: not measured yet: {', '.join(missing)}")
    if failed:
        raise UserError(f"failed: {', '.join(failed)}; all others have their record")


def main() -> None:
    """What a user can mend ends in one line on stderr and exit code 2."""
    try:
        app()
    except UserError as error:
        print(f"benchmarks.performance: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
