"""Who is who: which file on disk is which one we know, whatever its name is today."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from agent.clock import Clock
from agent.follow.events import Event, Kind, Recorder
from agent.follow.handles import HandlePool
from agent.follow.likeness import holds, is_copy
from agent.follow.position import Position
from agent.follow.rotation import Siblings, generation, is_rotation_of, live_name
from agent.follow.selection import Selection
from agent.follow.tail import Identity, Opened, Reading, Tail

# Such a file is not opened at the start: nothing will be written to most of them ever again.
_IDLE_SECONDS = 86400.0
# A file without a name of ours is closed when nothing was written to it for so long. Until then
# its writer may not have noticed the rotation; but a deleted file holds its space on the disk.
_ASTRAY_SECONDS = 3600.0
_DELETED_SECONDS = 60.0
# Positions of files that are not there now: a file system may not be mounted yet.
_ORPHAN_SECONDS = 7 * 86400.0
_MOST_ORPHANS = 4096
_ORPHAN_SEARCH_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Found:
    """A file of the selection as it is on disk now, under every name that leads to it."""

    paths: list[str]
    status: os.stat_result

    @property
    def path(self) -> str:
        return self.paths[0]


class Roster:
    """All files that are followed, and the saved positions whose files were not found yet.

    A stream is the files that had one name one after the other, oldest first.
    """

    def __init__(
        self,
        selection: Selection,
        *,
        pool: HandlePool,
        reading: Reading,
        start: Literal["end", "beginning"],
        first_run: bool,
        positions: Iterable[Position],
        clock: Clock,
        recorder: Recorder,
    ) -> None:
        self.streams: dict[str, list[Tail]] = {}
        self._selection = selection
        self._pool = pool
        self._reading = reading
        self._skip_existing = first_run and start == "end"
        self._clock = clock
        self._recorder = recorder
        self._tails: dict[Identity, Tail] = {}
        self._orphans: dict[Identity, Position] = {
            (position.device, position.inode): position for position in positions
        }
        self._by_inode = {position.inode: position for position in self._orphans.values()}
        self._first = True
        self._search_at = clock.monotonic()

    def tails(self) -> Iterator[Tail]:
        for stream in self.streams.values():
            yield from stream

    def folders(self) -> list[str]:
        """Folders in which names may come and go."""
        own = self._selection.folders()
        return own + sorted({tail.path.rpartition("/")[0] for tail in self.tails()} - set(own))

    def positions(self) -> list[Position]:
        known = [tail.position() for tail in self._tails.values() if not tail.binary]
        return known + list(self._orphans.values())

    def forget(self, tail: Tail) -> None:
        """Let go of a file: it has ended, and what was held of it was handed out."""
        self._pool.close(tail)
        stream = self.streams.get(tail.source, [])
        if tail in stream:
            stream.remove(tail)
        if not stream:
            self.streams.pop(tail.source, None)
        if self._tails.get(tail.identity) is tail:
            del self._tails[tail.identity]

    def refresh(self) -> None:
        """Look at the disk. Opens what must be looked into, reads no line."""
        siblings = Siblings()
        found = self._look()
        for identity, tail in list(self._tails.items()):
            seen = found.get(identity)
            if seen is None:
                self._not_listed(tail, siblings)
            elif self._still_there(tail, seen):
                del found[identity]
        # Older first, and what was rotated away before what is written now.
        newcomers = dict(
            sorted(
                found.items(),
                key=lambda item: (
                    item[1].status.st_mtime_ns,
                    _live_path(item[1].path) is None,
                    -generation(item[1].path.rpartition("/")[2]),
                ),
            )
        )
        self._resume(newcomers, siblings)
        standing = {tail.path: tail for tail in self._tails.values() if tail.listed}
        for seen in newcomers.values():
            self._begin(seen, standing)
        self._first = False
        self._by_inode.clear()

    def find_copy(self, lost: Position, before: Tail | None = None) -> bool:
        """Find the file into which the bytes of a position were copied before they were cut off,
        and go on there. ``before``: the file that starts over now, which comes after it.
        """
        return self._find_copy(lost, Siblings(), before)

    # What the disk says.

    def _look(self) -> dict[Identity, _Found]:
        found: dict[Identity, _Found] = {}
        for path in self._selection.listing():
            try:
                status = Path(path).stat()
            except OSError:
                continue  # gone since it was listed, or behind a folder that is closed to us
            if not stat.S_ISREG(status.st_mode):
                continue
            identity = (status.st_dev, status.st_ino)
            if identity in found:
                found[identity].paths.append(path)
            else:
                found[identity] = _Found([path], status)
        return found

    def _still_there(self, tail: Tail, seen: _Found) -> bool:
        """Take note of a known file. False when its inode belongs to another file by now."""
        if tail.path not in seen.paths:
            old, tail.path = tail.path, seen.path
            if not tail.is_open and not self._related(tail, old):
                opened = self._pool.open(tail) if tail.is_proven else Opened.CHANGED
                if opened is not Opened.READY or not tail.is_intact():
                    tail.path = old
                    self._retire(tail, Siblings())
                    return False
            self._recorder.record(Event(Kind.ROTATED, tail.path, f"was {old}"))
        tail.listed = True
        tail.notice(seen.status)
        tail.dirty |= tail.refused
        return True

    def _related(self, tail: Tail, old: str) -> bool:
        return tail.path == tail.source or any(
            is_rotation_of(tail.path, live) for live in (tail.source, old)
        )

    def _not_listed(self, tail: Tail, siblings: Siblings) -> None:
        if tail.listed:
            tail.listed = False
            self._recorder.record(Event(Kind.ROTATED, tail.path, "its name is gone or another's"))
        tail.look()
        if tail.is_open and tail.links == 0:
            self._wait_for_the_end(tail, _DELETED_SECONDS)
            return
        name = self._name_of(tail.path, tail.source, tail.identity, siblings)
        if name is not None:
            tail.path, status = name
            tail.notice(status)
            tail.dirty |= tail.refused
            return
        if tail.is_open:
            self._wait_for_the_end(tail, _ASTRAY_SECONDS)
        else:
            self._retire(tail, siblings)

    def _wait_for_the_end(self, tail: Tail, seconds: float) -> None:
        quiet = self._clock.monotonic() - tail.grown_at
        if tail.unread or quiet < seconds:
            return
        if tail.links == 0:
            self._recorder.record(Event(Kind.DELETED, tail.path))
        else:
            position = tail.position()
            self._orphans[tail.identity] = position
        tail.ended = True
        del self._tails[tail.identity]

    def _retire(self, tail: Tail, siblings: Siblings) -> None:
        """A closed file that is nowhere to be found."""
        position = tail.position()
        unread = tail.unread
        tail.ended = True
        self._tails.pop(tail.identity, None)
        if tail.binary or tail.parked:
            return
        if not self._find_copy(position, siblings, tail):
            self._orphans[tail.identity] = position
            if unread:
                self._recorder.record(Event(Kind.LOST, tail.path, f"{unread} bytes were unread"))

    @staticmethod
    def _name_of(
        path: str, source: str, identity: Identity, siblings: Siblings
    ) -> tuple[str, os.stat_result] | None:
        """What leads to a file now: its last name, or one beside that or beside its source."""
        names = [path]
        for neighbour in dict.fromkeys((path, source, os.path.realpath(source))):
            names += siblings.with_inode(neighbour, identity[1])
        for name in dict.fromkeys(names):
            try:
                status = Path(name).stat()
            except OSError:
                continue
            if (status.st_dev, status.st_ino) == identity:
                return name, status
        return None

    # Saved positions.

    def _resume(self, newcomers: dict[Identity, _Found], siblings: Siblings) -> None:
        """Join saved positions with files: by inode where the bytes agree, else by the bytes."""
        if not self._orphans:
            return
        displaced: list[Position] = []
        for identity, seen in list(newcomers.items()):
            position = self._saved_of(identity, seen)
            if position is None:
                continue
            del self._orphans[(position.device, position.inode)]
            path = position.path if position.path in seen.paths else seen.path
            if self._go_on(path, seen.status, position) is not None:
                del newcomers[identity]
            else:
                self._recorder.record(Event(Kind.TRUNCATED, path, "since it was last read"))
                displaced.append(position)
        now = self._clock.monotonic()
        search = self._first or now >= self._search_at
        if search:
            self._search_at = now + _ORPHAN_SEARCH_SECONDS
            self._search_outside(siblings)
        lives = {_live_path(seen.path) for seen in newcomers.values()}
        for position in [*displaced, *self._orphans.values()]:
            if (search or position in displaced or position.source in lives) and self._find_copy(
                position, siblings, None, newcomers
            ):
                self._orphans.pop((position.device, position.inode), None)
        if search:
            self._expire()

    def _saved_of(self, identity: Identity, seen: _Found) -> Position | None:
        position = self._orphans.get(identity)
        if position is None and self._first:
            # The numbers of devices may be others after a reboot.
            moved = self._by_inode.get(identity[1])
            if moved is not None and moved.path in seen.paths:
                position = self._orphans.get((moved.device, moved.inode))
        return position

    def _go_on(self, path: str, status: os.stat_result, position: Position) -> Tail | None:
        """Follow a file from a saved position; None when it turns out to be another file."""
        tail = self._tail(path, position.source, status)
        tail.begin_at(position)
        tail.parked = position.copy
        tail.announced = True
        if not self._is_the_one(tail):
            self._pool.close(tail)
            return None
        self._add(tail)
        self._recorder.record(Event(Kind.RESUMED, path, f"at byte {position.offset}"))
        return tail

    def _is_the_one(self, tail: Tail) -> bool:
        if tail.parked:
            tail.dirty = False
            return tail.size >= tail.offset
        if tail.size == tail.offset and self._is_idle(tail.modified / 1e9):
            tail.dirty = False
            return True
        opened = self._pool.open(tail)
        if opened is Opened.READY:
            tail.dirty = tail.unread > 0
        return opened in (Opened.READY, None)

    def _search_outside(self, siblings: Siblings) -> None:
        """Files that are no longer among the selected ones, such as the rotation of a file that
        was named outright, still have to be finished.
        """
        for identity, position in list(self._orphans.items()):
            if identity in self._tails:
                continue
            name = self._name_of(position.path, position.source, identity, siblings)
            if name is not None:
                tail = self._go_on(name[0], name[1], position)
                if tail is not None:
                    tail.listed = False
                    del self._orphans[identity]

    def _find_copy(
        self,
        lost: Position,
        siblings: Siblings,
        before: Tail | None,
        newcomers: dict[Identity, _Found] | None = None,
    ) -> bool:
        if lost.copy:
            return False
        candidates = [tail.path for tail in self.streams.get(lost.source, ()) if tail.parked]
        for live in dict.fromkeys((lost.source, os.path.realpath(lost.source))):
            candidates += siblings.rotations_of(live)
        for path in dict.fromkeys(candidates):
            try:
                status = Path(path).stat()
            except OSError:
                continue
            identity = (status.st_dev, status.st_ino)
            known = self._tails.get(identity)
            if known is not None and not known.parked:
                continue
            if identity == (lost.device, lost.inode) or not holds(path, lost):
                continue
            tail = self._tail(path, lost.source, status)
            tail.listed = False
            if known is not None:
                tail.listed = known.listed
                self.forget(known)
            if newcomers is not None and newcomers.pop(identity, None) is not None:
                tail.listed = True
            tail.announced = True
            tail.begin_at(replace(lost, path=path, device=identity[0], inode=identity[1]))
            self._add(tail, before)
            self._recorder.record(
                Event(Kind.COPY, path, f"of {lost.path}, read on at byte {lost.offset}")
            )
            return True
        return False

    def _expire(self) -> None:
        wall = self._clock.wall()
        kept = sorted(
            (
                position
                for position in self._orphans.values()
                if wall - position.seen_at < _ORPHAN_SECONDS
            ),
            key=lambda position: position.seen_at,
        )[-_MOST_ORPHANS:]
        self._orphans = {(position.device, position.inode): position for position in kept}

    # New files.

    def _begin(self, seen: _Found, standing: dict[str, Tail]) -> None:
        """A file that nothing is known of: a copy of one that we follow, or really a new one."""
        live = _live_path(seen.path)
        source = seen.path
        if live is not None:
            original = standing.get(live)
            if original is not None:
                if seen.status.st_size == 0:
                    return  # perhaps a copy that is about to be made; there is nothing to lose yet
                if is_copy(seen.path, original):
                    tail = self._tail(seen.path, original.source, seen.status)
                    tail.parked = True
                    tail.begin_at_end(seen.status.st_size)
                    self._add(tail, original)
                    self._recorder.record(Event(Kind.COPY, seen.path, f"of {original.path}"))
                    return
            if live in self.streams or os.path.lexists(live):
                source = live
        tail = self._tail(seen.path, source, seen.status)
        older_than = standing.get(source)
        if self._first and self._skip_existing:
            tail.begin_at_end(seen.status.st_size)
            if self._is_idle(seen.status.st_mtime):
                tail.dirty = False
            else:
                opened = self._pool.open(tail)
                if opened is Opened.READY:
                    tail.dirty = tail.unread > 0
                elif opened is Opened.BINARY:
                    self.skip_binary(tail)
        self._add(tail, older_than)

    def skip_binary(self, tail: Tail) -> None:
        tail.binary = True
        tail.dirty = False
        self._recorder.record(
            Event(Kind.SKIPPED, tail.path, "no text: it has zero bytes in its first KiB")
        )

    def _is_idle(self, modified: float) -> bool:
        return self._clock.wall() - modified > _IDLE_SECONDS

    def _tail(self, path: str, source: str, status: os.stat_result) -> Tail:
        tail = Tail(
            path,
            source,
            (status.st_dev, status.st_ino),
            reading=self._reading,
            clock=self._clock,
            recorder=self._recorder,
        )
        tail.notice(status)
        return tail

    def _add(self, tail: Tail, before: Tail | None = None) -> None:
        self._tails[tail.identity] = tail
        stream = self.streams.setdefault(tail.source, [])
        stream.insert(stream.index(before) if before in stream else len(stream), tail)


def _live_path(path: str) -> str | None:
    folder, _, name = path.rpartition("/")
    live = live_name(name)
    return None if live is None else f"{folder}/{live}"
