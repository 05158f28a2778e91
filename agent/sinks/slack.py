"""Alerts as messages of Slack and of what speaks its language (Mattermost, Rocket.Chat, ...)."""

import json
from collections.abc import Mapping
from typing import Any

from agent.sinks import Answer, Message
from agent.sinks.endpoint import Endpoint
from agent.sinks.rendering import details, headline

# Slack takes more, but cuts what it shows; the limit is that of the text of a section.
_MOST_CHARACTERS = 3000
_FENCE = "```"
# Slack's own three escapes; there is none for the backtick, which would end the code block.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "\u02cb"})


class Slack:
    """POSTs ``{"text": ...}``: a headline, and all that comes from logs in one block of code, where
    neither markup nor mentions work. At most one message a second, as Slack asks."""

    interval = 1.0
    holds_reading = False

    def __init__(self, endpoint: Endpoint, name: str | None = None) -> None:
        self._endpoint = endpoint
        self.name = name or f"slack {endpoint.where}"

    def send(self, message: Message) -> Answer:
        payload = {
            "text": slack_text(message.alert()),
            "mrkdwn": True,
            "parse": "none",
            "link_names": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        return self._endpoint.post(json.dumps(payload).encode("ascii"))

    def keep_up(self) -> float | None:
        return None

    def close(self) -> None:
        self._endpoint.close()


def slack_text(alert: Mapping[str, Any]) -> str:
    """At most 3,000 characters; each line is cut whole, never within an escape."""
    lines = [headline(alert).translate(_ESCAPES)]
    room = _MOST_CHARACTERS - len(lines[0]) - 2 * len(_FENCE) - 4
    block = []
    for name, value in details(alert):
        line = f"{name:<11} {value}".translate(_ESCAPES)
        room -= len(line) + 1
        if room < 0:
            break
        block.append(line)
    if block:
        lines += [_FENCE, *block, _FENCE]
    return "\n".join(lines)
