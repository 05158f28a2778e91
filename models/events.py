"""Events: from the masked content of a line to the id of its template (Drain)."""

from collections.abc import Collection, Iterable, Sequence

from models.host_events import WILDCARD, DrainParameters, HostEvent, HostEvents, beginning
from models.masks import Mask, Masker
from models.quick_masks import QuickMasker

__all__ = ["MOST_HOST_TEMPLATES", "WILDCARD", "DrainParameters", "EventParser", "HostEvent", "mine"]

# Each takes 5 KB, with all that is kept of it elsewhere.
MOST_HOST_TEMPLATES = 5_000
# Characters of all messages that are remembered.
_MOST_REMEMBERED = 4_000_000


def mine(messages: Iterable[str], parameters: DrainParameters, *, quick: bool = True) -> list[str]:
    """Templates of masked messages, in order of first appearance; the message's order matters.

    quick: see ``EventParser``.
    """
    drain = parameters.drain(quick=quick)
    for message in messages:
        drain.add_log_message(message)
    return [cluster.get_template() for cluster in drain.clusters]


class EventParser:
    """Gives lines their event ids: the templates it was built with, then those met here.

    The first ``trained`` ids are the given templates, in their order, and never change: their rows
    in the bundle's table are fixed. A line goes
      1. to the trained template it fits token by token,
      2. else to the trained template that Drain finds similar enough, without changing it,
      3. else to a template mined on this host, ids ``trained``, ``trained + 1``, ...; those may
         generalise as lines come in, and ``changed`` names the ones to embed again,
      4. and where ``capacity`` host templates exist already, to the last of them. Who reads on and
         on calls ``evict`` where it is ``crowded``, and no line comes to that.
    A message that a trained template takes gets the same id for ever. One of a host template goes
    to the one that fits it now, which is a matter of the host templates and nothing else: a parser
    that is built with ``host`` goes on as this one does. So its id changes where another template
    has become general enough to take it, and where its own was forgotten. Up to ``memory`` distinct
    messages are remembered, which saves time only.

    exact: the templates are somebody else's parse (a corpus of parsed sessions), so a message is
    its own event and no two are merged; steps 2 and 3 then compare whole messages.

    quick: False masks and compares in the simplest way. The events are the same; it is what tests
    and benchmarks hold the shortcuts against.

    host_templates: by id, None where none is; mere texts are in the order in which they came.
    """

    def __init__(
        self,
        templates: Sequence[str],
        masks: Iterable[Mask],
        parameters: DrainParameters,
        *,
        host_templates: Sequence[str | HostEvent | None] = (),
        capacity: int = MOST_HOST_TEMPLATES,
        memory: int = 100_000,
        exact: bool = False,
        quick: bool = True,
    ) -> None:
        self.trained = len(templates)
        self.capacity = capacity
        self.overflowed = 0
        self.evicted = 0
        self._memory = memory
        self._exact = exact
        self._masker = (QuickMasker if quick else Masker)(masks)
        self._templates = tuple(templates)
        self._known: dict[str, int] = {}
        self._remembered = 0
        # Of those, what went to host templates, by how many tokens it has.
        self._met: dict[int, list[str]] = {}
        self._whole = {template: event for event, template in enumerate(templates)}
        self._trained_drain = parameters.drain(enumerate(templates, start=1), quick=quick)
        self._host = HostEvents(
            parameters,
            [
                HostEvent(one, born) if isinstance(one, str) else one
                for born, one in enumerate(host_templates, start=1)
            ],
            capacity=capacity,
            exact=exact,
            quick=quick,
        )

    @property
    def templates(self) -> tuple[str, ...]:
        """Template by event id, trained ones first; "" for an id that is free."""
        return (*self._templates, *self.host_templates)

    @property
    def host_templates(self) -> tuple[str, ...]:
        return tuple("" if event is None else event.template for event in self.host)

    @property
    def host(self) -> tuple[HostEvent | None, ...]:
        """What was met here, by id from ``trained`` on; None for an id that is free."""
        return tuple(self._host[place] for place in range(len(self._host)))

    @property
    def all(self) -> tuple[HostEvent | None, ...]:
        """What there is by event id, trained ones first, which were born before all others."""
        return (*(HostEvent(template, 0) for template in self._templates), *self.host)

    @property
    def host_count(self) -> int:
        """Events met here that are known now."""
        return self._host.count

    @property
    def room(self) -> int:
        """So many more host templates there may be."""
        return self._host.room

    @property
    def crowded(self) -> bool:
        """Whether it is time to call ``evict``."""
        return self._host.crowded

    @property
    def young(self) -> frozenset[int]:
        """Host events that few sessions have had."""
        return frozenset(self.trained + place for place in self._host.young)

    def template(self, event: int) -> str:
        if event < self.trained:
            return self._templates[event]
        known = self._host[event - self.trained]
        return "" if known is None else known.template

    def host_event(self, event: int) -> HostEvent | None:
        """What was met here by this id; None where it is free."""
        return self._host[event - self.trained]

    def take_changed(self) -> set[int]:
        """Host events that are new or whose template changed since the last call."""
        return {self.trained + place for place in self._host.take_changed()}

    def take_counted(self) -> set[int]:
        """Host events that more sessions had since the last call, as far as that is counted."""
        return {self.trained + place for place in self._host.take_counted()}

    def count_sessions(self, sessions: Iterable[Sequence[int]]) -> None:
        """Sessions that are over, as event ids: what many of them have is not forgotten soon."""
        self._host.count_sessions(sessions, self.trained)

    def evict(self, in_use: Collection[int], most: int | None = None) -> list[int]:
        """Forget host events that are not in use, see ``HostEvents.evict``; their ids, which are
        free from here on. A line of one of them is new again, and gets the lowest free id."""
        places = {event - self.trained for event in in_use if event >= self.trained}
        gone = [self.trained + place for place in self._host.evict(places, most)]
        self.evicted += len(gone)
        if gone:
            for messages in self._met.values():
                self._forget(messages)
            self._met.clear()
        return gone

    def parse(self, contents: Sequence[str]) -> list[int]:
        """Event id of each line's content (the line without its header)."""
        return self.parse_masked(self._masker.mask_all(contents))

    def parse_masked(self, messages: Sequence[str]) -> list[int]:
        """The same for contents that are masked already."""
        known = self._known
        events: list[int] = []
        for message in messages:
            event = known.get(message)
            if event is None:
                event = self._find(message)
                if len(known) >= self._memory or self._remembered >= _MOST_REMEMBERED:
                    known.clear()
                    self._met.clear()
                    self._remembered = 0
                known[message] = event
                self._remembered += len(message)
                if event >= self.trained or self.trained == 0:
                    self._met.setdefault(self._tokens(message), []).append(message)
            events.append(event)
        return events

    def _find(self, message: str) -> int:
        if self._exact:
            event = self._whole.get(message)
            return self._find_on_host(message) if event is None else event
        cluster = self._trained_drain.match(message, "fallback")
        if cluster is None:
            tokens = self._trained_drain.get_content_as_tokens(message)
            cluster = self._trained_drain.tree_search(
                self._trained_drain.root_node, tokens, self._trained_drain.sim_th, False
            )
        if cluster is not None:
            return cluster.cluster_id - 1
        return self._find_on_host(message)

    def _find_on_host(self, message: str) -> int:
        found = self._host.find(message if self._exact else beginning(message))
        if found is None:
            # The last host event stands for all that no longer fit.
            self.overflowed += 1
            return self.trained + len(self._host) - 1
        if found.looser:
            self._forget(self._met.pop(self._tokens(message), ()))
        return self.trained + found.place

    def _tokens(self, message: str) -> int:
        return len(beginning(message).split())

    def _forget(self, messages: Iterable[str]) -> None:
        for message in messages:
            if self._known.pop(message, None) is not None:
                self._remembered -= len(message)
