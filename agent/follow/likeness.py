"""Whether a file holds the bytes of another one."""

import os

from agent.follow.fingerprint import HEAD_BYTES, TAIL_BYTES
from agent.follow.position import Position
from agent.follow.tail import Identity, Tail


def holds(path: str, position: Position, identity: Identity | None = None) -> bool:
    """Whether the file at ``path`` has the bytes that ``position`` was made of.

    Head and tail must both be there: two files that begin alike are two files. identity: the file
    that is meant, should the name have become another's.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        status = os.fstat(fd)
        if identity is not None and identity != (status.st_dev, status.st_ino):
            return False
        if position.head.length == 0:
            # A file that was never opened because it was idle: its length is all we know.
            return 0 < position.offset == status.st_size
        length = position.tail.length
        if length < min(position.offset, TAIL_BYTES):
            return False
        return position.head.matches(
            os.pread(fd, position.head.length, 0)
        ) and position.tail.matches(os.pread(fd, length, position.offset - length))
    except OSError:
        return False
    finally:
        os.close(fd)


def is_copy(path: str, original: Tail) -> bool:
    """Whether the file at ``path`` is a copy of one that is followed, complete or in the making."""
    proof = original.proof()
    if proof.offset > 0 and holds(path, proof):
        return True  # also when the original has been truncated since
    try:
        ours = os.open(original.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        copy = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        os.close(ours)
        return False
    try:
        # The copy may not be finished and the original may have grown since. An original that is
        # shorter has been truncated: then its bytes prove nothing.
        length = os.fstat(copy).st_size
        if not 0 < length <= os.fstat(ours).st_size:
            return False
        last = max(0, length - TAIL_BYTES)
        return os.pread(ours, min(HEAD_BYTES, length), 0) == os.pread(
            copy, min(HEAD_BYTES, length), 0
        ) and os.pread(ours, length - last, last) == os.pread(copy, length - last, last)
    except OSError:
        return False
    finally:
        os.close(ours)
        os.close(copy)
