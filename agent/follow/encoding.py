"""Text encodings, as far as finding and decoding lines needs them."""

import codecs
from dataclasses import dataclass

from models.errors import UserError

_MARKS = {
    "utf-8": ((codecs.BOM_UTF8, "utf-8"),),
    "utf-16": ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")),
    "utf-32": ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")),
}
# What Windows writes where nothing says otherwise.
_WITHOUT_MARK = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding that can be decoded from the start of any line.

    name: Python's name for it; newline: how "\\n" is written; unit: bytes a code unit, to which
    lines are aligned, counted from the start of the file.
    """

    name: str
    newline: bytes
    unit: int

    @classmethod
    def named(cls, name: str, head: bytes = b"") -> "Encoding":
        """The encoding a user calls ``name``, of a file that begins with ``head``.

        utf-16 and utf-32 take their byte order from the mark at the start of the file. Raises
        UserError for a name that Python does not know or that is no text encoding.
        """
        try:
            family = codecs.lookup(name).name.removesuffix("-sig")
            concrete = next(
                (order for mark, order in _MARKS.get(family, ()) if head.startswith(mark)),
                _WITHOUT_MARK.get(family, family),
            )
            newline = "\n".encode(concrete)
        except (LookupError, UnicodeError, ValueError) as error:
            raise UserError(
                f"the encoding {name!r} is not known: name one that Python knows, "
                "such as utf-8, latin-1 or utf-16"
            ) from error
        return cls(concrete, newline, len(newline))
