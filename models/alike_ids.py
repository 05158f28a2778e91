"""Lines that differ in their ids: read by what they share.

Every line of some systems holds ids of its own, so no two have one skeleton. Lines that differ in
the digits of UUIDs, of hexadecimal numbers and words, and in other digits are of one form. Whether
header, keys and masked message are the same in all lines of a form is found out by reading the form
itself (models.symbolic).
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from models.masks import Mask
from models.skeletons import Remembered, Skeletons, with_origins
from models.symbolic import (
    SymbolicPattern,
    UndecidedError,
    any_digit,
    any_hexadecimal,
    any_letter,
    origin,
    replaced,
)

# Ids are found several times as fast where all digits are one letter, or one of two.
_ONE_LETTER = bytes(ord("h") if chr(byte) in "0123456789abcdef" else byte for byte in range(256))
_TWO_LETTERS = bytes(
    ord("0") if chr(byte) in "0123456789" else ord("a") if chr(byte) in "abcdef" else byte
    for byte in range(256)
)
_UUID = b"-".join(b"h" * length for length in (8, 4, 4, 4, 12))
# What stands before is asked last: a pattern that begins with plain text is found by that.
_UUIDS = re.compile(_UUID + rb"(?![A-Za-z])(?<![A-Za-z]" + _UUID + rb")")
_NUMBERS = re.compile(rb"0x[0-9a-f]+(?![0-9A-Za-z_])")
# A word of letters and digits is no number and no name. Of its beginning it stays known which are
# letters, up to the first of the other kind: a mask may ask for both.
_REST_OF_WORD = re.compile(b"[0a]*(?![0-9A-Za-z_])")
_BEGINNING = re.compile(b"[0-9]+[a-f]|[a-f]+[0-9]")
_SHORTEST_WORD, _LONGEST_WORD = 8, 64
# No ASCII text has these bytes, and no guard's digit becomes one of them.
_GAP, _LETTER = b"\x80", b"\x81"
_UUID_GAPS = _UUID.replace(b"h", _GAP)
_LETTERS = bytes.maketrans(b"abcdef", 6 * _LETTER)
_IN_WORDS = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_KINDS = {_GAP[0]: any_hexadecimal, _LETTER[0]: any_letter, ord("0"): any_digit}


class Shape(NamedTuple):
    """Where the parts of a line are in all lines of one skeleton or form. keys: of its sessions;
    fits: it has the format."""

    keys: tuple[slice, ...]
    time: slice | None
    source: slice | None
    label: slice | None
    message: Remembered
    fits: bool


class AlikeIds:
    """Knows lines by their form.

    header: pattern of a line with a group ``content``, None where all of it is content; key_regex:
    of sessions, or None.
    """

    def __init__(
        self,
        skeletons: Skeletons,
        masks: Sequence[Mask],
        *,
        header: str | None,
        key_regex: str | None,
    ) -> None:
        self._skeletons = skeletons
        self._header = None if header is None else SymbolicPattern(header)
        self._keys = None if key_regex is None else SymbolicPattern(key_regex)
        # With the group that is replaced.
        self._masks = [
            (SymbolicPattern(one.pattern), f"<{one.name}>", min(1, re.compile(one.pattern).groups))
            for one in masks
        ]

    def form(self, line: str) -> bytes | None:
        """Of an ASCII line; None where no id is in it."""
        form, ids = self._form_of(line.encode("ascii"))
        return form if ids else None

    def keys(self, lines: Sequence[str]) -> tuple[list[bytes | None], int]:
        """The form of lines that hold an id and the skeleton of others, None of those that are not
        ASCII; and how many ids there are."""
        joined = "\n".join(lines)
        if joined.isascii() and self._skeletons.stays_in_line:
            form, ids = self._form_of(joined.encode("ascii"))
            keys: list[bytes | None] = [*form.split(b"\n")]
            if len(keys) == len(lines):
                return keys, ids
        found = [self._form_of(line.encode("ascii")) if line.isascii() else None for line in lines]
        return [one and one[0] for one in found], sum(one[1] for one in found if one)

    @staticmethod
    def is_form(key: bytes) -> bool:
        return _GAP in key

    def _form_of(self, data: bytes) -> tuple[bytes, int]:
        spared = bytearray(data)
        ids = 0
        spread = data.translate(_ONE_LETTER)
        if _UUID in spread:
            for uuid in _UUIDS.finditer(spread):
                spared[uuid.start() : uuid.end()] = _UUID_GAPS
                ids += 1
        for number in _NUMBERS.finditer(data):
            start, stop = number.span()
            spared[start + 2 : stop] = _GAP * (stop - start - 2)
            ids += 1
        kinds = bytes(spared).translate(_TWO_LETTERS)
        for change in (b"0a", b"a0"):
            place = kinds.find(change)
            while place >= 0:
                before = kinds[max(0, place - _LONGEST_WORD) : place]
                start = place - len(before) + len(before.rstrip(b"0a"))
                rest = _REST_OF_WORD.match(kinds, place)
                stop = place + 1 if rest is None else rest.end()
                if (
                    rest is not None
                    and _SHORTEST_WORD <= stop - start <= _LONGEST_WORD
                    and (start == 0 or kinds[start - 1] not in _IN_WORDS)
                    and (begins := _BEGINNING.match(spared, start, stop)) is not None
                ):
                    spared[start : begins.end()] = begins[0].translate(_LETTERS)
                    spared[begins.end() : stop] = _GAP * (stop - begins.end())
                    ids += 1
                place = kinds.find(change, stop)
        return self._skeletons.key_of(bytes(spared)), ids

    def shape(self, line: str, form: bytes) -> Shape | None:
        """Of all lines of the form of ``line``; None where they are not alike."""
        try:
            return self._read(
                "".join(
                    [
                        _KINDS[byte](place) if byte in _KINDS else own
                        for place, (byte, own) in enumerate(zip(form, line, strict=True))
                    ]
                )
            )
        except UndecidedError:
            return None

    def _read(self, text: str) -> Shape:
        keys = [] if self._keys is None else [found.get(1) for found in self._keys.finditer(text)]
        places: dict[str, slice] = {}
        content, fits = text, True
        if self._header is not None:
            header = self._header.match(text)
            fits = header is not None
            if header is not None:
                spans = {name: header.get(group) for name, group in self._header.groups.items()}
                places = {name: slice(*span) for name, span in spans.items() if span is not None}
                content = text[places["content"]] if "content" in places else ""
        for pattern, placeholder, group in self._masks:
            content = replaced(pattern, placeholder, content, group)
        # What no mask took is each line's own.
        own = {i: came for i, one in enumerate(content) if (came := origin(one)) is not None}
        return Shape(
            tuple(slice(*span) for span in keys if span is not None and span[1] > span[0]),
            places.get("time"), places.get("source"), places.get("label"),
            with_origins(content, own), fits,
        )  # fmt: skip
