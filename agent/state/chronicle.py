"""What an agent has told of and met, as far as its state keeps it: for reports."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.alerts.silences import Silence
from agent.state.glance import Glance, looking, read_glance
from agent.state.requests import read_silences
from models.events import HostEvent


@dataclass(frozen=True)
class KeptAlert:
    """raised: wall clock; body: as it was sent, see docs/alerts.md."""

    raised: float
    body: dict[str, Any]


@dataclass(frozen=True)
class Chronicle:
    """All of one save. alerts: the oldest first; met: events met on this host, the latest first;
    silences: the oldest first, with those that are over."""

    glance: Glance
    alerts: tuple[KeptAlert, ...]
    met: tuple[HostEvent, ...]
    silences: tuple[Silence, ...]

    @classmethod
    def at(cls, folder: Path) -> "Chronicle":
        """Writes nothing, and reads nothing of sessions: their lines are nobody's business before
        an alert is about them. Raises UserError where there is no state that can be read."""
        with looking(folder) as (connection, path, running):
            alerts = connection.execute(
                "select raised_wall, body from alerts order by raised_wall, rowid"
            )
            # Those of the bundle were born before all others, at 0; null is a free id.
            met = connection.execute(
                "select template, born, sessions from templates where born > 0 order by born desc"
            )
            return cls(
                glance=read_glance(connection, path, running),
                alerts=tuple(KeptAlert(float(raised), _body(body)) for raised, body in alerts),
                met=tuple(HostEvent(str(one), int(born), int(seen)) for one, born, seen in met),
                silences=tuple(read_silences(connection)),
            )


def _body(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("an alert is no object")
    return value
