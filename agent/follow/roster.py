"""Who is who: which file on disk is which one we know, whatever its name is today."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal

from agent.clock import Clock
from agent.follow.events import Event, Kind, Recorder
from agent.follow.handles import HandlePool
from agent.follow.likeness import holds, is_copy
from agent.follow.orphans import Orphans
from agent.follow.position import Position
from agent.follow.rotation import Siblings, age, live_path
from agent.follow.selection import Selection
from agent.follow.sightings import Sighting, may_be_at, sightings, whereabouts
from agent.follow.tail import Identity, Opened, Reading, Tail

# Such a file is not opened at the start: nothing will be written to most of them ever again.
_IDLE_SECONDS = 86400.0
# A file without a name of ours is closed when nothing was written to it for so long. Until then
# its writer may not have noticed the rotation; but a deleted file holds its space on the disk.
_ASTRAY_SECONDS = 3600.0
_DELETED_SECONDS = 60.0


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
        self._orphans = Orphans(positions, clock)
        self._first = True
        # Whether a name led elsewhere between listing it and opening it: another look is due.
        self.unsettled = False

    def tails(self) -> Iterator[Tail]:
        for stream in self.streams.values():
            yield from stream

    def folders(self) -> list[str]:
        """Folders in which names may come and go."""
        own = self._selection.folders()
        return own + sorted({tail.path.rpartition("/")[0] for tail in self.tails()} - set(own))

    def positions(self) -> list[Position]:
        # Of an empty file there is nothing to say: should its inode be another file's by then, that
        # one has to be taken for what it is.
        known = [
            tail.position()
            for tail in self._tails.values()
            if not tail.binary and not tail.is_blank
        ]
        return known + list(self._orphans)

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
        self.unsettled = False
        try:
            found = sightings(self._selection)
        except OSError as error:
            self._pool.shrink(error)
            return
        for identity, tail in list(self._tails.items()):
            seen = found.get(identity)
            if seen is None:
                self._not_listed(tail, siblings)
            elif self._still_there(tail, seen):
                del found[identity]
        newcomers = dict(
            sorted(
                found.items(),
                key=lambda item: (age(item[1].path), item[1].status.st_mtime_ns),
            )
        )
        self._resume(newcomers, siblings)
        standing = {tail.path: tail for tail in self._tails.values() if tail.listed}
        for seen in newcomers.values():
            self._begin(seen, standing)
        self._first = False
        self._orphans.end_of_first_look()

    def find_copy(self, lost: Position) -> bool:
        """Find the file into which the bytes of a position were copied before they were cut off,
        and go on there.
        """
        return self._find_copy(lost, Siblings())

    # What the disk says.

    def _still_there(self, tail: Tail, seen: Sighting) -> bool:
        """Take note of a known file. False when its inode belongs to another file by now."""
        if (
            tail.size == 0
            and not tail.is_open
            and tail.is_blank
            and (
                tail.path not in seen.paths
                or (seen.status.st_size > 0 and live_path(tail.path) is not None)
            )
        ):
            # It was empty, so nothing tells it from a new file that was given its inode.
            self.forget(tail)
            return False
        if not tail.listed and not tail.is_open:
            # It was gone. It may be back, or its inode is another file's: as after a restart.
            self.forget(tail)
            if not tail.is_blank and not tail.binary:
                self._orphans.add(tail.position())
            return False
        if tail.path not in seen.paths:
            if not tail.is_open and not may_be_at(seen.path, tail.position()):
                self._retire(tail)
                return False
            self._recorder.record(Event(Kind.ROTATED, seen.path, f"was {tail.path}"))
            tail.path = seen.path
        tail.listed = True
        tail.notice(seen.status)
        tail.dirty |= tail.refused
        if tail.parked and tail.dirty and self._check_copy(tail) is Opened.CHANGED:
            self._retire(tail)
            return False
        return True

    def _check_copy(self, tail: Tail) -> Opened:
        """Its inode may have been given to a file that nobody would read then."""
        opened = self._pool.open(tail)
        if opened is Opened.ELSEWHERE:
            self.unsettled = True
            return Opened.ELSEWHERE
        same = opened is None or (opened is Opened.READY and tail.is_intact())
        self._pool.close(tail)
        tail.dirty = False
        return Opened.READY if same else Opened.CHANGED

    def _not_listed(self, tail: Tail, siblings: Siblings) -> None:
        if tail.listed:
            tail.listed = False
            self._recorder.record(Event(Kind.ROTATED, tail.path, "its name is gone or another's"))
        tail.look()
        if tail.is_open and tail.links == 0:
            self._wait_for_the_end(tail, _DELETED_SECONDS)
            return
        name = whereabouts(tail.position(), siblings, sure=tail.is_open)
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
            self._orphans.add(tail.position())
        tail.ended = True
        del self._tails[tail.identity]

    def _retire(self, tail: Tail, siblings: Siblings | None = None) -> None:
        """What we knew is nowhere to be found, or another file has its inode or its name."""
        position = tail.position()
        unread = tail.unread
        tail.ended = True
        self._pool.close(tail)
        self._tails.pop(tail.identity, None)
        if tail.binary or tail.parked:
            return
        if self._find_copy(position, siblings or Siblings()):
            tail.drop_leftovers()
        else:
            self._orphans.add(position)
            if unread:
                self._recorder.record(Event(Kind.LOST, tail.path, f"{unread} bytes were unread"))

    # Saved positions.

    def _resume(self, newcomers: dict[Identity, Sighting], siblings: Siblings) -> None:
        """Join saved positions with files: by inode where the bytes agree, else by the bytes."""
        if not self._orphans:
            return
        displaced: list[Position] = []
        for identity, seen in list(newcomers.items()):
            position = self._orphans.take(identity, seen)
            if position is None:
                continue
            path = position.path if position.path in seen.paths else seen.path
            opened = self._go_on(path, seen.status, position)
            if opened is Opened.READY:
                del newcomers[identity]
            elif opened is Opened.ELSEWHERE:
                self._orphans.add(position)
                del newcomers[identity]
            else:
                self._recorder.record(Event(Kind.TRUNCATED, path, "since it was last read"))
                displaced.append(position)
        search = self._orphans.search_is_due()
        if search:
            self._search_outside(siblings)
        lives = {live_path(seen.path) for seen in newcomers.values()}
        for position in [*displaced, *self._orphans]:
            if (search or position in displaced or position.source in lives) and self._find_copy(
                position, siblings, newcomers
            ):
                self._orphans.discard((position.device, position.inode))
        if search:
            self._orphans.expire()

    def _go_on(
        self, path: str, status: os.stat_result, position: Position, *, listed: bool = True
    ) -> Opened:
        """Follow a file from a saved position, if it turns out to be the one it was made of."""
        tail = self._tail(path, position.source, status)
        tail.begin_at(position)
        tail.parked = position.copy
        tail.announced = True
        tail.listed = listed
        opened = self._is_the_one(tail, position)
        if opened is not Opened.READY:
            self._pool.close(tail)
            return opened
        self._add(tail)
        self._recorder.record(Event(Kind.RESUMED, path, f"at byte {position.offset}"))
        return Opened.READY

    def _is_the_one(self, tail: Tail, position: Position) -> Opened:
        """Ready also where the system refuses to open it: then the first reading will tell."""
        if tail.parked:
            return self._check_copy(tail)
        untouched = tail.size == tail.offset and tail.modified == position.modified
        if untouched and self._is_idle(tail.modified / 1e9):
            tail.dirty = False
            return Opened.READY
        opened = self._pool.open(tail)
        if opened is Opened.READY:
            tail.dirty = tail.unread > 0
        elif opened is Opened.ELSEWHERE:
            self.unsettled = True
        return opened or Opened.READY

    def _search_outside(self, siblings: Siblings) -> None:
        """Files that are no longer among the selected ones, such as the rotation of a file that
        was named outright, still have to be finished.
        """
        for position in self._orphans:
            if (position.device, position.inode) in self._tails:
                continue
            name = whereabouts(position, siblings, sure=False)
            if name is not None:
                self._go_on(name[0], name[1], position, listed=False)

    def _find_copy(
        self,
        lost: Position,
        siblings: Siblings,
        newcomers: dict[Identity, Sighting] | None = None,
    ) -> bool:
        if lost.copy:
            return False
        candidates = [tail.path for tail in self.streams.get(lost.source, ()) if tail.parked]
        for live in dict.fromkeys((lost.source, os.path.realpath(lost.source))):
            candidates += siblings.rotations_of(live)
        for path in dict.fromkeys(candidates):
            try:
                status = os.stat(path)  # noqa: PTH116 - ten times as fast as Path
            except OSError:
                continue
            identity = (status.st_dev, status.st_ino)
            known = self._tails.get(identity)
            if identity == (lost.device, lost.inode) or not holds(path, lost, identity):
                continue
            # One that we read may have been overwritten by a copy that keeps its inode.
            if known is not None and not known.parked and holds(path, known.proof(), identity):
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
            self._add(tail)
            self._recorder.record(
                Event(Kind.COPY, path, f"of {lost.path}, read on at byte {lost.offset}")
            )
            return True
        return False

    # New files.

    def _begin(self, seen: Sighting, standing: dict[str, Tail]) -> None:
        """A file that nothing is known of: a copy of one that we follow, or really a new one."""
        live = live_path(seen.path)
        source = seen.path
        if live is not None:
            if live in standing and seen.status.st_size == 0:
                return  # perhaps a copy that is about to be made; there is nothing to lose yet
            original = self._original_of(seen.path, live, standing)
            if original is not None:
                tail = self._tail(seen.path, original.source, seen.status)
                tail.parked = True
                tail.announced = True
                tail.begin_at_end(seen.status.st_size)
                if self._check_copy(tail) is not Opened.READY:
                    return  # what we compared was another file: see at the next look
                self._add(tail)
                self._recorder.record(Event(Kind.COPY, seen.path, f"of {original.path}"))
                return
            # node.1 and node.2 may be two nodes; app.log.1 is what is left of an app.log.
            if live.endswith(".log") or live in self.streams or os.path.lexists(live):
                source = live
        tail = self._tail(seen.path, source, seen.status)
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
        self._add(tail)

    def _original_of(self, path: str, live: str, standing: dict[str, Tail]) -> Tail | None:
        """The file of which the rotation ``path`` of ``live`` is a copy."""
        original = standing.get(live)
        if original is not None and is_copy(path, original):
            return original
        # It may have been truncated and then rotated in turn, all since the last look.
        for tail in self.streams.get(live, ()):
            proof = tail.proof()
            if not tail.parked and holds(path, proof) and not holds(tail.path, proof):
                return tail
        return None

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

    def _add(self, tail: Tail) -> None:
        self._tails[tail.identity] = tail
        self._orphans.discard(tail.identity)  # its inode was given away
        stream = self.streams.setdefault(tail.source, [])
        # What has left the listing is older than anything that is found there later.
        younger = (
            place
            for place, known in enumerate(stream)
            if known.listed and age(known.path) > age(tail.path)
        )
        stream.insert(next(younger, len(stream)), tail)
