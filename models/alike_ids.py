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

# UUIDs in lower case are found several times as fast where all hexadecimal digits are one letter.
# What stands before is asked last: a pattern that begins with plain text is found by that.
_ONE_LETTER = bytes(ord("h") if chr(byte) in "0123456789abcdef" else byte for byte in range(256))
_UUID = b"-".join(b"h" * length for length in (8, 4, 4, 4, 12))
_UUIDS = re.compile(_UUID + rb"(?![A-Za-z])(?<![A-Za-z]" + _UUID + rb")")
_NUMBERS = re.compile(rb"0x[0-9a-f]+(?![0-9A-Za-z_])")
_WORDS = re.compile(b"hhhhhhhhh*(?![0-9A-Za-z_])")
# Such a word is no number and no name where a letter follows its first digits, or a digit its first
# letters. How it begins stays what it is.
_MIXED = re.compile(b"[0-9]+[a-f]|[a-f]+[0-9]")
# No ASCII text has these bytes, and no guard's digit becomes one of them.
_GAP, _LETTER = b"\x80", b"\x81"
_UUID_GAPS = _UUID.replace(b"h", _GAP)
_LETTERS = bytes.maketrans(b"abcdef", 6 * _LETTER)
_PART_OF_WORD = re.compile(b"[0-9A-Za-z_]")
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
        return self._form_of(line.encode("ascii"))

    def forms(self, lines: Sequence[str]) -> list[bytes | None]:
        """Of lines; None where no id is in them, and of those that are not ASCII."""
        joined = "\n".join(lines)
        if joined.isascii() and self._skeletons.stays_in_line:
            form = self._form_of(joined.encode("ascii"))
            if form is None:
                return [None] * len(lines)
            forms = form.split(b"\n")
            if len(forms) == len(lines):
                return [form if _GAP in form else None for form in forms]
        return [self.form(line) if line.isascii() else None for line in lines]

    def _form_of(self, data: bytes) -> bytes | None:
        spread = data.translate(_ONE_LETTER)
        spared = bytearray(data)
        found = False
        for uuid in _UUIDS.finditer(spread):
            spared[uuid.start() : uuid.end()] = _UUID_GAPS
            found = True
        if found:
            # Their parts are no words.
            spread = bytes(spared).translate(_ONE_LETTER)
        for number in _NUMBERS.finditer(data):
            start, stop = number.span()
            spared[start + 2 : stop] = _GAP * (stop - start - 2)
            found = True
        for word in _WORDS.finditer(spread):
            start, stop = word.span()
            if data[start:stop].isdigit():
                continue
            begins = _MIXED.match(spared, start, stop)
            if begins is None or _PART_OF_WORD.match(data, start - 1, start):
                continue
            spared[start : begins.end()] = begins[0].translate(_LETTERS)
            spared[begins.end() : stop] = _GAP * (stop - begins.end())
            found = True
        return self._skeletons.key_of(bytes(spared)) if found else None

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
