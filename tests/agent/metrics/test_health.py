"""/livez and /readyz tell the truth: of real agents to which something happened."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from agent.metrics.board import Board, Busy
from agent.metrics.health import dead, unready
from agent.metrics.snapshot import SinkFigures, Snapshot, SourceFigures
from tests.agent.metrics.agents import agent
from tests.agent.orders import NORMAL, ODD, line, session
from tests.agent.receiver import Reply, nobody, receiver
from tests.agent.running import append, until

_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@pytest.fixture
def place(bundle_path: Path, tmp_path: Path) -> list[object]:
    """Arguments of an agent whose log is ``app.log``."""
    (tmp_path / "app.log").touch()
    return [
        tmp_path / "app.log", "--bundle", bundle_path, "--state-dir", tmp_path / "state",
        "--threshold", 0, "--no-grouping", "--end-regex", "lost", "--from-beginning",
    ]  # fmt: skip


def test_a_healthy_agent_says_so(place: list[object]) -> None:
    with agent(*place) as one:
        assert one.becomes("/readyz", 200).body == "ok\n"
        assert one.get("/livez").body == "ok\n"
        assert one.metrics()["metalog_agent_ready",] == 1
        one.end()


def test_a_state_that_cannot_be_saved_is_not_ready_until_it_can(
    place: list[object], tmp_path: Path
) -> None:
    with agent(*place, settings={"SECONDS_WITHOUT_A_SAVE": 3.0}) as one:
        one.becomes("/readyz", 200)
        append(tmp_path / "app.log", session(1, *NORMAL))
        with closing(sqlite3.connect(tmp_path / "state" / "agent.sqlite")) as other:
            other.execute("begin immediate")
            append(tmp_path / "app.log", session(2, *ODD))
            said = one.becomes("/readyz", 503, "cannot be saved").body
            assert "database is locked; nothing is read until it can" in said
            assert said.count("\n") == 1
            until(lambda: one.metrics()["metalog_agent_checkpoint_age_seconds",] > 3)
            found = one.metrics()
            assert (found["metalog_agent_reading",], found["metalog_agent_ready",]) == (0, 0)
            assert one.get("/livez").status == 200, "the loop goes round"
            other.rollback()
        one.becomes("/readyz", 200)
        until(lambda: one.metrics()["metalog_agent_checkpoint_age_seconds",] < 3)
        one.end()


@pytest.mark.parametrize("how", ["hangs", "refuses", "is broken"])
def test_a_sink_that_takes_nothing_for_long_is_not_ready(
    how: str, place: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METALOG_WEBHOOK_SECRET", _SECRET)
    settings = {"SECONDS_WITHOUT_A_DELIVERY": 1.0}
    reply = Reply(hangs=True) if how == "hangs" else Reply(500)
    with nobody() as closed, receiver(reply) as hook:
        url = closed if how == "refuses" else hook.url
        with agent(*place, "--webhook", url, settings=settings) as one:
            one.becomes("/readyz", 200)
            append(tmp_path / "app.log", session(1, *ODD))
            said = one.becomes("/readyz", 503, "has taken none").body
            name = f"webhook {url.rstrip('/')}"
            assert f"{name} has taken none of 1 alerts for " in said
            assert one.get("/livez").status == 200
            found = one.metrics()
            assert found["metalog_agent_spool_alerts", f"sink={name}"] == 1
            assert found["metalog_agent_spool_bytes", f"sink={name}"] > 100
            assert found["metalog_agent_sink_failing_seconds", f"sink={name}"] > 1
            assert found["metalog_agent_ready",] == 0
            if how == "is broken":
                assert "(HTTP 500)" in said
                assert found["metalog_agent_alerts_total", "outcome=failed", f"sink={name}"] >= 1
                hook.answers[:] = [Reply(200)]
                one.becomes("/readyz", 200)
            assert _SECRET not in said + one.get("/metrics").body


def test_a_sink_that_wants_no_more_is_not_ready(place: list[object], tmp_path: Path) -> None:
    with receiver(410) as hook, agent(*place, "--webhook", hook.url) as one:
        append(tmp_path / "app.log", session(1, *ODD))
        said = one.becomes("/readyz", 503, "wants no more").body
        assert said == f"webhook {hook.url[:-1]} wants no more alerts until the next start\n"


def test_a_stdout_that_nobody_reads_is_not_ready_until_somebody_does(
    place: list[object], tmp_path: Path
) -> None:
    place[place.index("--end-regex") : place.index("--end-regex") + 2] = ["--window", 1]
    many = 30_000
    append(tmp_path / "app.log", [line(number, "paid") for number in range(many)])
    with agent(*place, stdout=subprocess.PIPE) as one:
        said = one.becomes("/readyz", 503, "stdout takes").body
        assert said.startswith("stdout takes no more alerts: nothing is read until it does\n")
        found = one.metrics()
        assert found["metalog_agent_reading",] == 0
        source = f"source={tmp_path / 'app.log'}"
        assert found["metalog_agent_read_lag_bytes", source] > 0
        assert found["metalog_agent_lines_read_total", source] < many
        assert one.process.stdout is not None
        for _ in range(many):
            one.process.stdout.readline()
        judged = ("metalog_agent_sessions_scored_total", "verdict=anomalous")
        until(lambda: one.metrics()[judged] == many)
        found = one.metrics()
        assert found["metalog_agent_read_lag_bytes", source] == 0
        assert found["metalog_agent_lines_read_total", source] == many
        one.becomes("/readyz", 200)


def test_an_agent_whose_main_loop_is_stuck_is_not_alive(bundle_path: Path, tmp_path: Path) -> None:
    """Nobody reads its stderr: the first line for which there is no room stops it."""
    (tmp_path / "logs").mkdir()
    arguments = (tmp_path / "logs", "--bundle", bundle_path, "--state-dir", tmp_path / "state")
    with agent(*arguments, settings={"SECONDS_WITHOUT_A_TURN": 1.0}) as one:
        one.becomes("/livez", 200)
        one.becomes("/readyz", 200)
        one.read_no_more()
        for number in range(2000):
            (tmp_path / "logs" / f"{'long' * 40}{number}.log").write_text("order 1 opened\n")
        said = one.becomes("/livez", 503).body
        assert said.startswith("the main loop has made no turn for ")
        assert one.get("/readyz").body.startswith("the main loop has made no turn for ")
        assert one.metrics()["metalog_agent_ready",] == 0


def test_a_file_that_may_not_be_read_is_no_reason_to_be_unready() -> None:
    board = Board()
    board.turn({})
    unreadable = Snapshot(
        following=True, sources={"a": SourceFigures(unread=5)}, files_unreadable=1
    )
    board.snapshots = {"": unreadable}
    assert unready(board, board.beat_at + 29) == []


def test_before_and_after_its_turns_it_lives_and_is_not_ready() -> None:
    board = Board()
    assert dead(board, board.beat_at + 3600) is None
    assert unready(board, board.beat_at) == ["nothing is followed yet"]
    board.turn({})
    assert unready(board, board.beat_at) == ["nothing is followed yet"]
    board.snapshots = {"shop": Snapshot(following=True), "web": Snapshot(following=False)}
    assert unready(board, board.beat_at) == ["web: nothing is followed yet"]
    assert dead(board, board.beat_at + 31) == "the main loop has made no turn for 31 s"
    board.begin(Busy.reloading)
    board.snapshots = {"shop": Snapshot(following=True)}
    assert unready(board, board.beat_at + 2) == []
    assert dead(board, board.beat_at + 31) is None
    assert "reloaded, for 31 s" in unready(board, board.beat_at + 31)[0]
    board.begin(Busy.stopping)
    assert unready(board, board.beat_at) == ["it is stopping"]


def test_all_reasons_are_said_each_in_a_line_of_its_own() -> None:
    board = Board()
    board.turn({})
    now = board.beat_at
    board.snapshots = {
        "shop": Snapshot(
            following=True,
            sources={"a": SourceFigures(unread=7), "b": SourceFigures(unread=1)},
            sinks={
                "webhook ops": SinkFigures(alerts=3, waits_since=now - 301, problem="HTTP 503"),
                "slack": SinkFigures(alerts=1, waits_since=now - 299),
            },
            saved_at=now - 61,
            unread_since=now - 61,
        )
    }
    assert unready(board, now) == [
        "shop: the state was saved 61 s ago",
        "shop: 8 bytes are unread and none was read for 61 s",
        "shop: webhook ops has taken none of 3 alerts for 301 s (HTTP 503)",
    ]
