"""The journal of open sessions against a plain dictionary, with restarts and with little room."""

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent.state import Adopted, Changes, NotSavedError, State
from models.events import HostEvent
from models.sessions import KeptLine, Session

_KEYS = st.sampled_from([f"key-{number}" for number in range(6)])
_EVENTS = st.lists(st.integers(0, 4), min_size=1, max_size=5)


class OpenSessions(RuleBasedStateMachine):
    """Lines come, sessions end and begin again under the same key, between two saves or not; some
    saves fail; the agent restarts. A save says only what changed, all of it must be there."""

    def __init__(self) -> None:
        super().__init__()
        # As small as can be, so that rows are given up all the time.
        self.small = patch.multiple("agent.state.session_log", _SEGMENT_BYTES=200, _SPARE_BYTES=400)
        self.impatient = patch("agent.state.database.BUSY_SECONDS", 0.0)
        self.small.start()
        self.impatient.start()
        self.folder = TemporaryDirectory()
        self.state = State(Path(self.folder.name))
        self.open: dict[str, Session[int]] = {}
        self.changed: dict[str, Session[int] | None] = {}
        self.turn = 0.0
        self._save(adopted=Adopted("bundle", [HostEvent(one, 0) for one in "abcde"]))

    def _save(self, **given: Any) -> None:
        self.turn += 1
        turn = self.turn
        self.state.save(Changes(wall=turn, now=turn, age=turn, sessions=self.changed, **given))
        self.changed = {}

    @rule(key=_KEYS, events=_EVENTS)
    def lines_come(self, key: str, events: list[int]) -> None:
        session = self.open.get(key)
        if session is None:
            session = self.open[key] = Session(key, "a.log", f"a.log:{self.turn}")
        for event in events:
            session.items.append(event)
            session.last = f"a.log:{self.turn}"
            kept = session.kept = session.kept or {}
            if event not in kept and event:
                kept[event] = KeptLine.at(len(session.items) - 1, session.last_place, "\udcff\n")
        session.last_time = session.touched = self.turn
        session.first_time = session.first_time or self.turn
        self.changed[key] = session

    @rule(key=_KEYS)
    def one_ends(self, key: str) -> None:
        if self.open.pop(key, None) is not None:
            self.changed[key] = None

    @rule()
    def saved(self) -> None:
        self._save()

    @rule()
    def not_saved(self) -> None:
        other = sqlite3.connect(self.state.path, isolation_level=None)
        other.execute("begin immediate")
        with pytest.raises(NotSavedError):
            self._save(report={"turn": self.turn})
        other.execute("rollback")
        other.close()

    @rule()
    def restarted(self) -> None:
        self._save()
        self.state.close()
        self.state = State(Path(self.folder.name))
        found = {session.key: session for session in self.state.saved.sessions}
        # Whether there are none or not even a place for them is all the same.
        for session in (*found.values(), *self.open.values()):
            session.kept = session.kept or None
        assert found == self.open
        self.open = found

    @invariant()
    def the_journal_is_short(self) -> None:
        with closing(sqlite3.connect(self.state.path)) as connection:
            [rows] = connection.execute("select count(*) from session_log").fetchone()
        events = sum(len(session.items) for session in self.open.values())
        # Twice what lives and what is spared, in rows of 12 bytes at least.
        assert rows <= 160 + events

    def teardown(self) -> None:
        self.restarted()
        self.state.close()
        self.small.stop()
        self.impatient.stop()
        self.folder.cleanup()


OpenSessions.TestCase.settings = settings(max_examples=30, stateful_step_count=60, deadline=None)
TestOpenSessions = OpenSessions.TestCase
