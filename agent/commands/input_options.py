"""The options that say what lines come from, beside files: the journal, and what is around them."""

from collections.abc import Sequence
from typing import Annotated

import typer

from agent.streams import JOURNAL, JournalAs
from models.errors import UserError
from models.wrapping import Wrapping

JournalOption = Annotated[
    bool, typer.Option("--journal", help="Read the journal of systemd, too (by journalctl).")
]
UnitOption = Annotated[
    list[str] | None,
    typer.Option(metavar="UNIT", help="Of the journal, only this unit; may be repeated."),
]
JournalAsOption = Annotated[
    JournalAs | None,
    typer.Option(
        help="A line of the journal is the message alone, or as syslog writes it.  [default: "
        "syslog for a bundle whose line format is that]"
    ),
]
UnwrapOption = Annotated[
    Wrapping | None,
    typer.Option(
        help="Take off what a container runtime writes around lines.  [default: auto, where a "
        "file's first lines have it]"
    ),
]


def with_journal(paths: Sequence[str], journal: bool, units: Sequence[str]) -> list[str]:
    """Paths as a configuration has them. Raises UserError."""
    if units and not journal:
        raise UserError("--unit is of the journal: add --journal")
    names = list(units) or [""]
    return [*paths, *(f"{JOURNAL}{unit}" for unit in names if journal)]
