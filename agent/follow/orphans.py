"""Positions of files that are not there now."""

from collections.abc import Iterable, Iterator

from agent.clock import Clock
from agent.follow.position import Position
from agent.follow.sightings import Sighting, may_be_at
from agent.follow.tail import Identity

# A file system may be mounted late, or be away for days.
_KEPT_SECONDS = 7 * 86400.0
_MOST = 4096
_SEARCH_SECONDS = 30.0


class Orphans:
    """Saved positions that wait for their files, and those of files that went away."""

    def __init__(self, positions: Iterable[Position], clock: Clock) -> None:
        self._clock = clock
        self._positions: dict[Identity, Position] = {}
        for position in positions:
            self.add(position)
        self._by_inode = {position.inode: position for position in self}
        self._search_at = clock.monotonic()

    def __iter__(self) -> Iterator[Position]:
        return iter(list(self._positions.values()))

    def __len__(self) -> int:
        return len(self._positions)

    def add(self, position: Position) -> None:
        # Of an empty file nothing is known: any file with its inode would be taken for it.
        if position.offset == 0 and position.head.length == 0:
            return
        self._positions[(position.device, position.inode)] = position

    def discard(self, identity: Identity) -> None:
        self._positions.pop(identity, None)

    def take(self, identity: Identity, seen: Sighting) -> Position | None:
        """Take out the position that may be this file's, by its inode and its names."""
        position = self._positions.get(identity)
        if position is None:
            # The numbers of devices may be others after a reboot.
            moved = self._by_inode.get(identity[1])
            if moved is not None and moved.path in seen.paths:
                position = self._positions.get((moved.device, moved.inode))
        if position is None or not may_be_at(seen.path, position):
            return None
        self.discard((position.device, position.inode))
        return position

    def end_of_first_look(self) -> None:
        """From now on the numbers of devices stay as they are."""
        self._by_inode.clear()

    def search_is_due(self) -> bool:
        """Whether to look for them outside the selection, which costs more; says so once."""
        now = self._clock.monotonic()
        due = now >= self._search_at
        if due:
            self._search_at = now + _SEARCH_SECONDS
        return due

    def expire(self) -> None:
        """Drop what was not seen for a week, and the oldest where there are too many."""
        wall = self._clock.wall()
        kept = sorted(
            (position for position in self if wall - position.seen_at < _KEPT_SECONDS),
            key=lambda position: position.seen_at,
        )[-_MOST:]
        self._positions = {(position.device, position.inode): position for position in kept}
