"""Fingerprints that somebody wants to hear nothing of."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from models.errors import UserError

# Whoever labels an alert normal asks for quiet, too, and without an end.
ASKED, LABELLED = "silence", "label"
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Silence:
    """until: wall clock, None for a silence without an end; origin: ASKED or LABELLED."""

    fingerprint: str
    until: float | None
    made: float
    origin: str = ASKED
    note: str = ""


class Silences:
    """Those in force, by the wall clock."""

    def __init__(self, silences: Iterable[Silence] = ()) -> None:
        self._by_fingerprint: dict[str, list[Silence]] = {}
        for one in silences:
            self._by_fingerprint.setdefault(one.fingerprint, []).append(one)

    def silent(self, fingerprint: str, wall: float) -> bool:
        found = self._by_fingerprint.get(fingerprint, ())
        return any(one.until is None or wall < one.until for one in found)


def checked_fingerprint(text: str) -> str:
    """Raises UserError for what is none."""
    if not _FINGERPRINT.fullmatch(text):
        raise UserError(
            f"{text!r}: no fingerprint; it is the field `fingerprint` of an alert, 16 characters "
            "of 0-9 and a-f"
        )
    return text
