"""``metalog-agent status``: what the state of an agent says, to people and to programs."""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.commands.config_option import ConfigOption, InputOption
from agent.commands.state_folders import states_of
from agent.follow import Position
from agent.state import Glance, StateFolder

# People see the files that are furthest behind; --json has all of them.
_MOST_FILES = 20
# An agent with nothing to do saves every ten seconds.
_MOST_SECONDS_UNSAVED = 60.0
_COUNTS = (
    "lines_read",
    "lines_without_session",
    "lines_of_odd_format",
    "sessions_scored",
    "sessions_ended_early",
    "events_forgotten",
    "sessions_anomalous",
    "sessions_silenced",
    "sessions_suppressed",
    "alerts_raised",
)


def status(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH...]", help="What the agent watches, to find its state."),
    ] = None,
    config: ConfigOption = None,
    of_input: InputOption = None,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="The agent's.  [default: that of these paths; without paths those of the "
            "configuration; without one the only one]",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Only see whether it runs and saves: exit code 0 if so, else 1."
        ),
    ] = False,
) -> None:
    """Say what an agent has read, holds open and has still to send. Runs beside it or after it.

    Of a configuration all inputs, each under its name, or one of them: --input.
    """
    states = states_of(state_dir, paths or (), config, of_input)
    found = {
        # An input that is new in the configuration is no error.
        name: None
        if name and not StateFolder(folder).is_there()
        else describe(Glance.at(folder), time.time())
        for name, folder in states.items()
    }
    if check:
        for name, one in found.items():
            problem = "nothing was saved yet" if one is None else unhealthy(one)
            if problem is not None:
                said = f"{name}: {problem}" if name else problem
                print(f"metalog-agent: {said}", file=sys.stderr)
                raise typer.Exit(1)
        return
    if as_json:
        print(json.dumps(found.get("") or {"inputs": found}))
        return
    for number, (name, one) in enumerate(found.items()):
        if name:
            print(f"{chr(10) if number else ''}[{name}]")
        for line in _table(one) if one is not None else ["no agent has kept its state yet"]:
            print(line)


def unhealthy(found: Mapping[str, Any]) -> str | None:
    """What a probe is to be told of a state as ``describe`` says it; None for nothing. A receiver
    of alerts that does not answer is no reason to start an agent again."""
    if not found["running"]:
        return "no agent runs on this state"
    age = found["seconds_since_saved"]
    if age is None or age > _MOST_SECONDS_UNSAVED:
        return "nothing was saved yet" if age is None else f"nothing was saved for {age:.0f} s"
    return None


@dataclass(frozen=True)
class _Followed:
    """A file as it is on disk now. size: None where it is not there."""

    path: str
    size: int | None
    state: str


def describe(glance: Glance, wall: float) -> dict[str, Any]:
    """JSON-ready; the keys are those of docs/agent.md. wall: now, seconds since 1970."""
    report = glance.report
    files = [_file(position) for position in glance.positions]
    files.sort(key=lambda one: (-(one["lag_bytes"] or 0), one["path"]))
    counts = report.get("counts", {})
    return {
        "state": str(glance.path),
        "running": glance.running,
        "pid": report.get("pid") if glance.running else None,
        "version": report.get("version"),
        "paths": report.get("paths"),
        "started": _iso(report.get("started")),
        "saved": _iso(glance.saved_wall),
        "seconds_since_saved": (
            None if glance.saved_wall is None else round(wall - glance.saved_wall, 3)
        ),
        "bundle": report.get("bundle"),
        "threshold": report.get("threshold"),
        "alerts_per_day": report.get("alerts_per_day"),
        "epoch": report.get("epoch"),
        "warm_up": report.get("warm_up"),
        "templates": glance.templates,
        "host_events": report.get("host_events", 0),
        "files": files,
        "lag_bytes": sum(one["lag_bytes"] or 0 for one in files),
        "sessions_open": report.get("sessions_open", 0),
        "events_open": report.get("events_open", 0),
        "counts": {name: counts.get(name, 0) for name in _COUNTS},
        "reading": bool(glance.running and report.get("reading", True)),
        "alerts_kept": glance.alerts,
        "last_alert": glance.last_alert,
        "unsent": {
            one.sink: {"alerts": one.alerts, "bytes": one.bytes, "oldest": _iso(one.oldest)}
            for one in glance.unsent
        },
        "sinks": {sink: _sink(one) for sink, one in report.get("sinks", {}).items()},
        "journal": _journal(report.get("journal")),
        "stalled": {
            sink: {"since": _iso(one["since"]), "alerts": one["alerts"]}
            for sink, one in report.get("stalled", {}).items()
        },
    }


def _sink(told: Mapping[str, Any]) -> dict[str, Any]:
    disabled = told.get("disabled")
    return {
        "delivered": told.get("delivered", 0),
        "failed_attempts": told.get("failed_attempts", 0),
        "retrying": told.get("retrying", 0),
        "dropped": told.get("dropped", {}),
        "problem": told.get("problem"),
        "disabled": None if disabled is None else _iso(disabled["since"]),
    }


def _journal(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if told is None else {**told, "read_to": _iso(told.get("read_to"))}


def _file(position: Position) -> dict[str, Any]:
    followed = _look(position)
    lag = None
    if not position.copy and followed.size is not None:
        lag = max(0, followed.size - position.offset)
    return {
        "path": followed.path,
        "source": position.source,
        "offset": position.offset,
        "size": followed.size,
        "lag_bytes": lag,
        "state": "copy" if position.copy else followed.state,
    }


def _look(position: Position) -> _Followed:
    """Find the file by its inode: under its name, else beside it, as a rotation leaves it."""
    path = Path(position.path)
    try:
        found = path.stat()
    except OSError:
        found = None
    if found is not None and found.st_ino == position.inode:
        return _Followed(position.path, found.st_size, "followed")
    try:
        with os.scandir(path.parent) as entries:
            for entry in entries:
                if entry.inode() == position.inode and entry.is_file(follow_symlinks=False):
                    return _Followed(entry.path, entry.stat().st_size, "renamed")
    except OSError:
        pass
    return _Followed(position.path, None, "gone")


def _table(found: Mapping[str, Any]) -> Iterator[str]:
    rows = [("state", found["state"]), ("agent", _agent(found)), ("last saved", _saved(found))]
    if found["paths"]:
        rows.append(("watches", ", ".join(map(_plain, found["paths"]))))
    if found["bundle"] is not None:
        rows.append(("bundle", _judges(found)))
    if found["warm_up"] is not None:
        rows.append(("warm-up", _warms_up(found["warm_up"])))
    if found["journal"] is not None:
        rows.append(("journal", _reads(found["journal"])))
    counts = found["counts"]
    rows += [
        (
            "lines",
            f"{counts['lines_read']} read, {counts['lines_without_session']} without a session, "
            f"{counts['lines_of_odd_format']} of an odd format",
        ),
        (
            "sessions",
            f"{found['sessions_open']} open ({found['events_open']} events), "
            f"{counts['sessions_scored']} scored, {counts['sessions_ended_early']} of them early",
        ),
        (
            "events",
            f"{found['templates']} known, {found['host_events']} of them met here; "
            f"{counts['events_forgotten']} forgotten",
        ),
        (
            "alerts",
            f"{counts['alerts_raised']} raised, {found['alerts_kept']} kept; of "
            f"{counts['sessions_anomalous']} anomalous sessions {counts['sessions_silenced']} "
            f"silenced, {counts['sessions_suppressed']} suppressed",
        ),
        ("last alert", _last(found["last_alert"])),
    ]
    rows += [("sink", _took(sink, one)) for sink, one in found["sinks"].items()]
    for sink, unsent in found["unsent"].items():
        rows.append(
            (
                "unsent",
                f"{unsent['alerts']} to {_plain(sink)} ({unsent['bytes']} bytes), the oldest of "
                f"{unsent['oldest']}",
            )
        )
    for sink, stalled in found["stalled"].items():
        since = f"{_plain(sink)} has delivered nothing since {stalled['since']}"
        if found["running"] and not found["reading"]:
            since += "; reading has stopped"
        rows.append(("stalled", since))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        yield f"{name:<{width}}  {value}"
    if found["files"] or found["journal"] is None:
        yield from _files(found["files"])


def _judges(found: Mapping[str, Any]) -> str:
    said = f"{found['bundle']}, threshold {found['threshold']:.3g}"
    if found["alerts_per_day"] is not None:
        said += f", set for {found['alerts_per_day']:g} alerts a day"
    return said


def _reads(told: Mapping[str, Any]) -> str:
    said = f"read to {told['read_to']}" if told["read_to"] else "nothing was read yet"
    if told["restarts"]:
        said += f", journalctl was started again {told['restarts']} times"
    return said + (f"; now: {_plain(told['problem'])}" if told["problem"] else "")


def _warms_up(told: Mapping[str, Any]) -> str:
    return (
        f"{told['sessions']} of {told['of_sessions']} sessions, {told['seconds']} of "
        f"{told['of_seconds']:g} s; until then only what is beyond doubt is told of"
    )


def _took(sink: str, told: Mapping[str, Any]) -> str:
    said = f"{_plain(sink)}: {told['delivered']} delivered"
    if told["retrying"]:
        said += f", {told['retrying']} to be tried again"
    if told["dropped"]:
        reasons = ", ".join(f"{count} {why}" for why, count in told["dropped"].items())
        said += f", dropped: {_plain(reasons).replace('_', ' ')}"
    if told["disabled"] is not None:
        said += f"; disabled since {told['disabled']}"
    if told["problem"] is not None:
        said += f"; last problem: {_plain(told['problem'])}"
    return said


def _files(files: list[dict[str, Any]]) -> Iterator[str]:
    shown = files[:_MOST_FILES]
    cells = [("offset", "size", "lag", "file")]
    for one in shown:
        mark = "" if one["state"] == "followed" else f"  ({one['state']})"
        offset, size, lag = (_number(one[name]) for name in ("offset", "size", "lag_bytes"))
        cells.append((offset, size, lag, _plain(one["path"]) + mark))
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    yield ""
    for row in cells if shown else []:
        numbers = (f"{cell:>{width}}" for cell, width in zip(row[:3], widths, strict=True))
        yield f"{'  '.join(numbers)}  {row[3]}"
    if not shown:
        yield "no file was read yet"
    if len(files) > len(shown):
        yield f"and {len(files) - len(shown)} more, no further behind; --json shows all"


def _agent(found: Mapping[str, Any]) -> str:
    if found["running"] is None:
        return "cannot be seen from here"
    if not found["running"]:
        return "does not run"
    return f"runs, pid {found['pid']}, since {found['started']}"


def _saved(found: Mapping[str, Any]) -> str:
    if found["saved"] is None:
        return "never"
    return f"{found['saved']}, {found['seconds_since_saved']:.0f} s ago"


def _last(alert: Mapping[str, Any] | None) -> str:
    if alert is None:
        return "none"
    key, source = _plain(str(alert["key"])), _plain(str(alert["source"]))
    return f"{alert['raised_at']}, score {alert['score']:g}, {key} of {source}"


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _plain(text: str) -> str:
    """What names hold may move the cursor of whoever reads them."""
    return text if text.isprintable() else ascii(text)[1:-1]


def _iso(wall: float | None) -> str | None:
    if wall is None:
        return None
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds")
