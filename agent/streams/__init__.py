"""What lines come from, beside files: the journal of systemd, and stdin."""

from agent.streams.journal import Journal, Rendering
from agent.streams.stdin import Stdin
from agent.streams.streams import Stream, Streams

__all__ = ["Journal", "Rendering", "Stdin", "Stream", "Streams"]
