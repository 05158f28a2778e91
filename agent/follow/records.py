"""Records of several lines, such as a log line with its stack trace."""

import re
from collections.abc import Iterable

from models.errors import UserError
from models.placed_lines import Lines


class RecordJoiner:
    """Joins lines into records; one begins at each line in which ``start`` is found.

    The last record is pending until the next one begins or ``flush`` is called. Lines before the
    first beginning are a record of their own. A record that would be longer than ``limit``
    bytes ends before the line that is too much, which begins another: a wrong expression must
    neither fill the memory nor keep every line back.

    Raises UserError when ``start`` is no regular expression.
    """

    def __init__(self, start: str, limit: int) -> None:
        try:
            self._start = re.compile(start)
        except re.error as error:
            raise UserError(
                f"the expression for the first line of a record, {start!r}, is not valid: {error}"
            ) from error
        self._limit = limit
        self._texts: list[str] = []
        self._from = 0
        self._to = 0

    @property
    def pending_from(self) -> int | None:
        """Where in the file the pending record starts, None when nothing is pending."""
        return self._from if self._texts else None

    def add(self, lines: Lines) -> Lines:
        """Take lines in, give back the records that are complete by that."""
        records = Lines(cut=lines.cut, bad=lines.bad)
        for text, start, end in _places(lines):
            if self._texts and (end - self._from > self._limit or self._start.search(text)):
                self._close(records)
            if not self._texts:
                self._from = start
            self._texts.append(text)
            self._to = end
        return records

    def flush(self) -> Lines:
        """Give back the pending record, if there is one."""
        records = Lines()
        if self._texts:
            self._close(records)
        return records

    def forget(self) -> None:
        """Drop the pending record; its lines will be read again."""
        self._texts.clear()

    def _close(self, records: Lines) -> None:
        records.add("\n".join(self._texts), self._from, self._to)
        self._texts.clear()


def _places(lines: Lines) -> Iterable[tuple[str, int, int]]:
    return zip(lines.texts, lines.starts, lines.ends, strict=True)
