"""``metalog-agent silence``: no alerts of a fingerprint for a while."""

import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from agent.alerts.silences import Silence, checked_fingerprint
from agent.commands.config_option import ConfigOption, InputOption
from agent.commands.state_folders import requests_of
from agent.durations import parse_duration
from agent.state import Requests
from models.errors import UserError

StateDirectory = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="The agent's.  [default: those of the configuration, else the only one there is]",
    ),
]


def silence(
    what: Annotated[
        str, typer.Argument(metavar="FINGERPRINT|list|lift", help="Of the alert; or what to do.")
    ],
    fingerprint: Annotated[
        str | None, typer.Argument(metavar="[FINGERPRINT]", help="After lift: of the alert.")
    ] = None,
    duration: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="Such as 30m, 2h or 1d.")
    ] = None,
    note: Annotated[str, typer.Option(help="Why, for whoever lists them.")] = "",
    state_dir: StateDirectory = None,
    config: ConfigOption = None,
    of_input: InputOption = None,
) -> None:
    """Hear nothing of a fingerprint for a while; list silences; lift one before its time.

    A running agent heeds it within two seconds. With a configuration it holds for all inputs, or
    for one of them: --input.
    """
    if what != "lift" and fingerprint is not None:
        raise UserError(f"silence {what}: takes nothing more than that; see --help")
    if what in ("list", "lift") and (duration is not None or note):
        raise UserError(f"silence {what}: --for and --note go with a fingerprint to be silenced")
    if what == "list":
        _list(requests_of(state_dir, config, of_input))
    elif what == "lift":
        if fingerprint is None:
            raise UserError("silence lift: of which FINGERPRINT? `silence list` shows them")
        _lift(requests_of(state_dir, config, of_input), checked_fingerprint(fingerprint))
    else:
        checked_fingerprint(what)
        if duration is None:
            raise UserError("silence: for how long? Give --for, such as --for 2h")
        until = time.time() + parse_duration(duration, "--for")
        made = Silence(what, until, time.time(), note=note)
        for requests in requests_of(state_dir, config, of_input).values():
            requests.silence(made)
        print(f"{what} is silent until {_iso(until)}")


def _list(inputs: Mapping[str, Requests]) -> None:
    now = time.time()
    many = Counter(one for requests in inputs.values() for one in requests.silences())
    # Nearly always it is the same in all of them.
    for one, count in many.items():
        if one.until is not None and one.until <= now:
            continue
        end = "until it is lifted" if one.until is None else f"until {_iso(one.until)}"
        why = "labelled normal" if one.origin == "label" else "silenced"
        note = f"  {_plain(one.note)}" if one.note else ""
        where = "" if count == len(inputs) else f" in {count} of {len(inputs)} inputs"
        print(f"{one.fingerprint}  {end}, {why} {_iso(one.made)}{where}{note}")


def _lift(inputs: Mapping[str, Requests], fingerprint: str) -> None:
    if not sum(requests.lift(fingerprint) for requests in inputs.values()):
        raise UserError(f"{fingerprint}: there is no such silence; `silence list` shows them")
    print(f"{fingerprint} is silent no more")


def _iso(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds")


def _plain(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]
