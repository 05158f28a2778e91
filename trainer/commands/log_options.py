"""Options of the commands that read a user's logs by a bundle."""

from pathlib import Path
from typing import Annotated

import typer

import models
from models.errors import UserError
from trainer.commands import completing

BundleArgument = Annotated[
    Path,
    typer.Argument(
        metavar="BUNDLE", help="What `export` or `adapt` wrote; `default` is the shipped one."
    ),
]
MoreLogsArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[LOG]...", help="More logs, so that --logs *.log names them all."),
]
LogsOption = Annotated[
    list[Path],
    typer.Option(
        "--logs", metavar="LOG",
        help="Log files, plain or .gz, or one corpus of `prepare`; may be repeated.",
    ),
]  # fmt: skip
FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="Of lines, as for `prepare`.  [default: the bundle's]",
        autocompletion=completing.FORMATS,
    ),
]
LineRegexOption = Annotated[
    str | None,
    typer.Option(help="Named groups content (required), time, source.  [default: the bundle's]"),
]
TimeFormatOption = Annotated[
    str | None,
    typer.Option(help="With --line-regex: epoch, iso or a strptime format.  [default: iso]"),
]
KeyOption = Annotated[
    str | None,
    typer.Option(help="Sessions by key: a regex with one group.  [default: the bundle's rule]"),
]
WindowOption = Annotated[
    int | None,
    typer.Option(help="Sessions of so many lines a source.  [default: the bundle's rule]"),
]
IdleOption = Annotated[
    float | None,
    typer.Option(help="End a session after a pause of so many seconds.  [default: the bundle's]"),
]
EndOption = Annotated[
    str | None, typer.Option(help="A line that matches ends its session.  [default: the bundle's]")
]
LabelsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--labels", metavar="FILE",
        help="CSV of session key and label, or what `metalog-agent label`, `suggest` and `label` "
        "write; may be repeated.",
    ),
]  # fmt: skip


def bundle_at(path: Path) -> Path:
    """The path, or that of the shipped bundle. Raises UserError where none is shipped."""
    if path != Path("default") or path.exists():
        return path
    shipped = Path(models.__path__[0]) / "pretrained" / "bundle"
    if not shipped.exists():
        raise UserError("default: this metalog ships no bundle; name one that `export` wrote")
    return shipped
