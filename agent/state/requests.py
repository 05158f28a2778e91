"""What people ask of an agent, beside it or after it: silences and labels, through its state."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.alerts.silences import Silence
from agent.state.database import BUSY_SECONDS, open_for_reading, told, transaction
from agent.state.folder import StateFolder
from agent.state.schema import SCHEMA, DamagedError, schema_of
from models.errors import UserError

_COLUMNS = "fingerprint, until_wall, made_wall, origin, note"


@dataclass(frozen=True)
class Told:
    """An alert of the history. evidence: as it was saved, None where it is of no session."""

    body: str
    evidence: bytes | None


def read_silences(connection: sqlite3.Connection) -> list[Silence]:
    rows = connection.execute(f"select {_COLUMNS} from silences order by made_wall, fingerprint")
    return [
        Silence(str(fingerprint), until, float(made), str(origin), str(note))
        for fingerprint, until, made, origin, note in rows
    ]


class Requests:
    """The state in a folder, for somebody who is not its agent. A running agent sees what is
    written at its next turn, another one when it starts.

    Raises UserError, from everything, where there is no state or it cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = StateFolder(folder).database
        if not StateFolder(folder).is_there():
            raise UserError(f"{folder}: no agent has kept its state here; check --state-dir")

    def silences(self) -> list[Silence]:
        """The oldest first, with those that are over and not forgotten yet."""
        with self._reading() as connection:
            return read_silences(connection)

    def silence(self, silence: Silence) -> None:
        """In the place of one of the same fingerprint and origin."""
        with self._writing() as connection:
            connection.execute(
                f"insert or replace into silences ({_COLUMNS}) values (?, ?, ?, ?, ?)",
                (
                    silence.fingerprint,
                    silence.until,
                    silence.made,
                    silence.origin,
                    silence.note,
                ),
            )

    def lift(self, fingerprint: str, origin: str | None = None) -> int:
        """How many silences there were, of any origin or of this one."""
        with self._writing() as connection:
            done = connection.execute(
                "delete from silences where fingerprint = ? and (? is null or origin = ?)",
                (fingerprint, origin, origin),
            )
            return done.rowcount

    def alert(self, ident: str) -> Told | None:
        with self._reading() as connection:
            row = connection.execute(
                "select alerts.body, evidence.body from alerts"
                " left join evidence on evidence.alert = alerts.id where alerts.id = ?",
                (ident,),
            ).fetchone()
        return None if row is None else Told(*row)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with closing(open_for_reading(self._path)) as connection, self._plainly():
            self._check(connection)
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        uri = f"{self._path.absolute().as_uri()}?mode=rw"
        with (
            self._plainly(),
            closing(
                sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
            ) as connection,
        ):
            self._check(connection)
            with transaction(connection, self._path):
                yield connection

    def _check(self, connection: sqlite3.Connection) -> None:
        schema = schema_of(connection)
        if schema != SCHEMA:
            raise UserError(
                f"{self._path}: state of schema {schema}; `metalog-agent watch` makes it schema "
                f"{SCHEMA} when it is started again"
            )

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        try:
            yield
        except UserError:
            raise
        except Exception as error:
            found = told(error, self._path)
            if isinstance(found, DamagedError):
                raise UserError(f"{self._path}: this state cannot be read: {found}") from None
            raise found from None
