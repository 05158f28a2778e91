"""What must be kept to go on after a restart."""

import json
import math
from dataclasses import dataclass
from typing import Any

from agent.follow.fingerprint import HEAD_BYTES, TAIL_BYTES, Fingerprint
from models.errors import UserError

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Position:
    """How far one file has been handed out, and how to know that file again.

    path: the name it had last; source: the stream its lines belong to.
    device, inode: who it is while its file system lives.
    head: its first bytes, up to 1 KiB, as many as it had.
    offset: the first byte that was not handed out; tail: the bytes before that, up to 1 KiB.
    seen_at: wall clock, seconds, to within an hour, when the file was last there.
    modified: nanoseconds, the file's modification time when it had been read to its end; None where
        that is not known.
    copy: it is the copy of another file of the stream, made by a rotation that copies and
        truncates; nothing of it is handed out while the other one still holds the same bytes.
    """

    path: str
    source: str
    device: int
    inode: int
    offset: int
    head: Fingerprint
    tail: Fingerprint
    seen_at: float
    copy: bool = False
    modified: int | None = None

    def to_json(self) -> str:
        """One line of JSON that ``from_json`` understands."""
        return json.dumps(
            {
                "version": _VERSION,
                "path": self.path,
                "source": self.source,
                "device": self.device,
                "inode": self.inode,
                "offset": self.offset,
                "head": [self.head.length, self.head.digest],
                "tail": [self.tail.length, self.tail.digest],
                "seen_at": self.seen_at,
                "copy": self.copy,
                "modified": self.modified,
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> "Position":
        """Read what ``to_json`` wrote. Raises UserError when it is anything else."""
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _nonsense("it is not JSON") from error
        if not isinstance(fields, dict):
            raise _nonsense("it is not an object")
        if fields.get("version") != _VERSION:
            raise _nonsense(f"its version is {fields.get('version')!r}, expected {_VERSION}")
        offset = _integer(fields, "offset")
        tail = _fingerprint(fields, "tail", TAIL_BYTES)
        if tail.length > offset:
            raise _nonsense("'tail' is longer than 'offset'")
        return cls(
            path=_text(fields, "path"),
            source=_text(fields, "source"),
            device=_integer(fields, "device"),
            inode=_integer(fields, "inode"),
            offset=offset,
            head=_fingerprint(fields, "head", HEAD_BYTES),
            tail=tail,
            seen_at=_seconds(fields, "seen_at"),
            copy=fields.get("copy") is True,
            modified=None if fields.get("modified") is None else _integer(fields, "modified"),
        )


def _nonsense(what: str) -> UserError:
    return UserError(
        f"a saved position of a followed file cannot be read: {what}; "
        "remove the saved state to start afresh"
    )


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value or "\0" in value:
        raise _nonsense(f"'{name}' must be a path")
    return value


def _integer(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**64:
        raise _nonsense(f"'{name}' must be a whole number from 0")
    return value


def _seconds(fields: dict[str, Any], name: str) -> float:
    value = fields.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise _nonsense(f"'{name}' must be a number of seconds")
    return float(value)


def _fingerprint(fields: dict[str, Any], name: str, longest: int) -> Fingerprint:
    value = fields.get(name)
    if (
        not isinstance(value, list)
        or len(value) != 2
        or not isinstance(value[0], int)
        or isinstance(value[0], bool)
        or not 0 <= value[0] <= longest
        or not isinstance(value[1], str)
    ):
        raise _nonsense(f"'{name}' must be a length up to {longest} and a digest")
    return Fingerprint(value[0], value[1])
