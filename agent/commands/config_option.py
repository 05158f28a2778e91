"""The options that say which configuration holds."""

from pathlib import Path
from typing import Annotated

import typer

from agent.config import DEFAULT_FILE

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help=f"The configuration.  [default: $METALOG_CONFIG, else {DEFAULT_FILE} if it is there "
        "and nothing else is named]",
    ),
]
InputOption = Annotated[
    str | None,
    typer.Option("--input", metavar="NAME", help="One input of the configuration."),
]
