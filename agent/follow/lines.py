"""From bytes to lines with their places in the file."""

import codecs
from dataclasses import dataclass
from itertools import accumulate

from agent.follow.encoding import Encoding
from models.placed_lines import Lines


@dataclass(frozen=True, slots=True)
class LineBatch:
    """Lines of one file, in order, that were not handed out before.

    path: the name the file has now, or had last; source: the stream the lines belong to, which is
    the first name the file was known by (``app.log``, also after it became ``app.log.1``).
    lines: decoded, without their line ends; a record of several lines is joined by a newline.
    offsets: the byte in the file at which each one starts; ends: the byte after its line end.
    All three are of one length.
    """

    path: str
    source: str
    lines: list[str]
    offsets: list[int]
    ends: list[int]


@dataclass(frozen=True, slots=True)
class LineSplitter:
    """Cuts blocks at newlines only (never at U+2028, form feeds and the like) and decodes them.

    limit: bytes of a line that are kept; the rest is dropped and the line counted as cut.
    """

    encoding: Encoding
    limit: int

    def first_newline(self, data: bytes, start: int = 0) -> int:
        """Index in ``data`` of the first newline from ``start`` on, -1 where there is none.

        ``data`` and ``start`` are aligned to code units; a hit between two of them is none.
        """
        newline, unit = self.encoding.newline, self.encoding.unit
        found = data.find(newline, start)
        while found > 0 and found % unit:
            found = data.find(newline, found + 1)
        return found

    def after_last_newline(self, data: bytes) -> int:
        """Index after the last newline in aligned ``data``, 0 where there is none."""
        newline, unit = self.encoding.newline, self.encoding.unit
        found = data.rfind(newline)
        while found > 0 and found % unit:
            # Not found + unit - 1: two hits may overlap by all but one byte.
            found = data.rfind(newline, 0, found + len(newline) - 1)
        return found + len(newline) if found >= 0 else 0

    def split(self, block: bytes, start: int) -> Lines:
        """Lines of an aligned ``block`` that ends with a newline; ``start`` is its place."""
        lines = Lines()
        raw = self._pieces(block)
        lengths = [len(piece) + len(self.encoding.newline) for piece in raw]
        lines.ends = list(accumulate(lengths, initial=start))[1:]
        lines.starts = [start, *lines.ends[:-1]]
        texts = self._decoded_at_once(block, raw, lengths)
        if texts is not None:
            lines.texts = texts
        else:
            for piece in raw:
                lines.texts.append(self.decode(piece, lines))
        if start == 0:
            lines.texts[0] = lines.texts[0].removeprefix("\ufeff")
        return lines

    def decode(self, piece: bytes, counts: Lines) -> str:
        """Text of one line without its newline; counts in ``counts`` whether it was cut or bad."""
        # Zeros before a line are a hole: a writer that does not append goes on at its old offset
        # after a truncation, and file systems leave them after a crash. They may be gigabytes.
        if self.encoding.unit == 1 and piece.startswith(b"\0"):
            piece = piece.lstrip(b"\0")
        cut = len(piece) > self.limit
        if cut:
            piece = piece[: self.limit]
            counts.cut += 1
            piece = piece[: self.whole_characters(piece)]
        try:
            text = piece.decode(self.encoding.name)
        except UnicodeDecodeError:
            counts.bad += 1
            text = piece.decode(self.encoding.name, "replace")
        return text.removesuffix("\r")

    def whole_characters(self, piece: bytes) -> int:
        """Bytes of ``piece`` up to the last character that is complete."""
        decoder = codecs.getincrementaldecoder(self.encoding.name)("replace")
        decoder.decode(piece, False)
        return len(piece) - len(decoder.getstate()[0])

    def _pieces(self, block: bytes) -> list[bytes]:
        newline = self.encoding.newline
        if self.encoding.unit == 1:
            return block.split(newline)[:-1]
        pieces = []
        start = 0
        while (found := self.first_newline(block, start)) >= 0:
            pieces.append(block[start:found])
            start = found + len(newline)
        return pieces

    def _decoded_at_once(
        self, block: bytes, raw: list[bytes], lengths: list[int]
    ) -> list[str] | None:
        """All lines by one call of the decoder; None where a line needs care of its own."""
        if max(lengths) - len(self.encoding.newline) > self.limit:
            return None
        if self.encoding.unit == 1 and b"\0" in block:
            return None
        try:
            text = block.decode(self.encoding.name)
        except UnicodeDecodeError:
            return None
        texts = text.split("\n")
        texts.pop()
        if len(texts) != len(raw):
            return None  # an encoding in which a newline byte can be half of a character
        if "\r" in text:
            texts = [line.removesuffix("\r") for line in texts]
        return texts
