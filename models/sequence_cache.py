"""What is known of sequences of events, by the sequence: bounded, the longest unused goes first."""

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value")
_ID_BYTES = 4


def key_of(events: Sequence[int] | NDArray[np.integer]) -> bytes:
    """The sequence as bytes of int32: ids are below 2**31."""
    if isinstance(events, np.ndarray):
        return events.astype(np.int32).tobytes()
    return array("i", events).tobytes()


def events_of(keys: Sequence[bytes]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Events of sequences end to end, and how many each has; the inverse of ``key_of``."""
    lengths = np.array([len(key) // _ID_BYTES for key in keys], dtype=np.int64)
    return np.frombuffer(b"".join(keys), dtype=np.int32).astype(np.int64), lengths


class SequenceCache(Generic[Value]):
    """Values by ``key_of`` their sequence.

    most: entries; most_events: events of all sequences together. Full of the scores of sessions of
    20 events it takes 15 MB.
    """

    def __init__(self, most: int = 20_000, most_events: int = 1_000_000) -> None:
        self._most = most
        self._most_bytes = most_events * _ID_BYTES
        self._values: OrderedDict[bytes, Value] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._values)

    @property
    def events(self) -> int:
        """Events of all sequences that are held."""
        return self._bytes // _ID_BYTES

    def get(self, key: bytes) -> Value | None:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: bytes, value: Value) -> None:
        if key in self._values:
            self._bytes -= len(key)
        self._values[key] = value
        self._values.move_to_end(key)
        self._bytes += len(key)
        while len(self._values) > self._most or self._bytes > self._most_bytes:
            oldest, _ = self._values.popitem(last=False)
            self._bytes -= len(oldest)

    def clear(self) -> None:
        self._values.clear()
        self._bytes = 0
