"""Knowing a piece of a file again without keeping it."""

import hashlib
from dataclasses import dataclass

# How much of a file's beginning, and of the bytes before an offset, tells it from others. The first
# KiB alone does not: files that open with the same banner are common.
HEAD_BYTES = 1024
TAIL_BYTES = 1024


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Length in bytes and digest (BLAKE2b, 128 bits, hex) of a piece of a file.

    A length of 0 says that nothing is known: it matches everything.
    """

    length: int
    digest: str

    @classmethod
    def of(cls, data: bytes) -> "Fingerprint":
        return cls(len(data), _digest(data))

    def matches(self, data: bytes) -> bool:
        """Whether ``data`` begins with the bytes this was made of."""
        return len(data) >= self.length and (
            self.length == 0 or _digest(data[: self.length]) == self.digest
        )


UNKNOWN = Fingerprint(0, _digest(b""))
