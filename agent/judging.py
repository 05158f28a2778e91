"""How a user wants sessions to be judged, and what is known of the host: a detector is made of both
and of a bundle, at the start and whenever the bundle is replaced."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.budget import Budget
from agent.detector import Detector
from agent.state import Saved
from agent.warm_up import WarmUp
from models.bundle import Bundle
from models.carrying import carried_over
from models.epochs import Epoch
from models.events import HostEvent
from models.session_rule import SessionRule
from models.sessions import Session

BUDGET, WARM_UP, THRESHOLD = "budget", "warm-up", "threshold"

log = logging.getLogger("metalog")


@dataclass(frozen=True)
class Knowledge:
    """What is known of the host, by the event ids of one bundle.

    host: events met here, see ``EventParser.host``. tuning: as ``Detector.tuning`` gave it. fresh:
    no state holds the epoch yet.
    """

    host: tuple[HostEvent | None, ...] = ()
    epoch: Epoch | None = None
    tuning: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = False

    @classmethod
    def of(cls, saved: Saved, bundle: Bundle) -> "Knowledge":
        """What an earlier run left, with this bundle or another one."""
        if saved.bundle == bundle.fingerprint:
            trained = bundle.manifest.events
            return cls(saved.events[trained:], saved.epoch, saved.tuning)
        return cls.carried(saved.epoch, saved.templates, saved.tuning, bundle)

    @classmethod
    def carried(
        cls,
        epoch: Epoch | None,
        templates: tuple[str, ...],
        tuning: Mapping[str, str],
        bundle: Bundle,
    ) -> "Knowledge":
        """What was learnt with another bundle, where its templates are templates of this one or
        of the host. templates: of all events that were known with the other one, by id."""
        if epoch is None or bundle.history is None:
            return cls(tuning=tuning)
        parser = bundle.parser()
        moved = carried_over(epoch, templates, parser)
        return cls(parser.host, moved, tuning, fresh=moved is not None)

    @property
    def warmed_up(self) -> bool:
        return self.epoch is not None and WARM_UP not in self.tuning


@dataclass(frozen=True)
class Judging:
    """The user's choices, whatever the bundle.

    rule: the session rule for a bundle. threshold: None for the bundle's. alerts_per_day: the
    budget, None for none. warm_up: the longest, in seconds; 0 for none. learning: go on with what
    was learnt. only_anomalous: no verdicts on other sessions.
    """

    rule: Callable[[Bundle], SessionRule]
    threshold: float | None = None
    alerts_per_day: float | None = None
    warm_up: float = 3600.0
    learning: bool = True
    line_time_is_clock: bool = False
    keep_lines: bool = True
    provider: str = "auto"
    now: Callable[[], float] | None = None
    only_anomalous: bool = True

    def detector(self, bundle: Bundle, known: Knowledge) -> Detector:
        """Raises UserError where the bundle does not allow these choices, or cannot be used."""
        detector = Detector(
            bundle,
            rule=self.rule(bundle),
            threshold=self.threshold,
            provider=self.provider,
            host_templates=known.host,
            line_time_is_clock=self.line_time_is_clock,
            now=self.now,
            learning=self.learning,
            epoch=known.epoch,
            keep_lines=self.keep_lines,
            only_anomalous=self.only_anomalous,
            budget=self.budget(bundle, known),
            warm_up=self._warm_up(bundle, known),
            found=_found(known.tuning) if known.epoch and not knows_its_target(bundle) else None,
        )
        if known.epoch is not None and known.fresh:
            detector.take_over(known.epoch)
        return detector

    def successor(self, old: Detector, bundle: Bundle) -> Detector:
        """One of another bundle that goes on with what the old one knows and has open. Raises
        UserError where the bundle does not allow these choices, or cannot be used."""
        templates = old.events.templates
        new = self.detector(
            bundle, Knowledge.carried(old.statistics, templates, old.tuning(), bundle)
        )
        sessions = list(old.sessions)
        translate(sessions, templates, new)
        new.sessions.restore(sessions, old.sessions.counters())
        new.judged = old.judged
        return new

    def budget(self, bundle: Bundle, known: Knowledge) -> Budget | None:
        if self.alerts_per_day is None:
            return None
        budget = Budget(self.alerts_per_day, bundle.manifest.threshold)
        _restored(budget.restore, known.tuning.get(BUDGET))
        return budget

    def _warm_up(self, bundle: Bundle, known: Knowledge) -> WarmUp | None:
        wanted = self.learning and self.warm_up > 0 and self.threshold is None
        if not wanted or known.warmed_up or knows_its_target(bundle):
            return None
        warm_up = WarmUp(self.warm_up)
        _restored(warm_up.restore, known.tuning.get(WARM_UP))
        return warm_up


def translate(
    sessions: Sequence[Session[int]], templates: Sequence[str], detector: Detector
) -> None:
    """Give the events of open sessions the ids that they have with another bundle. templates: by
    the ids that they had."""
    for session in sessions:
        session.items = detector.events.parse_masked([templates[one] for one in session.items])
        kept = (session.kept or {}).values()
        session.kept = {session.items[line.number]: line for line in kept}


def knows_its_target(bundle: Bundle) -> bool:
    """Whether it needs no warm-up: it holds sessions of the system it is for, or reads none."""
    return bundle.history is None or len(bundle.history.get("weights", ())) > 0


def _found(tuning: Mapping[str, str]) -> float | None:
    body = tuning.get(THRESHOLD)
    try:
        found = None if body is None else float(body)
        if found is None or 0 <= found <= 1:
            return found
    except ValueError:
        pass
    log.warning("the state: a threshold of %s; it begins anew", body)
    return None


def _restored(restore: Callable[[str], None], body: str | None) -> None:
    if body is None:
        return
    try:
        restore(body)
    except ValueError as error:
        log.warning("the state: %s; it begins anew", error)
