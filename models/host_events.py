"""Events met on a host: which ids they have, and which are forgotten where there are too many."""

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from drain3.drain import Drain, LogCluster

from models.indexed_drain import IndexedDrain

WILDCARD = "<*>"
# An event that so many sessions had is no passing thing. More are not counted: it would be written
# to the state again and again.
ESTABLISHED = 8
# What their templates may take, by ``_bytes_of``, and what is read of one message.
MOST_BYTES = 32 << 20
_LONGEST, _MOST_TOKENS = 4096, 256
# Shares of the capacity. Where less is free, it is time to forget some; so much stays then; and so
# much is for established ones.
_FREE, _STAYING, _FOR_ESTABLISHED = 0.1, 0.6, 0.5


@dataclass(frozen=True, slots=True)
class DrainParameters:
    """Parameters of Drain (He et al., ICWS 2017), with masks doing most of the work.

    similarity: share of equal tokens from which two lines are one event. The usual 0.4 makes one
    event of "VM Started" and "VM Paused"; numbers, addresses and paths are masked before, so what
    still differs is mostly words. At 0.85 one word of up to six tells events apart, as nova's
    "[instance: <KEY>] VM Started (Lifecycle Event)" needs.
    """

    depth: int = 4
    similarity: float = 0.85
    max_children: int = 100

    def drain(self, templates: Iterable[tuple[int, str]] = (), *, quick: bool = True) -> Drain:
        """With these clusters, by number; in ascending order. quick: see ``EventParser``."""
        drain = (IndexedDrain if quick else Drain)(
            depth=self.depth,
            sim_th=self.similarity,
            max_children=self.max_children,
            param_str=WILDCARD,
        )
        for number, template in templates:
            cluster = LogCluster(template.split(), number)
            drain.id_to_cluster[number] = cluster
            drain.clusters_counter = number
            drain.add_seq_to_prefix_tree(drain.root_node, cluster)
        return drain


class HostEvent(NamedTuple):
    """An event met on a host. born: the order in which they came, from 1; sessions: that had it
    and are over, counted up to ``ESTABLISHED``."""

    template: str
    born: int
    sessions: int = 0


class Found(NamedTuple):
    """place: of the event, from 0; looser: a template came or changed that takes more than one
    message, so messages of as many tokens may now be others' than before."""

    place: int
    looser: bool


def beginning(message: str) -> str:
    """What is read of a message that no trained template takes: all of it, but for the ends of very
    long ones. One line of 64 KiB takes megabytes as tokens."""
    if len(message) < 2 * _MOST_TOKENS:
        return message
    tokens = message[:_LONGEST].split(maxsplit=_MOST_TOKENS)[:_MOST_TOKENS]
    return " ".join(tokens)


class HostEvents:
    """Templates mined on a host, each at a place of its own that is its id.

    What a message goes to is decided by the templates there are and the order in which they came,
    so by what a state holds, and by nothing else. Nothing is forgotten but by ``evict``: whoever
    calls it knows which ids are in use, and a place is given to another event only afterwards.

    known: by place, None where one is free.
    """

    def __init__(
        self,
        parameters: DrainParameters,
        known: Sequence[HostEvent | None] = (),
        *,
        capacity: int,
        exact: bool = False,
        quick: bool = True,
    ) -> None:
        self.capacity = capacity
        self._parameters = parameters
        self._quick = quick
        self._events = list(known)
        self._free = [place for place, event in enumerate(known) if event is None]
        self._whole: dict[str, int] | None = {} if exact else None
        self._bytes = 0
        self._most_bytes = MOST_BYTES
        self._born = 0
        self._young: set[int] = set()
        self._changed = set(dict(self.items()))
        self._counted: set[int] = set()
        for place, event in self.items():
            self._bytes += _bytes_of(event.template)
            self._born = max(self._born, event.born)
            if event.sessions < ESTABLISHED:
                self._young.add(place)
        self._rebuild()

    def __len__(self) -> int:
        """Places, free ones too."""
        return len(self._events)

    def __getitem__(self, place: int) -> HostEvent | None:
        return self._events[place]

    def items(self) -> Iterator[tuple[int, HostEvent]]:
        """Events by place."""
        for place, event in enumerate(self._events):
            if event is not None:
                yield place, event

    @property
    def count(self) -> int:
        return len(self._events) - len(self._free)

    @property
    def room(self) -> int:
        """So many more events may come."""
        return max(0, self.capacity - self.count)

    @property
    def crowded(self) -> bool:
        """Whether it is time to forget some."""
        return self.room < _FREE * self.capacity or self._bytes > self._most_bytes

    @property
    def young(self) -> frozenset[int]:
        """Places of events that are not established."""
        return frozenset(self._young)

    def find(self, message: str) -> Found | None:
        """Where a masked message, or the ``beginning`` of one, belongs, at a new place if need be;
        None where there is none."""
        if self._whole is not None:
            place = self._whole.get(message)
            if place is None and self.count < self.capacity:
                place = self._put(HostEvent(message, self._born + 1))
            return None if place is None else Found(place, False)
        cluster = self._drain.match(message, "fallback")
        if cluster is not None:
            return Found(self._place_of[cluster.cluster_id], False)
        if self.count >= self.capacity:
            return None
        cluster, _ = self._drain.add_log_message(message)
        template = cluster.get_template()
        place = self._place_of.get(cluster.cluster_id)
        if place is None:
            place = self._put(HostEvent(template, cluster.cluster_id))
        else:
            event = self._events[place]
            assert event is not None
            self._bytes += _bytes_of(template) - _bytes_of(event.template)
            self._events[place] = event._replace(template=template)
            self._changed.add(place)
        return Found(place, WILDCARD in template)

    def count_sessions(self, sessions: Iterable[Sequence[int]], first: int) -> None:
        """Sessions that are over. first: the id of place 0."""
        if not self._young:
            return
        young = {first + place for place in self._young}
        for session in sessions:
            for event in young.intersection(session):
                place = event - first
                known = self._events[place]
                assert known is not None
                known = self._events[place] = known._replace(sessions=known.sessions + 1)
                self._counted.add(place)
                if known.sessions >= ESTABLISHED:
                    self._young.discard(place)
                    young.discard(event)

    def take_changed(self) -> set[int]:
        """Places whose template is new or changed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def take_counted(self) -> set[int]:
        """Places whose count of sessions changed since the last call."""
        counted, self._counted = self._counted, set()
        return counted

    def evict(self, in_use: Collection[int], most: int | None = None) -> list[int]:
        """Forget events that are not in use until no more than ``most`` (by default three fifths
        of the capacity, and half of the bytes) are left; their places.

        First go those that the fewest sessions had, the oldest first; established ones only where
        there are more than half of the capacity, then the youngest first: nobody pushes them out by
        writing something new, again and again.
        """
        most = int(_STAYING * self.capacity) if most is None else most
        young: list[tuple[int, int, int]] = []
        old: list[tuple[int, int]] = []
        for place, event in self.items():
            if event.sessions >= ESTABLISHED:
                old.append((event.born, place))
            elif place not in in_use:
                young.append((event.sessions, event.born, place))
        spare = sorted(old)[int(_FOR_ESTABLISHED * self.capacity) :]
        order = [place for *_, place in sorted(young)]
        order += [place for _, place in reversed(spare) if place not in in_use]
        gone: list[int] = []
        for place in order:
            if self.count <= most and self._bytes <= MOST_BYTES // 2:
                break
            self._bytes -= _bytes_of(self._template(place))
            self._events[place] = None
            heapq.heappush(self._free, place)
            gone.append(place)
        for places in (self._young, self._changed, self._counted):
            places.difference_update(gone)
        if gone:
            self._rebuild()
        # Where those in use are too long it is tried again later, and not for every line.
        self._most_bytes = max(MOST_BYTES, self._bytes + MOST_BYTES // 4)
        return gone

    def _put(self, event: HostEvent) -> int:
        if self._free:
            # The lowest: statistics have room for so many ids.
            place = heapq.heappop(self._free)
            self._events[place] = event
        else:
            place = len(self._events)
            self._events.append(event)
        self._born = event.born
        self._bytes += _bytes_of(event.template)
        self._place_of[event.born] = place
        if self._whole is not None:
            self._whole[event.template] = place
        self._changed.add(place)
        self._young.add(place)
        return place

    def _rebuild(self) -> None:
        # Not taking single templates out: the tree would depend on what was in it before, and
        # after a restart be another one.
        events = sorted((event.born, place) for place, event in self.items())
        self._place_of = dict(events)
        if self._whole is not None:
            self._whole = {event.template: place for place, event in self.items()}
            return
        templates = ((born, self._template(place)) for born, place in events)
        self._drain = self._parameters.drain(templates, quick=self._quick)
        self._drain.clusters_counter = self._born

    def _template(self, place: int) -> str:
        event = self._events[place]
        assert event is not None
        return event.template


def _bytes_of(template: str) -> int:
    """About what a template takes in memory, its tokens and all."""
    return 500 + 2 * len(template) + 150 * (template.count(" ") + 1)
