"""The alerts that sinks have not got, as the database has them."""

import json
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

from agent.state.database import open_for_reading


class Undelivered(NamedTuple):
    """One alert for one sink. size: bytes of its JSON. attempts: that failed; due_wall: wall clock
    of the next."""

    alert: str
    sink: str
    size: int
    raised_wall: float
    attempts: int
    due_wall: float


def load_undelivered(connection: sqlite3.Connection) -> tuple[Undelivered, ...]:
    """Oldest first."""
    found = connection.execute(
        "select alerts.id, unsent.sink, length(alerts.body), alerts.raised_wall, unsent.attempts,"
        " unsent.due_wall from unsent join alerts on alerts.id = unsent.alert"
        " order by alerts.raised_wall, alerts.rowid"
    )
    return tuple(Undelivered(*row) for row in found)


def load_firing(connection: sqlite3.Connection, since_wall: float) -> list[dict[str, Any]]:
    """The last message of each incident that has not ended, of those since then."""
    newest: dict[str, tuple[str, str]] = {}
    for alert, incident, status in connection.execute(
        "select id, json_extract(body, '$.incident'), json_extract(body, '$.status') from alerts"
        " where raised_wall >= ? order by raised_wall, rowid",
        (since_wall,),
    ):
        newest[incident] = (alert, status)
    found = []
    for alert, status in newest.values():
        if status == "firing":
            row = connection.execute("select body from alerts where id = ?", (alert,)).fetchone()
            found.append(json.loads(row[0]))
    return found


class AlertTexts:
    """Looks up the JSON of saved alerts, beside the agent that writes them. For one thread, which
    is the one that calls it first."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._connection: sqlite3.Connection | None = None

    def __call__(self, alert: str) -> str | None:
        """None where it was never saved, or forgotten. Raises UserError or sqlite3.Error."""
        if self._connection is None:
            self._connection = open_for_reading(self._database)
        found = self._connection.execute("select body from alerts where id = ?", (alert,))
        row = found.fetchone()
        return None if row is None else str(row[0])

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
