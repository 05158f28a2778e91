"""Durations as people write and read them: 90s, 15m, 2h, 1d, 1h30m."""

import re

from models.errors import UserError

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
# A hundred years: more than that no clock takes.
_MOST = 100 * 366 * 86400.0


def parse_duration(text: str, option: str) -> float:
    """Seconds. Raises UserError that names the option."""
    if text == "0" or _WHOLE.fullmatch(text):
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
        if seconds <= _MOST:
            return seconds
    raise UserError(f"{option} {text!r}: expected a duration such as 90s, 15m, 2h or 1d")


def readable_duration(seconds: float) -> str:
    """In whole seconds, the two largest units: 45s, 30m26s, 2h, 318d16h."""
    rest = round(seconds)
    parts = []
    for unit in "dhms":
        number, rest = divmod(rest, round(_SECONDS[unit]))
        if number:
            parts.append(f"{number}{unit}")
        if parts and (len(parts) == 2 or not number):
            break
    return "".join(parts) or "0s"
