"""A look at the state from outside, while its agent runs or after it ended."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.follow.position import Position
from agent.state.database import open_for_reading, told
from agent.state.folder import StateFolder
from agent.state.schema import SCHEMA, DamagedError, schema_of
from models.errors import UserError


@dataclass(frozen=True)
class Unsent:
    """Alerts that a sink has not got. oldest: wall clock when the first of them was raised."""

    sink: str
    alerts: int
    bytes: int
    oldest: float


@dataclass(frozen=True)
class Glance:
    """What is true of an agent at one moment: all of it of one save.

    running: whether an agent uses the state now, None where that cannot be seen. saved_wall: wall
    clock of the last save, None before the first one. report: what the agent said of itself.
    last_alert: as it was sent. alerts: how many the history holds.
    """

    path: Path
    running: bool | None
    saved_wall: float | None
    bundle: str | None
    positions: tuple[Position, ...]
    templates: int
    report: dict[str, Any]
    alerts: int
    last_alert: dict[str, Any] | None
    unsent: tuple[Unsent, ...]

    @classmethod
    def at(cls, folder: Path) -> "Glance":
        """Writes nothing. Raises UserError where there is no state that can be read."""
        with looking(folder) as (connection, path, running):
            return read_glance(connection, path, running)


@contextmanager
def looking(folder: Path) -> Iterator[tuple[sqlite3.Connection, Path, bool | None]]:
    """The state in one transaction that only reads: all that is read in the block is of one save.

    The database's path, and whether an agent uses it, come with it. Raises UserError where there is
    no state that can be read, also for what goes wrong in the block.
    """
    place = StateFolder(folder)
    path = place.database
    try:
        missing = not place.is_there()
    except OSError as error:
        raise UserError(f"{folder}: cannot be read: {error.strerror}") from None
    if missing:
        raise UserError(f"{folder}: no agent has kept its state here; check --state-dir")
    try:
        running = place.in_use()
    except OSError:
        running = None
    try:
        connection = open_for_reading(path)
        try:
            connection.execute("begin")
            schema = schema_of(connection)
            if schema != SCHEMA:
                raise UserError(
                    f"{path}: state of schema {schema}; `metalog-agent watch` makes it schema "
                    f"{SCHEMA} when it is started again"
                )
            yield connection, path, running
        finally:
            connection.close()
    except UserError:
        raise
    except Exception as error:
        found = told(error, path)
        if isinstance(found, DamagedError):
            raise UserError(f"{path}: this state cannot be read: {found}") from None
        raise found from None


def read_glance(connection: sqlite3.Connection, path: Path, running: bool | None) -> Glance:
    """Raises DamagedError, or what is no UserError, for rows that make no sense."""
    execute = connection.execute
    meta = dict(execute("select name, value from meta"))
    last = execute("select body from alerts order by raised_wall desc, rowid desc").fetchone()
    unsent = execute(
        "select sink, count(*), sum(length(body)), min(raised_wall) from unsent"
        " join alerts on alerts.id = unsent.alert group by sink order by sink"
    )
    try:
        return Glance(
            path=path,
            running=running,
            saved_wall=float(meta["saved_wall"]) if "saved_wall" in meta else None,
            bundle=meta.get("bundle"),
            positions=tuple(
                Position.from_json(body) for (body,) in execute("select body from positions")
            ),
            templates=execute("select count(born) from templates").fetchone()[0],
            report=dict(json.loads(meta.get("report", "{}"))),
            alerts=execute("select count(*) from alerts").fetchone()[0],
            last_alert=None if last is None else json.loads(last[0]),
            unsent=tuple(Unsent(*row) for row in unsent),
        )
    except UserError as error:
        raise DamagedError(str(error)) from None
