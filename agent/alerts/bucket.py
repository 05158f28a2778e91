"""No more messages than somebody can read."""

from dataclasses import dataclass, field

_HOUR = 3600.0
# What is suppressed is first told of after so long, so that the message counts more than one.
_FIRST_WORD = 60.0
# Fingerprints that are counted apart; the others are counted together.
_MOST_COUNTED = 1000
_OTHERS = "others"


@dataclass(slots=True)
class Bucket:
    """Tokens: a message takes one, and an hour brings ``tokens`` of them back, spread over it.

    suppressed: sessions by fingerprint that nobody was told of because no token was left.
    word_at: when the message that says so is due, None where there is nothing to say; words: how
    many of those there were, the last one at spoken_at.
    """

    tokens: float
    filled_at: float
    suppressed: dict[str, int] = field(default_factory=dict)
    word_at: float | None = None
    words: int = 0
    spoken_at: float | None = None

    def take(self, most: int, now: float) -> bool:
        """Whether there was a token. most: in an hour, and at once."""
        self.tokens = min(most, self.tokens + max(0.0, now - self.filled_at) * most / _HOUR)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def suppress(self, fingerprint: str, sessions: int, now: float) -> None:
        known = fingerprint in self.suppressed or len(self.suppressed) < _MOST_COUNTED
        name = fingerprint if known else _OTHERS
        self.suppressed[name] = self.suppressed.get(name, 0) + sessions
        if self.word_at is None:
            # One word an hour: that there is a storm is no news any more.
            next_hour = 0.0 if self.spoken_at is None else self.spoken_at + _HOUR
            self.word_at = max(now + _FIRST_WORD, next_hour)

    def speak(self, now: float) -> dict[str, int]:
        """What was suppressed and not told of until now, by fingerprint."""
        suppressed, self.suppressed = self.suppressed, {}
        self.word_at, self.spoken_at = None, now
        self.words += 1
        return suppressed
