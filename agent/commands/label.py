"""``metalog-agent label``: what an alert was about, for the next training."""

import fcntl
import json
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.alerts import read_evidence
from agent.alerts.silences import LABELLED, Silence
from agent.commands.config_option import ConfigOption, InputOption
from agent.commands.silence import StateDirectory
from agent.commands.state_folders import requests_of
from models.errors import UserError

_FILE = "labels.jsonl"


class Label(StrEnum):
    """What a session was."""

    normal = "normal"
    anomaly = "anomaly"


def label(
    alert: Annotated[str, typer.Argument(metavar="ALERT-ID", help="The field `id` of the alert.")],
    what: Annotated[Label, typer.Argument(help="What the session was.")],
    note: Annotated[str, typer.Option(help="Why, kept with the label.")] = "",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE",
            help=f"Where the session is added.  [default: {_FILE} in the agent's state folder]",
        ),
    ] = None,
    state_dir: StateDirectory = None,
    config: ConfigOption = None,
    of_input: InputOption = None,
) -> None:  # fmt: skip
    """Say whether the session of an alert was normal, and keep it for training.

    The file is what `metalog-train prepare --format sessions` reads. After `normal` the agent says
    no more of this fingerprint, until `silence lift`; `anomaly` takes that back.
    """
    inputs = requests_of(state_dir, config, of_input).values()
    for requests in inputs:
        if (told := requests.alert(alert)) is not None:
            break
    else:
        where = ", ".join(str(requests.folder) for requests in inputs)
        raise UserError(
            f"{alert!r}: {where} holds no alert of this id; old ones are forgotten after 30 days"
        )
    body = json.loads(told.body)
    if told.evidence is None:
        raise UserError(
            f"{alert}: this alert is {body.get('status')} of kind {body.get('kind')} and shows no "
            "session; label one that is firing"
        )
    try:
        key, source, events = read_evidence(told.evidence)
    except (ValueError, LookupError):
        raise UserError(f"{alert}: its session cannot be read: the state is damaged") from None
    file = output or requests.folder / _FILE
    _put(
        file,
        {
            "id": key,
            "label": int(what is Label.anomaly),
            "events": events,
            "source": source,
            "alert": alert,
            "fingerprint": body["fingerprint"],
            "note": note,
            "labelled_at": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )
    fingerprint = body["fingerprint"]
    if what is Label.normal:
        requests.silence(Silence(fingerprint, None, time.time(), LABELLED, note))
        print(f"{alert} is normal, {fingerprint} is silent from now on; kept in {file}")
    else:
        requests.lift(fingerprint, LABELLED)
        print(f"{alert} is an anomaly; kept in {file}")


def _put(file: Path, session: dict[str, Any]) -> None:
    """Add a session, in the place of what was said of the same alert before."""
    temporary = file.with_name(f".{file.name}.new")
    try:
        # Two who label at the same time: one waits. The file itself is renamed, so not it.
        lock = os.open(file.with_name(f".{file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
            lines = [line for line in before if _alert_of(line) != session["alert"]]
            lines.append(json.dumps(session))
            # The lines of a log are nobody else's business.
            with open(temporary, "w", encoding="utf-8", opener=_only_for_us) as writing:
                writing.write("".join(f"{line}\n" for line in lines))
                writing.flush()
                os.fsync(writing.fileno())
            temporary.rename(file)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()
            os.close(lock)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: the label cannot be written: {error}") from None


def _alert_of(line: str) -> object:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value.get("alert") if isinstance(value, dict) else None


def _only_for_us(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
