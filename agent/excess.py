"""Too much that is odd: a sign that not the sessions are wrong, but what is held to be usual."""

from collections import deque

_SESSIONS = 500
# A system of which every fifth session is anomalous is known to be broken, or is not known.
_SHARE = 0.2
_SECONDS_BETWEEN = 86_400.0


class Excess:
    """Counts anomalous sessions among the last 500."""

    def __init__(self) -> None:
        self._last: deque[bool] = deque(maxlen=_SESSIONS)
        self._anomalous = 0
        self._said_at: float | None = None

    @property
    def anomalous(self) -> int:
        """Of the last 500 sessions."""
        return self._anomalous

    def is_news(self, passed: bool, now: float) -> bool:
        """Take in a session, in order; True once a day while one in five of 500 is anomalous.
        now: seconds of a clock that never goes back."""
        if len(self._last) == _SESSIONS:
            self._anomalous -= self._last[0]
        self._last.append(passed)
        self._anomalous += passed
        if len(self._last) < _SESSIONS or self._anomalous < _SHARE * _SESSIONS:
            return False
        if self._said_at is not None and now - self._said_at < _SECONDS_BETWEEN:
            return False
        self._said_at = now
        return True
