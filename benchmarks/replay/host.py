"""A host without a disk and without time of its own: ``agent.watching`` on a replayed log."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from agent.alerts import Policy, Quiet, Reporter, secrets_masker
from agent.follow import LineBatch, Position, Wakeup
from agent.judging import Judging, Knowledge
from agent.old_logs import learn
from agent.rounds import Rounds
from agent.streams import Streams
from agent.verdict import Verdict
from agent.watching import Watching
from benchmarks.replay.logs import LabelledLog
from models.bundle import Bundle
from models.session_rule import SessionRule

# An agent that has nothing to read looks again after a second; here after ten, for the sake of
# speed: that much later a session may be over, or judged.
_TICK = 10.0
_BEGIN = 1_750_000_000.0


class ReplayClock:
    """Stands still until it is moved."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def wall(self) -> float:
        return _BEGIN + self.seconds

    def monotonic(self) -> float:
        return self.seconds


class Feed:
    """Stands for the follower and its wakeup: hands out the lines whose time has come, and moves
    the clock on where the agent waits. over: called when all is read and all sessions are."""

    def __init__(self, log: LabelledLog, clock: ReplayClock, over: Callable[[], None]) -> None:
        self._log = log
        self._clock = clock
        self._over = over
        self._next = 0

    def poll(self) -> Iterator[LineBatch]:
        begin = self._next
        self._next = bisect_right(self._log.seconds, self._clock.seconds, begin)
        if self._next > begin:
            # The number of a line stands for its place in a file.
            places = list(range(begin, self._next))
            ends = [place + 1 for place in places]
            lines = list(self._log.lines[begin : self._next])
            yield LineBatch("host.log", "host.log", lines, places, ends)

    def drained(self) -> bool:
        return True

    def seconds_until_due(self) -> float:
        return 0.0

    def sleep(self, timeout: float) -> bool:
        self._clock.seconds += max(_TICK, timeout)
        if self._clock.seconds > self._log.seconds[-1] + self._log.idle + 2 * _TICK:
            self._over()
        return True

    def over(self) -> bool:
        return False

    def positions(self) -> list[Position]:
        return []

    journal_cursor = None
    files = 1

    def describe(self) -> str:
        return "a replay"

    def report(self) -> dict[str, Any]:
        return {}

    def flush(self) -> list[LineBatch]:
        return []

    def wake(self) -> None:
        pass

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Judged:
    """What the agent made of a session, or of a part of one. seconds: when it did."""

    session: str
    score: float
    alerted: bool
    seconds: float


class _Recorded(Watching):
    """Keeps all verdicts and their times."""

    def record(self, clock: ReplayClock) -> list[tuple[Verdict, float]]:
        self.recorded: list[tuple[Verdict, float]] = []
        self._replay_clock = clock
        return self.recorded

    def _raise(self, verdicts: Sequence[Verdict]) -> None:
        self.recorded += [(one, self._replay_clock.seconds) for one in verdicts]
        super()._raise(verdicts)


@dataclass(frozen=True)
class Replayed:
    """judged: in the order of the replay. threshold: the one that ``watch`` would have gone by
    without a budget."""

    judged: list[Judged]
    threshold: float


def replay(
    bundle: Bundle,
    log: LabelledLog,
    *,
    alerts_per_day: float | None,
    history: Path | None = None,
    warm_up: float = 0.0,
) -> Replayed:
    """``metalog-agent watch --when-over`` on the log, with what ``log`` says of keys and idle time.

    history: old logs to begin with, as of ``--history``; warm_up: seconds of one, as of
    ``--warmup``.
    """
    clock = ReplayClock(log.seconds[0])
    judging = Judging(
        rule=lambda one: _rule(one, log),
        alerts_per_day=alerts_per_day,
        warm_up=warm_up,
        keep_lines=False,
        now=clock.wall,
        only_anomalous=False,
    )
    known = Knowledge()
    if history is not None:
        known = learn([history], bundle, judging, known)
    detector = judging.detector(bundle, known)
    reporter = Reporter(bundle=bundle, threshold=detector.threshold, secrets=secrets_masker())
    feed = Feed(log, clock, lambda: rounds.stop())
    watching = _Recorded(
        bundle=bundle,
        detector=detector,
        # It has what is called of them.
        streams=cast(Streams, feed),
        sinks=(),
        reporter=reporter,
        quiet=Quiet(Policy(group=False), reporter),
        state=None,
        clock=clock,
        once=False,
        when_over=True,
    )
    recorded = watching.record(clock)
    # It waits as a wakeup does, too.
    rounds = Rounds({"": watching}, cast(Wakeup, feed))
    rounds.run()
    tuned = watching.detector.tuning().get("threshold")
    return Replayed(
        [
            Judged(log.session_of(one.key, one.place), one.score, one.anomalous, seconds)
            for one, seconds in recorded
        ],
        bundle.manifest.threshold if tuned is None else float(tuned),
    )


def _rule(bundle: Bundle, log: LabelledLog) -> SessionRule:
    return bundle.manifest.rule.overridden(key_regex=log.key_regex, idle=log.idle)
