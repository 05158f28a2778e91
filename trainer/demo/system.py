"""The logs of one demo system, with the truth about every session."""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

from models.errors import UserError


@dataclass(frozen=True, slots=True)
class DemoSession:
    """One session and what is wrong with it.

    `fault` is None for a normal session, else `kind/variant`, the kind being one of `error`,
    `missing`, `order`, `count` and `retry`. `lines` are (unix seconds, raw line), in time order;
    the seconds are exact to the millisecond even where the raw line shows whole seconds only.
    """

    key: str
    fault: str | None
    lines: tuple[tuple[float, str], ...]

    @property
    def start(self) -> float:
        """Unix seconds of the first line."""
        return self.lines[0][0]


@dataclass(frozen=True, slots=True)
class DemoSystem:
    """The sessions of one system, in order of their start, and how its lines are to be read.

    `line_regex` (named groups `time`, `level`, `component`, `content`) and `time_format`
    (for `strptime`, in UTC) are None where `line_format` says it all. `key_regex` has one group.
    `background` are lines that belong to no session.
    """

    name: str
    line_format: str
    line_regex: str | None
    time_format: str | None
    key_regex: str
    sessions: tuple[DemoSession, ...]
    background: tuple[tuple[float, str], ...]

    def lines(self) -> list[str]:
        """Every raw line in time order, without line ends."""
        timed = [line for session in self.sessions for line in session.lines]
        timed.extend(self.background)
        # By time alone: the sort is stable, so lines of the same millisecond keep a fixed order.
        timed.sort(key=lambda line: line[0])
        return [raw for _, raw in timed]

    def write(self, folder: Path) -> None:
        """Write `<name>.log` and `<name>.labels.csv` (header `session,label,fault`) to `folder`.

        The folder is made if it is missing; files of these names are overwritten. UTF-8, and
        "\\n" ends a line everywhere.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{self.name}.log").open("w", encoding="utf-8", newline="\n") as log:
            log.writelines(f"{line}\n" for line in self.lines())
        labels_path = folder / f"{self.name}.labels.csv"
        with labels_path.open("w", encoding="utf-8", newline="") as labels:
            writer = csv.writer(labels, lineterminator="\n")
            writer.writerow(("session", "label", "fault"))
            for session in self.sessions:
                label = "Normal" if session.fault is None else "Anomaly"
                writer.writerow((session.key, label, session.fault or ""))

    def split_by_time(self, fraction: float) -> "tuple[DemoSystem, DemoSystem]":
        """Cut into history and future; `fraction` is the history's share of the sessions.

        A session goes whole to the side it starts in, so the history's last lines may be later
        than the future's first. Background lines go by the start of the first future session.
        Both sides get at least one session.

        Raises UserError if `fraction` is not between 0 and 1 or there are fewer than 2 sessions.
        """
        if not 0.0 < fraction < 1.0:
            raise UserError(f"cannot split {self.name} at {fraction}: give a share between 0 and 1")
        if len(self.sessions) < 2:
            raise UserError(f"cannot split {self.name}: it has fewer than 2 sessions, make more")
        place = min(max(round(fraction * len(self.sessions)), 1), len(self.sessions) - 1)
        cut = self.sessions[place].start
        history = replace(
            self,
            sessions=self.sessions[:place],
            background=tuple(line for line in self.background if line[0] < cut),
        )
        future = replace(
            self,
            sessions=self.sessions[place:],
            background=tuple(line for line in self.background if line[0] >= cut),
        )
        return history, future
