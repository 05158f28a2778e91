"""What lines come from, beside files: the journal of systemd, and stdin."""

from agent.streams.journal import Journal, Rendering
from agent.streams.places import JOURNAL, JournalAs, Places
from agent.streams.stdin import Stdin
from agent.streams.streams import Stream, Streams

__all__ = [
    "JOURNAL",
    "Journal",
    "JournalAs",
    "Places",
    "Rendering",
    "Stdin",
    "Stream",
    "Streams",
]
