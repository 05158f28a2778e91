"""Skeletons: texts with every digit alike, and what can be remembered of them.

Most lines of a log differ from one seen before in nothing but digits. Where masks treat all digits
alike (``PatternTraits.guards``), two texts of one skeleton are masked at the same places, so the
masked text is the same but for the digits that no mask took, and those are at known places.
"""

import re
from collections.abc import Callable, Sequence
from itertools import product

_ALIKE = bytes(ord("0") if chr(byte) in "123456789" else byte for byte in range(256))
# No ASCII text has these bytes: they keep a guard's digits apart from others and from each other.
_KEPT = bytes(byte + 0x80 if chr(byte) in "0123456789" else byte for byte in range(256))
_ZERO = ord("0")
_DIGITS = frozenset("0123456789")
_ANY_DIGIT = re.compile("[0-9]").search

# The masked text, or a %-format and the places in the text of what goes into it.
Remembered = str | tuple[str, tuple[slice, ...]]


def recalled(remembered: Remembered, text: str) -> str:
    """The masked form of ``text``, from that of another text of its skeleton."""
    if isinstance(remembered, str):
        return remembered
    form, places = remembered
    return form % tuple([text[place] for place in places])


def holds_digit(text: str) -> bool:
    return _ANY_DIGIT(text) is not None


class Skeletons:
    """Keys of ASCII texts: equal where texts differ in digits alone, those of a guard excepted.

    A guard is literal text with digits in it that a mask looks for (``0x``): where it stands, its
    digits are not like others. Raises ValueError for guards of which one may lie over another.
    """

    def __init__(self, guards: Sequence[str]) -> None:
        for one, other in product(guards, guards):
            inside = one != other and one in other
            if inside or any(one[-size:] == other[:size] for size in range(1, len(one))):
                raise ValueError(f"{one!r} may lie over {other!r}")
        encoded = [guard.encode("ascii") for guard in guards if guard.isascii()]
        self._kept = [(guard, guard.translate(_KEPT)) for guard in encoded]
        # Whether the keys of lines are those of the text that they make together, cut at its ends.
        self.stays_in_line = not any("\n" in guard for guard in guards)

    def key(self, text: str) -> bytes:
        return self.key_of(text.encode("ascii"))

    def key_of(self, data: bytes) -> bytes:
        for guard, kept in self._kept:
            data = data.replace(guard, kept)
        return data.translate(_ALIKE)

    def keys(self, texts: Sequence[str]) -> list[bytes] | list[bytes | None]:
        """The keys of texts; None for those that are not ASCII."""
        joined = "\n".join(texts)
        if joined.isascii() and self.stays_in_line:
            keys = self.key(joined).split(b"\n")
            if len(keys) == len(texts):
                return keys
        return [self.key(text) if text.isascii() else None for text in texts]

    def has_digit(self, key: bytes) -> bool:
        return _ZERO in key or self._has_guard(key)

    def _has_guard(self, key: bytes) -> bool:
        return any(kept in key for _, kept in self._kept)

    def remember(self, text: str, change: Callable[[str], str]) -> Remembered | None:
        """What ``change`` makes of all texts with the key of ``text``; None where that cannot be
        said. change: treats digits alike in ASCII texts, those of guards excepted."""
        changed = change(text)
        left = [place for place, letter in enumerate(changed) if letter in _DIGITS]
        if not left:
            return changed
        key = self.key(text)
        places = [place for place, byte in enumerate(key) if byte == _ZERO]
        # Every digit is told its number, one decimal after another; those that come out say which
        # ones they were. What does not change with the last decimal is a guard's, and stays.
        decimals = range(len(str(len(places))))
        wanted = [
            [number // 10**decimal % 10 for number in range(len(places))] for decimal in decimals
        ]
        wanted.append([9 - digit for digit in wanted[0]])
        outcomes: list[list[int]] = []
        for digits in wanted:
            letters = list(text)
            for place, digit in zip(places, digits, strict=True):
                letters[place] = str(digit)
            numbered = "".join(letters)
            if self.key(numbered) != key:
                return None
            after = change(numbered)
            outcomes.append([int(after[place]) for place in left])
        origins: dict[int, int] = {}
        for index, place in enumerate(left):
            if outcomes[0][index] != outcomes[-1][index]:
                number = sum(outcomes[decimal][index] * 10**decimal for decimal in decimals)
                origins[place] = places[number]
        return with_origins(changed, origins)


def with_origins(changed: str, origins: dict[int, int]) -> Remembered:
    """``changed`` where the characters at some places are those at other places of a text.
    origins: in ascending order."""
    parts: list[str] = []
    slices: list[slice] = []
    end = 0
    for place, origin in origins.items():
        if slices and place == end and slices[-1].stop == origin:
            slices[-1] = slice(slices[-1].start, origin + 1)
        else:
            parts += (changed[end:place].replace("%", "%%"), "%s")
            slices.append(slice(origin, origin + 1))
        end = place + 1
    if not slices:
        return changed
    parts.append(changed[end:].replace("%", "%%"))
    return "".join(parts), tuple(slices)
