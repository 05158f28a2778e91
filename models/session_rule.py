"""What makes a session of lines."""

import re
from dataclasses import dataclass, replace

from models.errors import UserError


@dataclass(frozen=True, slots=True)
class SessionRule:
    """What makes a session. Exactly one of ``key_regex``, ``window``, ``seconds`` is set.

    key_regex: one group; a line belongs to the session of every distinct key found in it.
    window: lines of one source (a node, else a file) a session; ``stride`` lines from one window's
        start to the next one's, ``window`` where it is None (tumbling).
    seconds: a session is what one source wrote in one span of so many seconds of the lines' time.
    idle: seconds without a line after which a session is over; None: never.
    max_lines: a session this long is over; what follows under its key starts another.
    end_regex: a line in which this is found ends the sessions it belongs to.
    """

    key_regex: str | None = None
    window: int | None = None
    stride: int | None = None
    seconds: float | None = None
    idle: float | None = None
    max_lines: int = 2000
    end_regex: str | None = None

    def __post_init__(self) -> None:
        chosen = [
            name for name in ("key_regex", "window", "seconds") if getattr(self, name) is not None
        ]
        if len(chosen) != 1:
            raise UserError(
                "a session rule needs exactly one of a key regex, a window of lines and a window "
                f"of seconds, not {' and '.join(chosen) or 'none of them'}"
            )
        if self.key_regex is not None and _compiled(self.key_regex, "key regex").groups != 1:
            raise UserError(
                f"key regex {self.key_regex!r} needs exactly one group: put ( ) around the part "
                "that names the session, and (?: ) around others"
            )
        if self.end_regex is not None:
            _compiled(self.end_regex, "end regex")
        for name in ("window", "stride", "seconds", "idle", "max_lines"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"{name.replace('_', ' ')} must be larger than 0, not {value}")
        if self.stride is not None and self.window is None:
            raise UserError("a stride goes with a window of lines")
        if self.stride is not None and self.window is not None and self.stride > self.window:
            raise UserError(
                f"a stride of {self.stride} skips lines between windows of {self.window}: "
                "take one no larger than the window"
            )

    def overridden(
        self,
        *,
        key_regex: str | None = None,
        window: int | None = None,
        idle: float | None = None,
        end_regex: str | None = None,
    ) -> "SessionRule":
        """This rule with what a user asked for instead; a new kind of session replaces the old."""
        rule = self
        if key_regex is not None and window is not None:
            raise UserError("--key-regex and --window are two rules: give one of them")
        if key_regex is not None:
            rule = replace(rule, key_regex=key_regex, window=None, stride=None, seconds=None)
        if window is not None:
            rule = replace(rule, key_regex=None, window=window, stride=None, seconds=None)
        if idle is not None:
            rule = replace(rule, idle=idle)
        if end_regex is not None:
            rule = replace(rule, end_regex=end_regex)
        return rule


def _compiled(pattern: str, what: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UserError(f"{what} {pattern!r} is no regular expression: {error}") from None
