"""Which alerts are said, and when: many sessions of one kind are one message, not many.

A group of sessions with the same fingerprint is told of after a short wait, again only after a long
one, and once more when it is over. Somebody who sees an alert come and go and come is helped by
none of the later ones: the more often a group relapses, the longer it must be quiet to be over.
"""

import heapq
import json
import logging
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from agent.alerts.alert import Alert, Reporter, derived
from agent.alerts.bucket import Bucket
from agent.alerts.groups import Group, Message
from agent.alerts.silences import Silences

# The row of the state that is no group.
_BUCKET = ""
# A group takes some 10 KiB, with its lines.
_MOST_GROUPS = 2000
_MOST_DOUBLINGS = 20

log = logging.getLogger("metalog")


@dataclass(frozen=True)
class Policy:
    """Seconds from a group's first session to its message (wait), between two messages of a group
    (repeat), and without a session until it is over (resolve). most_an_hour: messages, 0 for no
    bound. group: False makes a message of every session, at once, and of nothing else."""

    group: bool = True
    wait: float = 10.0
    repeat: float = 4 * 3600.0
    resolve: float = 900.0
    most_an_hour: int = 60


class Quiet:
    """Takes the alerts of single sessions and gives back messages.

    All times are seconds of the agent's reading time, which stands still while nothing is read: no
    session came in then, and that is no sign of an end. Silences go by the wall clock.

    saved: rows as ``take_changed`` gave them; those that make no sense are left out. now: the time
    that this run begins with. silences: may
    be replaced at any time. silenced, suppressed: sessions that nobody was told of because of a
    silence, or because of the bound on messages.
    """

    def __init__(
        self,
        policy: Policy,
        reporter: Reporter,
        saved: Iterable[tuple[str, str]] = (),
        now: float = 0.0,
    ) -> None:
        self.silences = Silences()
        self.silenced = 0
        self.suppressed = 0
        self._policy = policy
        self._reporter = reporter
        # The one without a session for the longest time first.
        self._groups: dict[str, Group] = {}
        self._bucket = Bucket(float(policy.most_an_hour), now)
        self._changed: set[str] = set()
        self._ready: list[Message] = []
        # When to look at which group, the soonest first; booked: its soonest entry. Looking too
        # early does no harm.
        self._agenda: list[tuple[float, str]] = []
        self._booked: dict[str, float] = {}
        self._restore(saved, now)

    def add(self, alert: Alert, evidence: bytes, now: float, wall: float) -> None:
        """An anomalous session. What is to be said of it comes out of ``due``."""
        fingerprint = alert.fingerprint
        if not self._policy.group:
            if self.silences.silent(fingerprint, wall):
                self.silenced += 1
            else:
                self._ready.append(Message(alert, evidence))
            return
        group = self._groups.pop(fingerprint, None)
        begins = now + self._policy.wait
        if group is None:
            group = Group(alert.id, alert, evidence, last=now, due=begins)
        elif group.resolved is not None:
            group.begin_anew(alert, begins)
        elif group.due is None:
            # Where its first message was held back, it still waits to be the first.
            group.due = group.said_at + self._policy.repeat if group.said else now
        group.add(alert, evidence, now)
        self._groups[fingerprint] = group
        self._changed.add(fingerprint)
        self._book(fingerprint, group)
        if len(self._groups) > _MOST_GROUPS:
            self._give_up(next(iter(self._groups)), now, wall)

    def due(self, now: float, wall: float) -> list[Message]:
        """What is to be said now; each message once."""
        while self._agenda and self._agenda[0][0] <= now:
            moment, fingerprint = heapq.heappop(self._agenda)
            if self._booked.get(fingerprint) != moment:
                continue
            del self._booked[fingerprint]
            group = self._groups[fingerprint]
            if self._look_at(fingerprint, group, now, wall):
                self._book(fingerprint, group)
            else:
                self._forget(fingerprint)
        if self._bucket.word_at is not None and self._bucket.word_at <= now:
            self._say_what_was_suppressed(now, wall)
        ready, self._ready = self._ready, []
        return ready

    def flush(self, now: float, wall: float) -> list[Message]:
        """All that is left to say: the input is over, and with it the waiting."""
        for fingerprint, group in list(self._groups.items()):
            if group.unsaid:
                self._tell(fingerprint, group, now, wall)
        if self._bucket.suppressed:
            self._say_what_was_suppressed(now, wall)
        return self.due(now, wall)

    def take_changed(self) -> dict[str, str | None]:
        """Rows for the state that differ from the last call, None for those that are gone."""
        rows: dict[str, str | None] = {}
        for fingerprint in self._changed:
            group = self._groups.get(fingerprint)
            rows[fingerprint] = None if group is None else group.to_json()
        if rows:
            rows[_BUCKET] = json.dumps(asdict(self._bucket))
        self._changed = set()
        return rows

    def _book(self, fingerprint: str, group: Group) -> None:
        moment = self._next_moment(group)
        if moment < self._booked.get(fingerprint, math.inf):
            self._booked[fingerprint] = moment
            heapq.heappush(self._agenda, (moment, fingerprint))

    def _next_moment(self, group: Group) -> float:
        if group.resolved is not None:
            return group.resolved + max(self._policy.repeat, self._policy.resolve)
        over = group.last + self._patience(group)
        if group.due is None:
            return over
        return min(over, group.due) if group.said else group.due

    def _look_at(self, fingerprint: str, group: Group, now: float, wall: float) -> bool:
        """Say what is due of it; False where it has been over for so long that it is forgotten."""
        if group.resolved is not None:
            return now < self._next_moment(group)
        over = group.last + self._patience(group)
        if group.due is not None and group.due <= now and not (group.said and over <= now):
            self._tell(fingerprint, group, now, wall)
        waits = group.due is not None and not group.said
        if over <= now and not waits:
            self._end(fingerprint, group, now, wall)
        return True

    def _patience(self, group: Group) -> float:
        resolve = self._policy.resolve
        longer = resolve * 2.0 ** min(group.relapses, _MOST_DOUBLINGS)
        return min(longer, max(resolve, self._policy.repeat))

    def _tell(self, fingerprint: str, group: Group, now: float, wall: float) -> None:
        self._changed.add(fingerprint)
        most = self._policy.most_an_hour
        if self.silences.silent(fingerprint, wall):
            self.silenced += group.forget_unsaid()
        elif most and not self._bucket.take(most, now):
            unsaid = group.forget_unsaid()
            self.suppressed += unsaid
            self._bucket.suppress(fingerprint, unsaid, now)
        else:
            self._ready.append(group.tell(now, wall))

    def _end(self, fingerprint: str, group: Group, now: float, wall: float) -> None:
        self._changed.add(fingerprint)
        message = group.end(now, wall)
        # Of what nobody was told of, nobody needs to know that it is over.
        if group.said:
            self._ready.append(message)

    def _forget(self, fingerprint: str) -> None:
        del self._groups[fingerprint]
        # What stands in the agenda is of nobody, or of a later group of that name.
        self._booked.pop(fingerprint, None)
        self._changed.add(fingerprint)

    def _give_up(self, fingerprint: str, now: float, wall: float) -> None:
        """There are too many groups: this one has to be over."""
        group = self._groups[fingerprint]
        if group.resolved is None:
            if group.due is not None and not group.said:
                self._tell(fingerprint, group, now, wall)
            self._end(fingerprint, group, now, wall)
        self._forget(fingerprint)

    def _say_what_was_suppressed(self, now: float, wall: float) -> None:
        suppressed = self._bucket.speak(now)
        ident = derived("suppressed", wall, self._bucket.words)
        most = self._policy.most_an_hour
        alert = self._reporter.about_suppressed(
            suppressed, ident=ident, most_an_hour=most, wall=wall
        )
        self._ready.append(Message(alert))
        self._changed.add(_BUCKET)

    def _restore(self, saved: Iterable[tuple[str, str]], now: float) -> None:
        odd = 0
        for fingerprint, body in saved:
            try:
                if fingerprint == _BUCKET:
                    self._bucket = Bucket(**json.loads(body))
                else:
                    self._groups[fingerprint] = Group.from_json(body)
            except (ValueError, TypeError, KeyError):
                odd += 1
        if odd:
            log.warning("%d groups of alerts of an earlier release begin anew", odd)
        for group in self._groups.values():
            # The run before may have waited longer than this one does.
            if group.due is not None:
                pause = self._policy.repeat if group.said else self._policy.wait
                group.due = min(group.due, now + pause)
        self._groups = dict(sorted(self._groups.items(), key=lambda one: one[1].last))
        for fingerprint, group in self._groups.items():
            self._book(fingerprint, group)
