"""Events: from the masked content of a line to the id of its template (Drain)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from drain3.drain import Drain, LogCluster

from models.indexed_drain import IndexedDrain
from models.masks import Mask, Masker
from models.quick_masks import QuickMasker

WILDCARD = "<*>"


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


def mine(messages: Iterable[str], parameters: DrainParameters, *, quick: bool = True) -> list[str]:
    """Templates of masked messages, in order of first appearance; the message's order matters.

    quick: see ``EventParser``.
    """
    drain = _drain(parameters, quick=quick)
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
      4. and where ``capacity`` host templates exist already, to the one id kept for the rest.
    A message that a trained template takes gets the same id for ever. One that went to a host
    template gets the same id as long as it is among the last ``memory`` distinct messages; met
    again after that, or after a restart, it goes to the host template that fits it by then.

    exact: the templates are somebody else's parse (a corpus of parsed sessions), so a message is
    its own event and no two are merged; steps 2 and 3 then compare whole messages.

    quick: False masks and compares in the simplest way. The events are the same; it is what tests
    and benchmarks hold the shortcuts against.
    """

    def __init__(
        self,
        templates: Sequence[str],
        masks: Iterable[Mask],
        parameters: DrainParameters,
        *,
        host_templates: Sequence[str] = (),
        capacity: int = 10_000,
        memory: int = 100_000,
        exact: bool = False,
        quick: bool = True,
    ) -> None:
        self.trained = len(templates)
        self.capacity = capacity
        self.overflowed = 0
        self._memory = memory
        self._exact = exact
        self._masker = (QuickMasker if quick else Masker)(masks)
        self._templates = [*templates, *host_templates]
        self._changed: set[int] = set(range(self.trained, len(self._templates)))
        self._known: dict[str, int] = {}
        self._whole = {template: event for event, template in enumerate(self._templates)}
        self._trained_drain = _drain(parameters, templates, quick=quick)
        self._host_drain = _drain(parameters, host_templates, quick=quick)

    @property
    def templates(self) -> tuple[str, ...]:
        """Template by event id, trained ones first."""
        return tuple(self._templates)

    @property
    def host_templates(self) -> tuple[str, ...]:
        return tuple(self._templates[self.trained :])

    def template(self, event: int) -> str:
        return self._templates[event]

    def take_changed(self) -> set[int]:
        """Host events that are new or whose template changed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

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
                if len(known) >= self._memory:
                    known.clear()
                known[message] = event
            events.append(event)
        return events

    def _find(self, message: str) -> int:
        if self._exact:
            event = self._whole.get(message)
            return self._add(message) if event is None else event
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
        cluster = self._host_drain.match(message, "fallback")
        if cluster is not None:
            return self.trained + cluster.cluster_id - 1
        if len(self._templates) - self.trained >= self.capacity:
            return self._overflow()
        cluster, _ = self._host_drain.add_log_message(message)
        event = self.trained + cluster.cluster_id - 1
        if event == len(self._templates):
            return self._add(cluster.get_template())
        self._templates[event] = cluster.get_template()
        self._changed.add(event)
        return event

    def _add(self, template: str) -> int:
        if len(self._templates) - self.trained >= self.capacity:
            return self._overflow()
        event = len(self._templates)
        self._templates.append(template)
        self._whole[template] = event
        self._changed.add(event)
        return event

    def _overflow(self) -> int:
        # The last host event stands for all that no longer fit. Its words are whatever came
        # first: past the capacity the agent sees that something is new, no longer what.
        self.overflowed += 1
        return len(self._templates) - 1


def _drain(
    parameters: DrainParameters, templates: Iterable[str] = (), *, quick: bool = True
) -> Drain:
    drain = (IndexedDrain if quick else Drain)(
        depth=parameters.depth,
        sim_th=parameters.similarity,
        max_children=parameters.max_children,
        param_str=WILDCARD,
    )
    for number, template in enumerate(templates, start=1):
        cluster = LogCluster(template.split(), number)
        drain.id_to_cluster[number] = cluster
        drain.clusters_counter = number
        drain.add_seq_to_prefix_tree(drain.root_node, cluster)
    return drain
