"""The alerts that one sink has not got yet."""

import heapq
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What may wait for one sink: alerts, bytes of their JSON, seconds since they were raised.

    in_memory: bytes of JSON that are held in memory; of the rest only the ids are.
    """

    alerts: int = 100_000
    bytes: int = 256 * 2**20
    seconds: float = 7 * 86400.0
    in_memory: int = 4 * 2**20


@dataclass(slots=True, eq=False)
class Parcel:
    """One alert for one sink. body: None where it must be looked up. size: of the body. attempts:
    that failed. due: wall clock of the next one."""

    id: str
    size: int
    raised: float
    body: str | None = None
    attempts: int = 0
    due: float = 0.0


class Waiting:
    """First attempts in the order in which alerts came; each that failed, when its time has come.

    One parcel may be out of here, on its way: ``take`` gives it, and ``failed`` brings it back or
    ``done`` forgets it. Until then it counts, but is not dropped.
    """

    def __init__(self, limits: Limits, longest_pause: float) -> None:
        """longest_pause: a due time further away is the work of a clock that was set back."""
        self._limits = limits
        self._longest_pause = longest_pause
        # Ordered by age, and cheap to take from in front, which a dict is not.
        self._here: OrderedDict[str, Parcel] = OrderedDict()
        self._fresh: deque[Parcel] = deque()
        self._retries: list[tuple[float, int, Parcel]] = []
        self._out: Parcel | None = None
        self._number = 0
        self._in_memory = 0
        self.bytes = 0
        # How many of them have failed before.
        self.retries = 0

    def __len__(self) -> int:
        return len(self._here) + (self._out is not None)

    def add(self, parcel: Parcel, *, keep_body: bool = False) -> None:
        """An alert that waits already is not put twice. keep_body: there is no other copy."""
        if parcel.id in self._here:
            # It was raised again after a crash, before it could be sent.
            return
        if not keep_body and self._in_memory + parcel.size > self._limits.in_memory:
            parcel.body = None
        self._insert(parcel)
        self.bytes += parcel.size

    def shed(self, now: float) -> Iterator[tuple[Parcel, bool]]:
        """Take out what is too much, oldest first, and whether it was for its age."""
        limits = self._limits
        while self._here:
            oldest = next(iter(self._here.values()))
            old = oldest.raised < now - limits.seconds
            if not old and len(self) <= limits.alerts and self.bytes <= limits.bytes:
                return
            self._remove(oldest)
            self.bytes -= oldest.size
            yield oldest, old

    def take(self, now: float) -> Parcel | None:
        """The next that is due, now on its way; None where none is."""
        assert self._out is None
        self._forget_gone()
        parcel = None
        if self._retries and self._is_due(self._retries[0][0], now):
            parcel = self._retries[0][2]
        elif self._fresh:
            parcel = self._fresh[0]
        if parcel is not None:
            self._remove(parcel)
            self._out = parcel
        return parcel

    def seconds_until_due(self, now: float) -> float | None:
        """0 where there is one now, None where there is none at all."""
        self._forget_gone()
        if self._fresh:
            return 0.0
        if not self._retries:
            return None
        due = self._retries[0][0]
        return 0.0 if self._is_due(due, now) else due - now

    def failed(self, parcel: Parcel, due: float) -> None:
        """It is back, with an attempt more, to be tried again when it is due."""
        assert parcel is self._out
        self._out = None
        parcel.attempts += 1
        parcel.due = due
        self._insert(parcel)
        # It is older than most that wait here: what is shed first stands in front.
        self._here.move_to_end(parcel.id, last=False)

    def done(self, parcel: Parcel) -> None:
        """It was on its way and is no concern of anybody now."""
        assert parcel is self._out
        self._out = None
        self.bytes -= parcel.size

    def put_back(self, parcel: Parcel) -> None:
        """It is back as if it had not been taken."""
        assert parcel is self._out
        self._out = None
        self._insert(parcel, in_front=True)
        self._here.move_to_end(parcel.id, last=False)

    def clear(self) -> list[Parcel]:
        """Take out all that is not on its way."""
        found = list(self._here.values())
        for parcel in found:
            self._remove(parcel)
            self.bytes -= parcel.size
        return found

    def _insert(self, parcel: Parcel, *, in_front: bool = False) -> None:
        self._here[parcel.id] = parcel
        if parcel.body is not None:
            self._in_memory += parcel.size
        if parcel.attempts:
            self.retries += 1
            self._number += 1
            heapq.heappush(self._retries, (parcel.due, self._number, parcel))
        elif in_front:
            self._fresh.appendleft(parcel)
        else:
            self._fresh.append(parcel)

    def _remove(self, parcel: Parcel) -> None:
        del self._here[parcel.id]
        self.retries -= parcel.attempts > 0
        if parcel.body is not None:
            self._in_memory -= parcel.size

    def _is_due(self, due: float, now: float) -> bool:
        return due <= now or due > now + self._longest_pause

    def _is_here(self, parcel: Parcel) -> bool:
        return self._here.get(parcel.id) is parcel

    def _forget_gone(self) -> None:
        # What was shed or taken is left in its line until it comes to the front.
        while self._fresh and not (self._is_here(self._fresh[0]) and not self._fresh[0].attempts):
            self._fresh.popleft()
        while self._retries and not (
            self._is_here(self._retries[0][2]) and self._retries[0][2].due == self._retries[0][0]
        ):
            heapq.heappop(self._retries)
