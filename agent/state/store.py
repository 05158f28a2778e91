"""Loading and saving: what must be true together is written in one transaction."""

import json
import logging
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.alerts.silences import Silences
from agent.follow.position import Position
from agent.state.database import open_database, told, transaction
from agent.state.folder import StateFolder
from agent.state.requests import read_silences
from agent.state.schema import DamagedError, file_of
from agent.state.session_log import SessionLog
from agent.state.undelivered import Undelivered, load_firing, load_undelivered
from models.epochs import Epoch
from models.errors import UserError
from models.events import HostEvent
from models.sessions import Session

# With nothing to save, it is still said now and then that the agent lives.
_SECONDS_OF_SILENCE = 10.0
_SECONDS_BETWEEN_SWEEPS = 3600.0

Counters = Mapping[str, Mapping[str, int]]

log = logging.getLogger("metalog")


@dataclass(frozen=True)
class Retention:
    """How long alerts that were delivered are kept, to be looked at, and how many of them."""

    seconds: float = 30 * 86400.0
    alerts: int = 10_000


@dataclass(frozen=True)
class Saved:
    """What an earlier run left.

    saved_wall: wall clock of its last save, None on the first run. age: the clock of idle time,
    which ``touched`` of the sessions is of. counters: of the sessionizer, by name and source.
    groups: of alerts, by fingerprint. events: by id, those of the bundle, too; None for a free id.
    report: what the agent said of itself. unsent: oldest first. epoch: of the
    statistics learnt beside those of ``bundle``, None where nothing was. tuning: see ``Changes``.
    journal: the cursor of the last entry that was handed out, None where none was read.
    """

    saved_wall: float | None = None
    age: float = 0.0
    bundle: str | None = None
    positions: tuple[Position, ...] = ()
    events: tuple[HostEvent | None, ...] = ()
    sessions: tuple[Session[int], ...] = ()
    counters: dict[str, dict[str, int]] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    groups: tuple[tuple[str, str], ...] = ()
    unsent: tuple[Undelivered, ...] = ()
    epoch: Epoch | None = None
    tuning: Mapping[str, str] = field(default_factory=dict)
    journal: str | None = None

    @property
    def templates(self) -> tuple[str, ...]:
        """By event id; "" for a free one."""
        return tuple("" if event is None else event.template for event in self.events)


@dataclass(frozen=True)
class Adopted:
    """From here on event ids are those of another bundle; events: all of them by id."""

    bundle: str
    events: Sequence[HostEvent | None]


@dataclass(frozen=True)
class Changes:
    """What one transaction makes true together.

    wall, now: clocks at this moment; age: that of idle time, see ``Saved``. positions: all of them,
    one object as long as it says the same; templates: by event id, those that are new or changed,
    None for those that are forgotten;
    sessions: open ones by key that changed, None for ended ones, and with ``adopted`` all of them;
    evidence: the session that an alert is about, by its id; groups: of alerts, those that changed,
    None for those that are gone;
    counters: all; alerts: id and body, for all of ``sinks``; sent: alert id and sink;
    failed: by alert id and sink, attempts and the wall clock of the next one; adopted: ends
    what was learnt with the bundle before; epoch: one that has begun; tuning: all that the agent
    has set to its host, by name, as whoever reads it wrote it. journal: its cursor; None leaves the
    one that is there.
    """

    wall: float
    now: float
    age: float
    positions: Sequence[Position] = ()
    templates: Mapping[int, HostEvent | None] = field(default_factory=dict)
    sessions: Mapping[str, Session[int] | None] = field(default_factory=dict)
    counters: Counters = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    sinks: Sequence[str] = ()
    alerts: Sequence[tuple[str, str]] = ()
    sent: Iterable[tuple[str, str]] = ()
    failed: Mapping[tuple[str, str], tuple[int, float]] = field(default_factory=dict)
    evidence: Mapping[str, bytes] = field(default_factory=dict)
    groups: Mapping[str, str | None] = field(default_factory=dict)
    adopted: Adopted | None = None
    epoch: Epoch | None = None
    tuning: Mapping[str, str] = field(default_factory=dict)
    journal: str | None = None


class State:
    """The state of one agent in its folder. Two agents on one folder: the second gets a UserError.

    saved: what the last run left. Where that is damaged or no state of ours, it is kept aside under
    another name, which is said, and this run is a first run. Raises UserError for the state of a
    later release.
    """

    def __init__(self, folder: Path, retention: Retention | None = None) -> None:
        self._folder = StateFolder(folder)
        self._folder.lock()
        self._retention = retention or Retention()
        self._positions: dict[str, Position] = {}
        self._counters: dict[tuple[str, str], int] = {}
        self._tuning: dict[str, str] = {}
        self._report = ""
        self._journal: str | None = None
        self._saved_at: float | None = None
        self._swept_at: float | None = None
        self._silences = Silences()
        self._silences_version: int | None = None
        try:
            try:
                self._connection = open_database(self._folder)
                self.saved = self._load()
            except DamagedError as damage:
                self._connection = self._start_over(damage)
                self.saved = self._load()
        except BaseException:
            self._folder.unlock()
            raise

    @property
    def path(self) -> Path:
        """The database."""
        return self._folder.database

    def _start_over(self, damage: DamagedError) -> sqlite3.Connection:
        try:
            aside = self._folder.set_aside()
        except OSError as error:
            raise UserError(
                f"{self.path}: {damage}, and cannot be renamed: {error.strerror}; move it away"
            ) from None
        log.warning(
            "%s: this state cannot be used: %s; it is kept as %s, and this run starts afresh",
            self.path,
            damage,
            aside.name,
        )
        return open_database(self._folder)

    def _load(self) -> Saved:
        connection = self._connection
        try:
            meta = dict(connection.execute("select name, value from meta"))
            positions = {
                file: Position.from_json(body)
                for file, body in connection.execute("select file, body from positions")
            }
            events: list[HostEvent | None] = []
            for ident, template, born, seen in connection.execute(
                "select id, template, born, sessions from templates order by id"
            ):
                if ident != len(events):
                    raise DamagedError("templates are missing")
                events.append(
                    None if born is None else HostEvent(str(template), int(born), int(seen))
                )
            counters: dict[str, dict[str, int]] = {}
            for name, source, value in connection.execute("select * from counters"):
                counters.setdefault(name, {})[source] = int(value)
            self._session_log, sessions = SessionLog.load(connection, len(events))
            epoch = None
            for number, body in connection.execute("select number, body from epoch"):
                epoch = Epoch.from_bytes(int(number), body)
                if len(epoch.templates) > len(events):
                    raise DamagedError("templates of its statistics are missing")
            saved = Saved(
                saved_wall=float(meta["saved_wall"]) if "saved_wall" in meta else None,
                age=float(meta.get("age", 0)),
                bundle=meta.get("bundle"),
                positions=tuple(positions.values()),
                events=tuple(events),
                sessions=tuple(sessions),
                counters=counters,
                report=dict(json.loads(meta.get("report", "{}"))),
                groups=tuple(connection.execute("select fingerprint, body from groups")),
                unsent=load_undelivered(connection),
                epoch=epoch,
                tuning=dict(connection.execute("select name, body from tuning")),
                journal=meta.get("journal"),
            )
        except Exception as error:
            connection.close()
            raise told(error, self.path) from None
        self._positions = positions
        self._counters = _flat(counters)
        self._tuning = dict(saved.tuning)
        self._journal = saved.journal
        return saved

    def save(self, changes: Changes) -> None:
        """Make all of it true at once; nothing is written where nothing changed.

        Raises NotSavedError where the disk is full or the database is in other hands: nothing of it
        is true then, and it is to be tried again with all that changed since. UserError where that
        would not help; the same lines are read again after a restart.
        """
        positions = {file_of(position): position for position in changes.positions}
        moved = [
            (file, position.to_json())
            for file, position in positions.items()
            if self._positions.get(file) is not position
        ]
        gone = [(file,) for file in self._positions.keys() - positions.keys()]
        counters = _flat(changes.counters)
        counted = [
            (*key, value) for key, value in counters.items() if self._counters.get(key) != value
        ]
        uncounted = list(self._counters.keys() - counters.keys())
        tuning = dict(changes.tuning)
        report = json.dumps(changes.report)
        sent = list(changes.sent)
        journal = changes.journal or self._journal
        epochs = [(changes.epoch.number, changes.epoch.to_bytes())] if changes.epoch else []
        news = (
            moved, gone, counted, uncounted, changes.templates, changes.sessions, changes.alerts,
            sent, changes.failed, changes.groups, changes.adopted, epochs, tuning != self._tuning,
            report != self._report, journal != self._journal,
        )  # fmt: skip
        silent = self._saved_at is not None and (
            0 <= changes.now - self._saved_at < _SECONDS_OF_SILENCE
        )
        if silent and not any(news):
            return
        with transaction(self._connection, self.path):
            step = self._session_log.step(
                self._connection,
                changes.sessions,
                afresh=changes.adopted is not None,
            )
            self._session_log.write(self._connection, step)
            if changes.adopted is not None:
                self._adopt(changes.adopted)
            many = self._connection.executemany
            many("delete from positions where file = ?", gone)
            many("insert or replace into positions values (?, ?)", moved)
            many("delete from counters where name = ? and source = ?", uncounted)
            many("insert or replace into counters values (?, ?, ?)", counted)
            many(
                "insert into templates values (?, ?, ?, ?) on conflict (id) do update set"
                " template = excluded.template, born = excluded.born, sessions = excluded.sessions"
                " where (template, born, sessions)"
                " is not (excluded.template, excluded.born, excluded.sessions)",
                ((event, *_row(known)) for event, known in changes.templates.items()),
            )
            many(
                "insert or replace into alerts values (?, ?, ?)",
                ((alert, body, changes.wall) for alert, body in changes.alerts),
            )
            many(
                "insert or ignore into unsent (alert, sink) values (?, ?)",
                ((alert, sink) for alert, _ in changes.alerts for sink in changes.sinks),
            )
            many(
                "update unsent set attempts = ?, due_wall = ? where alert = ? and sink = ?",
                ((*retry, *which) for which, retry in changes.failed.items()),
            )
            many("delete from unsent where alert = ? and sink = ?", sent)
            many("insert or replace into epoch values (1, ?, ?)", epochs)
            if tuning != self._tuning:
                self._connection.execute("delete from tuning")
                many("insert into tuning values (?, ?)", tuning.items())
            self._save_groups(changes)
            sweeping = (
                self._swept_at is None
                or bool(changes.alerts)
                or (changes.now - self._swept_at >= _SECONDS_BETWEEN_SWEEPS)
            )
            if sweeping:
                self._sweep(changes)
            values = {"report": report, "saved_wall": changes.wall, "age": changes.age}
            if journal is not None:
                values["journal"] = journal
            many(
                "insert or replace into meta values (?, ?)",
                ((name, str(value)) for name, value in values.items()),
            )
        self._session_log.done(step)
        self._positions, self._counters, self._report = positions, counters, report
        self._tuning, self._journal = tuning, journal
        self._saved_at = changes.now
        if sweeping:
            self._swept_at = changes.now

    def silences(self) -> Silences:
        """What people ask for, while this agent runs, too: see agent/state/requests.py."""
        try:
            [version] = self._connection.execute("pragma data_version").fetchone()
            if version != self._silences_version:
                self._silences = Silences(read_silences(self._connection))
                self._silences_version = version
        except sqlite3.Error as error:
            # Better an alert too many than none at all.
            log.debug("%s: silences cannot be read now: %s", self.path, error)
        return self._silences

    def _save_groups(self, changes: Changes) -> None:
        many = self._connection.executemany
        many("insert or replace into evidence values (?, ?)", changes.evidence.items())
        gone = [(name,) for name, body in changes.groups.items() if body is None]
        many("delete from groups where fingerprint = ?", gone)
        many(
            "insert or replace into groups values (?, ?)",
            ((name, body) for name, body in changes.groups.items() if body is not None),
        )

    def firing(self, since_wall: float) -> list[dict[str, Any]]:
        """Alerts of incidents that were not over at the last save: the last message of each."""
        try:
            return load_firing(self._connection, since_wall)
        except (sqlite3.Error, ValueError) as error:
            # They were checked when they were written; without them they end a little early.
            log.warning("%s: alerts of the last run cannot be read: %s", self.path, error)
            return []

    def close(self) -> None:
        """Save nothing more; let another agent have the folder."""
        self._connection.close()
        self._folder.unlock()

    def _adopt(self, adopted: Adopted) -> None:
        self._connection.execute("delete from templates")
        self._connection.execute("delete from epoch")
        self._connection.executemany(
            "insert into templates values (?, ?, ?, ?)",
            ((event, *_row(known)) for event, known in enumerate(adopted.events)),
        )
        self._connection.execute(
            "insert or replace into meta values ('bundle', ?)", (adopted.bundle,)
        )

    def _sweep(self, changes: Changes) -> None:
        """Forget old alerts, but for those that a sink which is still there has to get."""
        execute = self._connection.execute
        marks = ", ".join("?" * len(changes.sinks))
        idle = f"not exists (select 1 from unsent where alert = alerts.id and sink in ({marks}))"
        oldest = changes.wall - self._retention.seconds
        execute(f"delete from alerts where raised_wall < ? and {idle}", (oldest, *changes.sinks))
        [count] = execute("select count(*) from alerts").fetchone()
        if count > self._retention.alerts:
            execute(
                f"delete from alerts where rowid in (select rowid from alerts where {idle}"
                " order by raised_wall, rowid limit ?)",
                (*changes.sinks, count - self._retention.alerts),
            )
        execute("delete from unsent where alert not in (select id from alerts)")
        execute("delete from evidence where alert not in (select id from alerts)")
        execute("delete from silences where until_wall <= ?", (changes.wall,))


def _row(event: HostEvent | None) -> tuple[str, int | None, int]:
    return ("", None, 0) if event is None else event


def _flat(counters: Counters) -> dict[tuple[str, str], int]:
    return {
        (name, source): value
        for name, values in counters.items()
        for source, value in values.items()
    }
