"""The pipeline of one input: read, judge, alert, save; over and over, in one thread."""

import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from agent.alerts import Quiet, Reporter
from agent.backpressure import Backpressure
from agent.bundle_watch import BundleWatch
from agent.clock import Clock
from agent.collector import give_back
from agent.delivery import Courier, Parcel, Tally
from agent.detector import Detector
from agent.follow import LineBatch
from agent.judging import Judging, translate
from agent.metrics.figures import sink_figures
from agent.metrics.reads import Reads
from agent.metrics.snapshot import Snapshot
from agent.sinks import Sink
from agent.state import Adopted, AlertTexts, Changes, NotSavedError, Saved, State
from agent.streams import Streams
from agent.unsaved import Unsaved
from agent.verdict import Verdict
from models.bundle import Bundle
from models.errors import UserError

_SECONDS_BETWEEN_SAVES, _MOST_SECONDS_BETWEEN_SAVES = 1.0, 10.0
_TIMES_AS_LONG_AS_A_SAVE = 10
_SECONDS_BETWEEN_LOOKS = 0.5
_LONGEST_WAIT = 1.0
_PAUSE = 0.05
_SECONDS_TO_CLOSE = 10.0
_SECONDS_TO_HAND_OVER = 1.0

log = logging.getLogger("metalog")


class Watching:
    """Reads what it is given until it is stopped, or until all of that is over.

    Offsets, open sessions, templates and alerts are saved in one transaction, and an alert is
    handed to the sinks only after that. So a crash at any point means that lines are read again
    and alerts are sent again with the same id; none is skipped. While stdout does not take alerts,
    or the state cannot be saved, nothing is read: the files keep what is to come. Alerts for other
    sinks wait in the state; without one, they stop the reading, too.

    It is given one ``turn`` after another by whoever waits for it, and for others: see ``Rounds``.
    Then ``begin_to_end`` and ``finish``; or ``hand_over``, where another takes its place.

    when_over: alerts wait for the end of their sessions, as they do with ``once``. couriers: by
    name, those that a predecessor handed over; they go on with what they have.

    about: what the state says of this run, beside what is found here; JSON-ready. bundles: says
    when the bundle was replaced; judging: makes a detector of the new one then. alive: called
    while a turn goes on.
    """

    def __init__(
        self,
        *,
        bundle: Bundle,
        detector: Detector,
        streams: Streams,
        sinks: Sequence[Sink],
        reporter: Reporter,
        quiet: Quiet,
        state: State | None,
        clock: Clock,
        once: bool,
        when_over: bool = False,
        about: Mapping[str, Any] | None = None,
        bundles: BundleWatch | None = None,
        judging: Judging | None = None,
        couriers: Mapping[str, Courier] | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._bundle = bundle
        self._bundles = bundles
        self._judging = judging
        self._detector = detector
        self._streams = streams
        self._alive = alive
        taken_over = couriers or {}
        self._couriers = {
            sink.name: taken_over.get(sink.name) or _courier(sink, state, clock) for sink in sinks
        }
        self._reporter = reporter
        self._quiet = quiet
        self._state = state
        self._clock = clock
        self._once = once
        self._looks_ahead = not (once or when_over)
        self._about = {**(about or {}), "pid": os.getpid(), "started": clock.wall()}
        self._stopping = False
        self._closing = self.started = False
        self.ended = False
        self._turned_at: float | None = None
        self._wait = 0.0
        self._pressure = Backpressure(clock)
        self._saved_at = clock.monotonic()
        self._save_after = _SECONDS_BETWEEN_SAVES
        self._looked_at = -_SECONDS_BETWEEN_LOOKS
        self._age_before = 0.0
        self._try_at = 0.0
        self._counted: dict[str, int] = {}
        self._reads = Reads()
        # Templates that were met before, or with another bundle.
        self._templates_before = -_templates_met(detector)
        self._unsaved = Unsaved()
        self._not_saved: NotSavedError | None = None
        self.anomalous = 0
        self.raised = 0
        self.hung = False
        if state is not None:
            self._restore(state.saved, taken_over)

    def stop(self) -> None:
        """Make the turn that goes on a short one. Safe in a signal handler."""
        self._stopping = True
        self._streams.wake()

    @property
    def detector(self) -> Detector:
        """That of the bundle in use."""
        return self._detector

    @property
    def undelivered(self) -> int:
        """Alerts that some sink has not got yet."""
        return sum(one.backlog().alerts for one in self._couriers.values())

    def seconds_until_due(self) -> float:
        """Until it wants a turn, if no file comes or goes; not more than 0 where it does now."""
        if self._turned_at is None:
            return 0.0
        wait = self._turned_at + self._wait - self._clock.monotonic()
        if not self._pressure.waits:
            wait = min(wait, self._streams.seconds_until_due())
        return wait

    def turn(self) -> None:
        """Read a little of every file, judge, save what is due. With ``once`` it is ``ended`` when
        there is nothing more to read. Raises UserError where the state cannot be saved; what was
        read is read again then."""
        held_up = self._is_held_up()
        # Such a time is no idle time of the sessions: their lines may lie there unread.
        self._pressure.note(held_up)
        if held_up:
            self._stand_still()
        else:
            self._go_on()
        self._turned_at = self._clock.monotonic()

    def _stand_still(self) -> None:
        self._wait = _PAUSE
        began = self._clock.monotonic()
        if began >= self._try_at:
            self._save()
            # A locked database takes its time to say no: half of it at most is taken from others.
            now = self._clock.monotonic()
            self._try_at = now + max(_LONGEST_WAIT, now - began)

    def _go_on(self) -> None:
        self._wait = _LONGEST_WAIT
        self._look_for_bundle()
        drained = self._read()
        if not self.started:
            # From here on nothing that is written is missed.
            about = {"files": self._streams.files}
            log.info("following %s", self._streams.describe(), extra={"fields": about})
            self.started = True
        if drained and self._streams.over():
            for batch in self._streams.flush():
                self._take(batch)
            self._detector.close()
            self._raise(self._detector.take())
            self._unsaved.say(self._quiet.flush(self._age(), self._clock.wall()))
            self.ended = True
            return
        if not self._once:
            self._detector.idle(self._age())
        self._raise(self._detector.take())
        if drained and self._looks_ahead:
            self._look_ahead()
        if self._unsaved.alerts or self._clock.monotonic() - self._saved_at >= self._save_after:
            self._save()

    def begin_to_end(self) -> None:
        """Save, and let the sinks have what they take in a few seconds; ``finish`` waits for it."""
        self._save()
        self._closing = True
        for courier in self._couriers.values():
            courier.close(_SECONDS_TO_CLOSE)

    def finish(self) -> None:
        """Raises UserError where the state could not be saved.

        ``hung`` says afterwards that a sink did not come back: its thread goes on.
        """
        for courier in self._couriers.values():
            self.hung |= not courier.join()
        self._save()
        self._streams.close()
        if self._not_saved is not None:
            raise UserError(f"{self._not_saved}; the lines since the last save are read again")
        if self._state is not None:
            self._state.close()

    def save(self) -> None:
        """Raises UserError where that is not possible now."""
        self._save()
        if self._not_saved is not None:
            raise UserError(str(self._not_saved))

    def hand_over(self, keep: Collection[str]) -> dict[str, Courier]:
        """Save and let go of files and state, for another to go on from there. Couriers of these
        names are not disturbed; they are given back. Others are done with in a second: what they
        have not delivered by then is in the state."""
        self._closing = True
        kept = {name: one for name, one in self._couriers.items() if name in keep}
        others = [one for name, one in self._couriers.items() if name not in keep]
        for courier in others:
            courier.close(_SECONDS_TO_HAND_OVER)
        for courier in others:
            courier.join()
        self._save()
        self._streams.close()
        if self._state is not None:
            self._state.close()
        return kept

    def _read(self) -> bool:
        """One turn over all files. True when it left nothing to read."""
        for batch in self._streams.poll():
            self._take(batch)
            self._alive()
            if self._stopping or self._is_held_up():
                return False
        return self._streams.drained()

    def _take(self, batch: LineBatch) -> None:
        self._reads.take(batch)
        self._raise(self._detector.add(batch.source, batch.lines, self._age(), batch.offsets))

    def _raise(self, verdicts: Sequence[Verdict]) -> None:
        age, wall = self._age(), self._clock.wall()
        if self._state is not None:
            self._quiet.silences = self._state.silences()
        self._reporter.threshold = self._detector.threshold
        for verdict in verdicts:
            if verdict.anomalous:
                self.anomalous += 1
                alert = self._reporter.alert(verdict, wall)
                self._quiet.add(alert, self._reporter.evidence(verdict), age, wall)
        if not self._closing:
            # What is due from then on is saved with its group, and said at the next start.
            self._unsaved.say(self._quiet.due(age, wall))

    def _look_ahead(self) -> None:
        # Only where there is nothing else to read: a backlog is worked off first.
        now = self._clock.monotonic()
        if now - self._looked_at >= _SECONDS_BETWEEN_LOOKS:
            self._looked_at = now
            self._raise(self._detector.early())

    def _is_held_up(self) -> bool:
        held = self._pressure.holds(self._couriers, len(self._unsaved.alerts))
        return held or self._not_saved is not None

    def _age(self) -> float:
        """Seconds that agents read on this state: the clock of idle time, which stands still while
        no agent runs or nothing is read, as what was written meanwhile is still to come."""
        return self._age_before + self._pressure.seconds_of_reading()

    # The state.

    def _save(self) -> None:
        began = self._clock.monotonic()
        self._raise(self._detector.take())
        self._unsaved.collect(self._detector, self._quiet, self._couriers)
        bodies = self._unsaved.bodies()
        if self._state is not None and not self._is_saved(self._state, bodies):
            return
        self._unsaved = Unsaved()
        self._saved_at = self._clock.monotonic()
        # Where much changes, most of the time is for reading; a crash means more is read again.
        took = (self._saved_at - began) * _TIMES_AS_LONG_AS_A_SAVE
        self._save_after = min(max(took, _SECONDS_BETWEEN_SAVES), _MOST_SECONDS_BETWEEN_SAVES)
        self.raised += len(bodies)
        if bodies:
            for courier in self._couriers.values():
                courier.put(bodies)

    def _is_saved(self, state: State, bodies: list[tuple[str, str]]) -> bool:
        try:
            changes = Changes(
                wall=self._clock.wall(),
                now=self._clock.monotonic(),
                age=self._age(),
                positions=self._streams.positions(),
                journal=self._streams.journal_cursor,
                counters=self._detector.sessions.counters(),
                report=self._report(len(bodies)),
                sinks=list(self._couriers),
                alerts=bodies,
                tuning=self._detector.tuning(),
            )
            state.save(self._unsaved.filled_into(changes))
        except NotSavedError as error:
            if self._not_saved is None:
                log.warning("%s; nothing is read until it can, tried again every second", error)
            self._not_saved = error
            return False
        if self._not_saved is not None:
            log.warning("the state is saved again: reading goes on")
            self._not_saved = None
        return True

    def _report(self, raised: int) -> dict[str, Any]:
        detector = self._detector
        counts = {
            **_counts(detector),
            "sessions_anomalous": self.anomalous,
            "sessions_silenced": self._quiet.silenced,
            "sessions_suppressed": self._quiet.suppressed,
            "alerts_raised": self.raised + raised,
        }
        stalled = {}
        for name, courier in self._couriers.items():
            backlog = courier.backlog()
            if backlog.stalled_since is not None:
                stalled[name] = {"since": backlog.stalled_since, "alerts": backlog.alerts}
        return {
            **self._about,
            **self._streams.report(),
            **detector.report(),
            "sessions_open": len(detector.sessions),
            "events_open": detector.sessions.events,
            "counts": {name: self._counted.get(name, 0) + n for name, n in counts.items()},
            "stalled": stalled,
            "sinks": {name: courier.report() for name, courier in self._couriers.items()},
            "reading": self._pressure.held_by is None,
        }

    def status(self) -> str:
        """One line: what whoever is called at night asks first."""
        detector, warm_up = self._detector, self._detector.warm_up
        said = [self._streams.describe(), f"{len(detector.sessions)} sessions open"]
        if warm_up is not None:
            said.append(f"learning what is usual: {warm_up.seen} of {warm_up.sessions} sessions")
        else:
            said.append(f"threshold {detector.threshold:.3g}")
        if self._not_saved is not None:
            said.insert(0, "NOT READING, the state cannot be saved")
        elif self._pressure.held_by is not None:
            said.insert(0, "NOT READING, alerts are not taken")
        return ", ".join(said)

    def snapshot(self) -> Snapshot:
        """For whoever watches this. To be asked again and again."""
        detector, now = self._detector, self._clock.monotonic()
        unread, refused = self._streams.unread(), self._streams.unreadable()
        return Snapshot(
            following=self.started,
            sources=self._reads.figures(unread, now),
            sinks={name: sink_figures(courier) for name, courier in self._couriers.items()},
            saved_at=None if self._state is None else self._saved_at,
            unsaved=None if self._not_saved is None else str(self._not_saved),
            held_by=self._pressure.held_by,
            unread_since=self._reads.unread_since(sum(unread.values()) - sum(refused), now),
            files_open=self._streams.files_open,
            files_unreadable=len(refused),
            sessions_open=len(detector.sessions),
            normal=detector.judged.normal,
            anomalous=detector.judged.anomalous,
            buckets=tuple(detector.judged.buckets),
            score_seconds=detector.judged.seconds,
            templates=detector.events.trained + detector.events.host_count,
            unknown_templates=self._templates_before + _templates_met(detector),
            alerts_raised=self._counted.get("alerts_raised", 0) + self.raised,
        )

    def _restore(self, saved: Saved, taken_over: Collection[str]) -> None:
        self._age_before = saved.age
        counted = saved.report.get("counts")
        if isinstance(counted, dict):
            self._counted = {str(name): int(value) for name, value in counted.items()}
        for name, courier in self._couriers.items():
            if name in taken_over:
                continue
            # An alert for a sink that is no longer configured waits until it is again. A run that
            # ends by itself cannot wait for the time of a retry.
            courier.put_parcels(
                Parcel(
                    one.alert, one.size, one.raised_wall, attempts=one.attempts,
                    due=0.0 if self._once else one.due_wall,
                )
                for one in saved.unsent
                if one.sink == name
            )  # fmt: skip
        sessions = list(saved.sessions)
        if saved.bundle != self._bundle.fingerprint:
            if saved.bundle is not None:
                log.info("the bundle is another than at the last run; open sessions are kept")
                translate(sessions, saved.templates, self._detector)
            self._unsaved.adopt(Adopted(self._bundle.fingerprint, self._detector.events.all))
        self._detector.sessions.restore(sessions, saved.counters)

    # Another bundle.

    def ask_for_bundle(self) -> None:
        """Look at once whether the bundle was replaced."""
        if self._bundles is not None:
            self._bundles.ask()

    def _look_for_bundle(self) -> None:
        if self._bundles is None or self._judging is None:
            return
        bundle = self._bundles.take()
        if bundle is None:
            return
        old = self._detector
        # What has ended is judged by the bundle that it ended under.
        self._raise(old.take())
        try:
            new = self._judging.successor(old, bundle)
        except UserError as error:
            self._bundles.refuse(error)
            return
        for name, count in _counts(old).items():
            self._counted[name] = self._counted.get(name, 0) + count
        self._templates_before += _templates_met(old) - _templates_met(new)
        self._bundle, self._detector = bundle, new
        self._bundles.accept(bundle)
        self._reporter.adopt(bundle)
        self._about["bundle"] = bundle.manifest.name
        self._unsaved.adopt(Adopted(bundle.fingerprint, new.events.all))
        log.info(
            "the bundle was replaced: %s, version %s, threshold %g; open sessions are kept",
            bundle.manifest.name, bundle.fingerprint[:12], new.threshold,
        )  # fmt: skip
        # The old one with its graphs.
        del old
        give_back()


def _templates_met(detector: Detector) -> int:
    return detector.events.host_count + detector.events.evicted


def _counts(detector: Detector) -> dict[str, int]:
    return {
        "lines_read": detector.lines_read,
        "lines_without_session": detector.lines_without_session,
        "lines_of_odd_format": detector.lines_of_odd_format,
        "sessions_scored": detector.sessions_scored,
        "sessions_ended_early": detector.sessions.ended_early,
        "events_forgotten": detector.events.evicted,
    }


def _courier(sink: Sink, state: State | None, clock: Clock) -> Courier:
    if state is None:
        return Courier(sink, clock)
    before = state.saved.report.get("sinks")
    tally = Tally(before.get(sink.name) if isinstance(before, dict) else None)
    path = state.path
    return Courier(sink, clock, texts=lambda: AlertTexts(path), tally=tally)
