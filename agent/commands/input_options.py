"""The options that say what lines come from, beside files: the journal and stdin."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from agent.clock import Clock
from agent.follow import Wakeup, Wrapping
from agent.state import default_folder
from agent.streams import Journal, Rendering, Stdin, Stream
from models.errors import UserError
from models.lines import LineFormat

_STDIN = "-"


class JournalAs(StrEnum):
    """How entries of the journal become lines."""

    auto = "auto"
    message = "message"
    syslog = "syslog"


JournalOption = Annotated[
    bool, typer.Option("--journal", help="Read the journal of systemd, too (by journalctl).")
]
UnitOption = Annotated[
    list[str] | None,
    typer.Option(metavar="UNIT", help="Of the journal, only this unit; may be repeated."),
]
JournalAsOption = Annotated[
    JournalAs,
    typer.Option(
        help="A line of the journal is the message alone, or as syslog writes it; auto: syslog for "
        "a bundle whose line format is that."
    ),
]
UnwrapOption = Annotated[
    Wrapping,
    typer.Option(
        help="Take off what a container runtime writes around lines (cri, docker); auto: where a "
        "file's first lines have it."
    ),
]


@dataclass(frozen=True)
class InputOptions:
    """What the user wants to be read. Raises UserError where that is nothing, or cannot be."""

    paths: Sequence[str]
    journal: bool = False
    units: Sequence[str] = ()
    journal_as: JournalAs = JournalAs.auto

    def __post_init__(self) -> None:
        if not self.paths and not self.journal:
            raise UserError("nothing to watch: name files, folders, globs, - (stdin) or --journal")
        if self.stdin and (len(self.paths) > 1 or self.journal):
            raise UserError("- (stdin) goes with nothing else: its end is the end of the run")
        if self.units and not self.journal:
            raise UserError("--unit is of the journal: add --journal")
        for unit in self.units:
            if not unit or not unit.isprintable():
                raise UserError(f"--unit {unit!r}: expected a unit, such as ssh.service")

    @property
    def stdin(self) -> bool:
        return _STDIN in self.paths

    @property
    def files(self) -> list[str]:
        return [path for path in self.paths if path != _STDIN]

    @property
    def state_folder(self) -> Path | None:
        """Where the state is when nobody says; None for stdin, in which nothing can be found again
        and which several agents may read at a time."""
        if self.stdin:
            return None
        # Paths of their own: they must not depend on the folder that the agent was started in.
        return default_folder(self.files or [f"/{name}" for name in self._journal_names])

    @property
    def names(self) -> list[str]:
        """Of everything, as status says them."""
        files = [str(Path(path).absolute()) for path in self.files]
        return [*files, *(["stdin"] if self.stdin else []), *self._journal_names]

    @property
    def _journal_names(self) -> list[str]:
        if not self.journal:
            return []
        return [f"journal:{unit}" for unit in self.units] or ["journal:"]

    def streams(
        self,
        *,
        wakeup: Wakeup,
        clock: Clock,
        encoding: str,
        multiline_start: str | None,
        unwrap: Wrapping,
        from_beginning: bool,
        once: bool,
        cursor: str | None,
        line_format: LineFormat,
    ) -> list[Stream]:
        """All but files. cursor: of the journal, where an earlier run ended."""
        if self.stdin:
            return [
                Stdin(
                    wake=wakeup.wake,
                    clock=clock,
                    encoding=encoding,
                    multiline_start=multiline_start,
                    unwrap=unwrap,
                    waits=once,
                )
            ]
        if not self.journal:
            return []
        return [
            Journal(
                wake=wakeup.wake,
                clock=clock,
                units=self.units,
                cursor=cursor,
                beginning=from_beginning or once,
                follow=not once,
                rendering=self._rendering(line_format),
            )
        ]

    def _rendering(self, line_format: LineFormat) -> Rendering:
        if self.journal_as is JournalAs.auto:
            syslog = line_format.name == "syslog"
            return Rendering.syslog if syslog else Rendering.message
        return Rendering(self.journal_as.value)
