"""Alerts on their way to one sink."""

import contextvars
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from agent.clock import Clock
from agent.delivery.schedule import Outage, RetrySchedule
from agent.delivery.tally import Lost, Tally
from agent.delivery.waiting import Limits, Parcel, Waiting
from agent.sinks import Answer, Message, Outcome, Sink
from agent.sinks.rendering import plain
from models.errors import UserError

# A clock may be set, or moved by a test, while this thread sleeps.
_LONGEST_SLEEP = 1.0
# A sink that delivered nothing for so long, though it had something to deliver, is stalled.
_PATIENCE_SECONDS = 5.0
# Nothing but the database can be at fault where a text cannot be read.
_SECONDS_WITHOUT_TEXT = 1.0

log = logging.getLogger("metalog")


class Texts(Protocol):
    """Where the JSON of a saved alert is looked up."""

    def __call__(self, alert: str) -> str | None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a sink has not delivered: alerts and bytes. stalled_since: wall clock, None while it
    delivers. waits_since: monotonic, since when it delivers none of them, None where none wait."""

    alerts: int
    bytes: int
    stalled_since: float | None
    waits_since: float | None = None


class Courier:
    """Brings alerts to one sink, from a thread of its own: a sink may block, fail or be slow, and
    that stops neither the pipeline nor the other sinks.

    First attempts go out in order. A failed one waits for its own time, and those behind it go on,
    unless the sink itself is down (``Outage``) or asked to be left alone. What waits is bounded by
    ``limits``; of more, the oldest are dropped and counted. Each alert comes at least once: what
    became of it is asked for by ``take_settled`` and ``take_failed``, to be saved, and whatever was
    not saved is brought again after a crash.

    texts: looks alerts up that are not held in memory; None where nothing is saved: then all are,
    and the end waits for what is to be tried again soon. tally: counts of earlier runs.
    """

    def __init__(
        self,
        sink: Sink,
        clock: Clock,
        *,
        texts: Callable[[], Texts] | None = None,
        tally: Tally | None = None,
        limits: Limits | None = None,
        schedule: RetrySchedule | None = None,
        outage: Outage | None = None,
    ) -> None:
        self._sink = sink
        self._about = {"fields": {"sink": sink.name}}
        self._clock = clock
        self._texts = None if texts is None else texts()
        self._schedule = schedule or RetrySchedule()
        self._outage = outage or Outage()
        self._changed = threading.Condition()
        # All below is read and written with _changed held.
        self._waiting = Waiting(limits or Limits(), 2 * self._schedule.longest)
        self._tally = tally or Tally()
        self._settled: list[str] = []
        self._failed: dict[str, tuple[int, float]] = {}
        self._disabled: tuple[float, str] | None = None
        self._problem: str | None = None
        self._said_lost: set[Lost] = set()
        self._failures = 0
        self._free_at = clock.monotonic()
        self._keep_up_at: float | None = clock.monotonic()
        self._quiet_since = (clock.monotonic(), clock.wall())
        self._closing: float | None = None
        # What it says belongs to the input that it works for: see agent/logs.py.
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._run,), name=f"to {sink.name}", daemon=True
        )
        self._thread.start()

    @property
    def holds_reading(self) -> bool:
        """Whether what waits here is to stop the reading: there is nobody else to keep it."""
        return self._sink.holds_reading or self._texts is None

    def put(self, alerts: Iterable[tuple[str, str]]) -> None:
        """Ids and bodies, saved a moment ago, to be delivered after all that were put before."""
        wall = self._clock.wall()
        self.put_parcels(Parcel(alert, len(body), wall, body) for alert, body in alerts)

    def put_parcels(self, parcels: Iterable[Parcel]) -> None:
        """What an earlier run left, or the alerts of this one."""
        with self._changed:
            if not self._waiting:
                self._quiet_since = (self._clock.monotonic(), self._clock.wall())
            for parcel in parcels:
                if self._disabled is not None:
                    self._lose(parcel, Lost.disabled)
                else:
                    self._waiting.add(parcel, keep_body=self._texts is None)
            self._shed()
            self._changed.notify()

    def take_settled(self) -> list[str]:
        """Ids of alerts that are done with, delivered or dropped, since the last call."""
        with self._changed:
            settled, self._settled = self._settled, []
        return settled

    def take_failed(self) -> dict[str, tuple[int, float]]:
        """Ids of alerts that are to be tried again, since the last call: how often they failed, and
        the wall clock of the next attempt."""
        with self._changed:
            failed, self._failed = self._failed, {}
        return failed

    def backlog(self) -> Backlog:
        with self._changed:
            alerts = len(self._waiting)
            monotonic, wall = self._quiet_since
            stalled = alerts > 0 and self._clock.monotonic() - monotonic >= _PATIENCE_SECONDS
            waits_since = monotonic if alerts else None
            return Backlog(alerts, self._waiting.bytes, wall if stalled else None, waits_since)

    def report(self) -> dict[str, Any]:
        """For the state and for people; JSON-ready. See docs/agent.md."""
        with self._changed:
            found = {**self._tally.to_json(), "retrying": self._waiting.retries}
            if self._problem is not None:
                found["problem"] = self._problem
            if self._disabled is not None:
                since, said = self._disabled
                found["disabled"] = {"since": since, "said": said}
        return found

    def close(self, seconds: float) -> None:
        """Begin to end: deliver what can be, for at most so long. ``join`` waits for it."""
        with self._changed:
            self._closing = self._clock.monotonic() + seconds
            self._changed.notify()

    def join(self) -> bool:
        """Wait for the end; False where the sink did not come back in time."""
        assert self._closing is not None
        self._thread.join(max(0.0, self._closing - self._clock.monotonic()))
        return not self._thread.is_alive()

    # The thread.

    def _run(self) -> None:
        try:
            while (parcel := self._next()) is not None:
                message = self._message(parcel)
                if message is not None:
                    self._judge(parcel, self._send(message))
        finally:
            self._sink.close()
            if self._texts is not None:
                self._texts.close()

    def _next(self) -> Parcel | None:
        """Wait for the next parcel; None at the end."""
        while True:
            with self._changed:
                self._shed()
                now = self._clock.monotonic()
                wait = self._waiting.seconds_until_due(self._clock.wall())
                if wait is not None:
                    wait = max(wait, self._free_at - now)
                if self._closing is not None and not self._is_worth_waiting(wait, now):
                    return None
                if wait is not None and wait <= 0:
                    parcel = self._waiting.take(self._clock.wall())
                    if parcel is not None:
                        return parcel
                keep_up = None if self._keep_up_at is None else self._keep_up_at - now
                if keep_up is None or keep_up > 0:
                    pauses = [one for one in (wait, keep_up) if one is not None]
                    # Without anything in hand it sleeps until it is told.
                    self._changed.wait(min(*pauses, _LONGEST_SLEEP) if pauses else None)
                    continue
            self._keep_up()

    def _is_worth_waiting(self, wait: float | None, now: float) -> bool:
        assert self._closing is not None
        if wait is None or now >= self._closing:
            return False
        # A state keeps what fails; without one there is only the time that is left.
        patient = self._texts is None or self._failures == 0
        return wait <= 0 or (patient and now + wait < self._closing and self._sooner(wait))

    def _sooner(self, wait: float) -> bool:
        """With a state: a pause between two alerts is waited for, a retry is not."""
        return self._texts is None or wait <= self._sink.interval

    def _keep_up(self) -> None:
        try:
            seconds = self._sink.keep_up()
        except Exception:
            log.exception("%s: an error of this program", self._sink.name)
            seconds = _LONGEST_SLEEP
        with self._changed:
            now = self._clock.monotonic()
            self._keep_up_at = None if seconds is None else now + seconds

    def _message(self, parcel: Parcel) -> Message | None:
        body = parcel.body
        if body is None and self._texts is not None:
            try:
                body = self._texts(parcel.id)
            except (sqlite3.Error, UserError) as error:
                with self._changed:
                    if self._problem is None:
                        log.warning("alert %s cannot be looked up: %s", parcel.id, error)
                    self._problem = plain(error)
                    self._waiting.put_back(parcel)
                    self._free_at = self._clock.monotonic() + _SECONDS_WITHOUT_TEXT
                return None
        if body is None:
            with self._changed:
                self._waiting.done(parcel)
                self._lose(parcel, Lost.missing)
            return None
        return Message(parcel.id, body)

    def _send(self, message: Message) -> Answer:
        try:
            return self._sink.send(message)
        except Exception as error:
            # One alert that this program cannot render must not stop those behind it.
            log.exception("%s: an error of this program", self._sink.name)
            return Answer(Outcome.later, type(error).__name__)

    def _judge(self, parcel: Parcel, answer: Answer) -> None:
        with self._changed:
            now = self._clock.monotonic()
            self._free_at = now + self._sink.interval
            if answer.outcome is Outcome.later:
                self._try_again(parcel, answer)
                return
            if answer.outcome is Outcome.closed:
                # What is left is for the next run.
                self._waiting.put_back(parcel)
                self._problem = answer.said
                self._free_at = float("inf")
                self._keep_up_at = None
                return
            self._waiting.done(parcel)
            if answer.outcome is Outcome.gone:
                self._disable(answer.said)
                self._lose(parcel, Lost.disabled)
                return
            self._answered(answer)
            if answer.outcome is Outcome.refused:
                self._lose(parcel, Lost.refused, answer.said)
            else:
                self._tally.delivered += 1
                self._settle(parcel)

    def _answered(self, answer: Answer) -> None:
        self._quiet_since = (self._clock.monotonic(), self._clock.wall())
        if answer.outcome is Outcome.taken:
            if self._failures >= self._outage.failures:
                log.warning("%s takes alerts again", self._sink.name, extra=self._about)
            self._problem = None
            self._said_lost.clear()
        self._failures = 0

    def _try_again(self, parcel: Parcel, answer: Answer) -> None:
        self._failures += 1
        self._tally.failed_attempts += 1
        pause = self._outage.pause(self._failures)
        if pause or answer.everybody:
            pause = max(pause, answer.after)
        self._free_at = max(self._free_at, self._clock.monotonic() + pause)
        if self._failures == 1 and self._problem is None:
            log.warning(
                "%s: %s; it is tried again", self._sink.name, answer.said, extra=self._about
            )
        elif self._failures == self._outage.failures:
            log.warning(
                "%s: %s, %d times in a row; alerts wait until it is back",
                self._sink.name,
                answer.said,
                self._failures,
                extra=self._about,
            )
        self._problem = answer.said
        seconds = self._schedule.after(parcel.attempts + 1, answer.after)
        if seconds is None:
            self._waiting.done(parcel)
            self._lose(parcel, Lost.given_up, answer.said)
            return
        self._waiting.failed(parcel, self._clock.wall() + seconds)
        self._failed[parcel.id] = (parcel.attempts, parcel.due)

    def _disable(self, said: str) -> None:
        wall = self._clock.wall()
        self._disabled = (wall, said)
        self._keep_up_at = None
        log.error(
            "%s: %s: it wants no more alerts and gets none until the next start (%s)",
            self._sink.name,
            said,
            datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds"),
            extra=self._about,
        )
        for parcel in self._waiting.clear():
            self._lose(parcel, Lost.disabled)

    def _shed(self) -> None:
        for parcel, old in self._waiting.shed(self._clock.wall()):
            self._lose(parcel, Lost.old if old else Lost.full)

    def _lose(self, parcel: Parcel, why: Lost, said: str = "") -> None:
        self._tally.dropped[why] += 1
        self._settle(parcel)
        # Once, until it takes alerts again: a hundred thousand lines would hide what is wrong.
        if why is not Lost.disabled and why not in self._said_lost:
            self._said_lost.add(why)
            log.error(
                "%s: alert %s dropped: %s; more are only counted, see `metalog-agent status`",
                self._sink.name,
                plain(parcel.id),
                said or _REASONS[why],
                extra=self._about,
            )

    def _settle(self, parcel: Parcel) -> None:
        self._failed.pop(parcel.id, None)
        self._settled.append(parcel.id)


_REASONS: Mapping[Lost, str] = {
    Lost.full: "more wait for this sink than may",
    Lost.old: "it waited too long",
    Lost.missing: "its text is not in the state",
}
