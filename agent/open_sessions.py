"""Sessions that are not over yet, no more of them than fit into memory."""

import logging
from collections.abc import Iterator

from models.sessions import Session, Sessionizer, SessionRule

log = logging.getLogger("metalog")


class OpenSessions(Sessionizer[int]):
    """A sessionizer with bounds on all that is open.

    most_sessions, most_events: where there are more, the longest idle sessions are over before
    their time; ``ended_early`` counts them. events: in all open sessions, as of the last ``shed``.
    """

    def __init__(
        self, rule: SessionRule, *, most_sessions: int = 200_000, most_events: int = 1_000_000
    ) -> None:
        super().__init__(rule)
        self.ended_early = 0
        self.events = 0
        self._most_sessions = most_sessions
        self._most_events = most_events
        self._lengths: dict[str, int] = {}
        self._unsaved: dict[str, Session[int] | None] = {}

    def shed(self) -> Iterator[Session[int]]:
        """End what is too much. To be called after every few thousand lines; iterate to the end."""
        self._count()
        if len(self) <= self._most_sessions and self.events <= self._most_events:
            return
        # One at a time, the longest idle first; it stops where we stop asking.
        ending = super().close()
        while len(self) > self._most_sessions or self.events > self._most_events:
            session = next(ending, None)
            if session is None:
                break
            if not self.ended_early:
                log.warning(
                    "more than %d sessions or %d events are open: those without a line for the "
                    "longest time are scored early",
                    self._most_sessions,
                    self._most_events,
                )
            self.ended_early += 1
            self._count()
            yield session

    def take_changed(self) -> dict[str, Session[int] | None]:
        self._count()
        changed, self._unsaved = self._unsaved, {}
        return changed

    def _count(self) -> None:
        changed = super().take_changed()
        for key, session in changed.items():
            before = self._lengths.pop(key, 0)
            after = 0
            if session is not None:
                after = self._lengths[key] = len(session.items)
            self.events += after - before
        self._unsaved.update(changed)
