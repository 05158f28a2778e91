"""What the paths of an input name: files, the journal, stdin."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from agent.clock import Clock
from agent.follow import Wakeup
from agent.streams.entry import Rendering
from agent.streams.journal import Journal
from agent.streams.stdin import Stdin
from agent.streams.streams import Stream
from models.errors import UserError
from models.lines import LineFormat
from models.wrapping import Wrapping

STDIN = "-"
# Alone all of the journal, before the name of a unit what belongs to that.
JOURNAL = "journal:"


class JournalAs(StrEnum):
    """How entries of the journal become lines."""

    auto = "auto"
    message = "message"
    syslog = "syslog"


@dataclass(frozen=True)
class Places:
    """files: folders, files, globs; units: of the journal, none for all of it."""

    files: list[str]
    journal: bool
    units: list[str]
    stdin: bool

    @classmethod
    def of(cls, paths: Sequence[str]) -> "Places":
        """Raises UserError for what cannot be read together, or at all."""
        journal = [path.removeprefix(JOURNAL) for path in paths if path.startswith(JOURNAL)]
        units = [unit for unit in journal if unit]
        for unit in units:
            if not unit.isprintable():
                raise UserError(f"{JOURNAL}{unit!r}: expected a unit, such as ssh.service")
        if STDIN in paths and len(paths) > 1:
            raise UserError("- (stdin) goes with nothing else: its end is the end of the run")
        files = [path for path in paths if path != STDIN and not path.startswith(JOURNAL)]
        # All of it and a unit are all of it.
        return cls(files, bool(journal), [] if "" in journal else units, STDIN in paths)

    @property
    def state_paths(self) -> list[str]:
        """By what the state is found when nobody says where it is: names that do not depend on the
        folder that the agent was started in."""
        return self.files or [f"/{name}" for name in self.names]

    @property
    def names(self) -> list[str]:
        """Of everything, as status says them."""
        files = [str(Path(path).absolute()) for path in self.files]
        return [*files, *(["stdin"] if self.stdin else []), *self._journal_names]

    @property
    def _journal_names(self) -> list[str]:
        if not self.journal:
            return []
        return [f"{JOURNAL}{unit}" for unit in self.units] or [JOURNAL]

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
        journal_as: JournalAs,
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
        if journal_as is JournalAs.auto:
            as_syslog = line_format.name == "syslog"
        else:
            as_syslog = journal_as is JournalAs.syslog
        return [
            Journal(
                wake=wakeup.wake,
                clock=clock,
                units=self.units,
                cursor=cursor,
                beginning=from_beginning or once,
                follow=not once,
                rendering=Rendering.syslog if as_syslog else Rendering.message,
            )
        ]
