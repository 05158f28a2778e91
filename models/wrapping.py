"""Container logs: what a runtime writes around each line of a container, taken off again."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from models.lines import LineFormat, plain_text
from models.placed_lines import Lines

# Of the file's first lines. One that is followed from its middle begins with a whole line, too.
_LINES_LOOKED_AT = 8
# Lines of one stream that wait for the end of a line of the other one.
_MOST_HELD_LINES = 1024
# Of a whole file: characters of a line that are kept, and lines that are taken together.
_WHOLE_LINE_CHARACTERS = 2**20
_LINES_AT_ONCE = 1024
_CONTAINER_FOLDERS = ("/var/log/containers/", "/var/log/pods/", "/var/lib/docker/containers/")

# https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
_CRI = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[-+]\d\d:\d\d) "
    r"(?P<stream>stdout|stderr) (?P<tag>[FP])(?::\S*)?(?: (?P<content>.*))?",
    re.DOTALL,
)


class Wrapping(StrEnum):
    """What is around the lines of a file."""

    none = "none"
    cri = "cri"  # containerd, CRI-O: "TIME stdout F MESSAGE"; P for a part that others follow
    docker = "docker"  # json-file: {"log": "MESSAGE\n", "stream": ..., "time": ...}
    auto = "auto"  # whichever of them the first lines of the file have


class Part(NamedTuple):
    """A line of a stream, or what fitted into one line of the file of it; last: it ends here."""

    stream: str
    content: str
    last: bool


def cri_part(line: str) -> Part | None:
    """None for a line that is not of this form."""
    match = _CRI.fullmatch(line)
    if match is None:
        return None
    return Part(match["stream"], match["content"] or "", match["tag"] == "F")


def docker_part(line: str) -> Part | None:
    """None for a line that is not of this form."""
    if not line.startswith("{"):
        return None
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    content, stream = fields.get("log"), fields.get("stream")
    if not isinstance(content, str) or not isinstance(stream, str) or "time" not in fields:
        return None
    last = content.endswith("\n")
    if last:
        content = content[:-1].removesuffix("\r")
    return Part(stream, plain_text(content), last)


_FORMS: dict[Wrapping, Callable[[str], Part | None]] = {
    Wrapping.cri: cri_part,
    Wrapping.docker: docker_part,
}


@dataclass(slots=True)
class _Line:
    """A line of a container, of which parts may be missing. size: characters that are kept."""

    start: int
    end: int
    parts: list[str] = field(default_factory=list)
    size: int = 0
    cut: bool = False


class Unwrapper:
    """Takes the wrapping off lines, and joins the parts of those that a runtime has split.

    The parts of a long line lie apart where the container writes to its other stream meanwhile. All
    that began after a line of which parts are missing is held until it is whole, so that one place
    in the file says what was handed out; lines come in the order in which they began. What is held
    never exceeds twice ``limit`` characters: a longer line is cut, and where lines of the other
    stream are too many to wait, the one that has no end yet ends there.

    Lines that are not of the form are handed out as they are. expected: whether the file's name
    says that it is a container's; with ``auto`` it is else one by its first lines or never.
    """

    def __init__(self, wrapping: Wrapping, limit: int, *, expected: bool = False) -> None:
        self._wrapping = wrapping
        self._limit = limit
        self._expected = expected
        self._form = _FORMS.get(wrapping)
        self._looked_at = 0
        self._unfinished: dict[str, _Line] = {}
        self._held: list[_Line] = []
        self._size = 0
        self.knot = (0, 0)

    @property
    def pending_from(self) -> int | None:
        """Where in the file the first line that is held begins, None when none is."""
        return self._held[0].start if self._held else None

    def add(self, lines: Lines) -> Lines:
        """Take lines of the file in, give back the lines of the container that are whole by that.

        ``knot`` is then the span of the last ones that lie one within another: no place inside it
        says what was handed out.
        """
        if self._is_plain():
            return lines
        done = Lines(cut=lines.cut, bad=lines.bad)
        for text, start, end in zip(lines.texts, lines.starts, lines.ends, strict=True):
            part = self._part(text)
            if part is None:
                part = Part("", text, True)
            if part.last and not self._held:
                done.add(part.content, start, end)
            else:
                self._hold(part, start, end)
                if not self._unfinished or self._is_full():
                    self._release(done)
        return done

    def flush(self) -> Lines:
        """Give back what is held, lines of which parts are missing, too."""
        done = Lines()
        self._release(done)
        return done

    def forget(self) -> None:
        """Drop what is held; it will be read again, maybe of another file."""
        self._unfinished.clear()
        self._held.clear()
        self._size = 0
        self._form = _FORMS.get(self._wrapping)
        self._looked_at = 0

    def _is_plain(self) -> bool:
        """Whether it is known that nothing will ever be taken off: most files are so."""
        return self._form is None and self._looked_at >= _LINES_LOOKED_AT and not self._held

    def _part(self, text: str) -> Part | None:
        if self._form is not None:
            return self._form(text)
        if self._looked_at >= _LINES_LOOKED_AT:
            return None
        if text and not self._expected:
            self._looked_at += 1
        for form in _FORMS.values():
            if (part := form(text)) is not None:
                self._form = form
                return part
        return None

    def _hold(self, part: Part, start: int, end: int) -> None:
        line = self._unfinished.pop(part.stream, None)
        if line is None:
            line = _Line(start, end)
            self._held.append(line)
        line.end = end
        kept = part.content[: max(0, self._limit - line.size)]
        line.cut |= len(kept) < len(part.content)
        if kept:
            line.parts.append(kept)
        line.size += len(kept)
        self._size += len(kept)
        if not part.last:
            self._unfinished[part.stream] = line

    def _is_full(self) -> bool:
        return len(self._held) > _MOST_HELD_LINES or self._size > 2 * self._limit

    def _release(self, done: Lines) -> None:
        for line in self._held:
            done.add("".join(line.parts), line.start, line.end)
            done.cut += line.cut
        if len(self._held) > 1:
            self.knot = (self._held[0].start, max(line.end for line in self._held))
        self._unfinished.clear()
        self._held.clear()
        self._size = 0


def unwrapper(wrapping: Wrapping, limit: int, path: str = "") -> Unwrapper | None:
    """For the file at ``path``; None where nothing is around its lines."""
    if wrapping is Wrapping.none:
        return None
    return Unwrapper(wrapping, limit, expected=path.startswith(_CONTAINER_FOLDERS))


def unwrapped(lines: Iterator[str], wrapping: Wrapping, path: str) -> Iterator[str]:
    """Lines of a whole file, which nobody will have to find again."""
    taking_off = unwrapper(wrapping, _WHOLE_LINE_CHARACTERS, path)
    if taking_off is None:
        yield from lines
        return
    while some := list(islice(lines, _LINES_AT_ONCE)):
        places = list(range(len(some)))
        yield from taking_off.add(Lines(some, places, places)).texts
    yield from taking_off.flush().texts


def wrapping_for(wanted: Wrapping, line_format: LineFormat) -> Wrapping:
    """A bundle of JSON lines reads those of Docker as they are, with their time."""
    if wanted is Wrapping.auto and line_format.kind == "json":
        return Wrapping.cri
    return wanted
