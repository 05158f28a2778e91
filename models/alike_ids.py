"""Lines that differ in their UUIDs: read by what they share.

Every line of some systems holds ids of its own, so no two have one skeleton. Where key regex and
masks treat all hexadecimal digits of a UUID alike (``PatternTraits.ids_alike``), lines that differ
in their UUIDs, and in digits, have their keys at the same places and the same masked message.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from models.skeletons import Skeletons, holds_digit

# In lower case, with no letter or digit beside them: those of which the patterns' traits speak.
_PATTERN = r"(?<![^\W_])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![^\W_])"
_split = re.compile(_PATTERN, re.ASCII).split
_UUIDS = re.compile(_PATTERN, re.ASCII)
# The same is found several times as fast where all hexadecimal digits are one letter.
_ONE_LETTER = bytes(ord("h") if chr(byte) in "0123456789abcdef" else byte for byte in range(256))
_UUID = b"-".join(b"h" * length for length in (8, 4, 4, 4, 12))
# What stands before is asked last: a pattern that begins with plain text is found by that.
_SPREAD_UUIDS = re.compile(_UUID + rb"(?![A-Za-z])(?<![A-Za-z]" + _UUID + rb")")
# No ASCII text has this byte, and no guard's digit becomes it.
_GAP = b"\x80"
_GAPS = _GAP * len(_UUID)


class IdShape(NamedTuple):
    """What lines of one form share. keys: where they stand in the line."""

    keys: tuple[slice, ...]
    belongs: bool
    message: str


class AlikeIds:
    """What is known of lines with UUIDs.

    masks: the masks that treat UUIDs alike, one after the other, up to the first that does not;
    mask_all: all masks. Both take ASCII text.
    """

    def __init__(
        self,
        skeletons: Skeletons,
        masks: Sequence[Callable[[str], str]],
        mask_all: Callable[[str], str],
        most: int,
    ) -> None:
        self._skeletons = skeletons
        self._masks = masks
        self._mask_all = mask_all
        self._most = most
        # False: met once, and lines with an id of another kind are not met again; True: not alike.
        self._known: dict[tuple[bytes, int], IdShape | bool] = {}

    def key(self, line: str) -> bytes | None:
        """Of an ASCII line; None where no UUID is in it."""
        return self._key_of(line.encode("ascii"))

    def keys(self, lines: Sequence[str]) -> list[bytes | None]:
        """Of lines; None where no UUID is in them, and of those that are not ASCII."""
        joined = "\n".join(lines)
        if joined.isascii() and self._skeletons.stays_in_line:
            key = self._key_of(joined.encode("ascii"))
            if key is None:
                return [None] * len(lines)
            keys = key.split(b"\n")
            if len(keys) == len(lines):
                return [key if _GAP in key else None for key in keys]
        return [self.key(line) if line.isascii() else None for line in lines]

    def _key_of(self, data: bytes) -> bytes | None:
        places = [found.start() for found in _SPREAD_UUIDS.finditer(data.translate(_ONE_LETTER))]
        if not places:
            return None
        spared = bytearray(data)
        for place in places:
            spared[place : place + len(_UUID)] = _GAPS
        return self._skeletons.key_of(bytes(spared))

    def find(self, key: bytes, content: str) -> IdShape | None:
        """What is known of lines with this key that end with a content of this length."""
        known = self._known.get((key, len(content)))
        return known if isinstance(known, IdShape) else None

    def learn(self, key: bytes, line: str, content: str, read: Callable[[str], IdShape]) -> None:
        """Remember what is read of a line of this form, if all lines of it are read so."""
        place = (key, len(content))
        known = self._known.get(place)
        if known is None:
            if len(self._known) >= self._most:
                self._known.clear()
            self._known[place] = False
        if known is not False:
            return
        shape, begin = read(line), len(line) - len(content)
        if not shape.belongs:
            self._known[place] = shape
            return
        whole = line.endswith(content) and not any(
            found.start() < begin < found.end() for found in _UUIDS.finditer(line)
        )
        holds = whole and self._holds_for_all(content, shape.message)
        self._known[place] = shape if holds else True

    def _holds_for_all(self, content: str, message: str) -> bool:
        # A digit that no mask took is the line's own.
        if holds_digit(message):
            return False
        some, others = _with_digits(content, "0"), _with_digits(content, "a")
        for mask in self._masks:
            if _split(some) == _split(others) == [some]:
                break
            some, others = mask(some), mask(others)
            # A mask that took a part of a UUID has left the rest of one, which is none any more.
            if _split(some) != _split(others):
                return False
        # The masks that may tell UUIDs apart meet none of them.
        return some == others and self._mask_all(content) == message


def _with_digits(text: str, digit: str) -> str:
    return _UUIDS.sub(lambda found: re.sub("[0-9a-f]", digit, found[0]), text)
