"""From lines to verdicts: parse, cut into sessions, score. Knows no files and no alerts."""

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, compress
from time import perf_counter
from typing import Any

from agent.budget import Budget
from agent.durations import readable_duration
from agent.excess import Excess
from agent.metrics.judged import Judged
from agent.open_sessions import OpenSessions
from agent.verdict import Verdict, Weighed
from agent.warm_up import BEYOND_DOUBT, WARM_UP_PACE, YOUNG_PACE, WarmUp, found_threshold
from models.bundle import Bundle
from models.contribution import contributions
from models.epochs import MOST_HOST_EVENTS, Epoch, Epochs, Pace, beyond_suspicion
from models.events import MOST_HOST_TEMPLATES, HostEvent
from models.line_reader import LineReader
from models.lines import LineParser
from models.scorer import Score, Scorer
from models.session_rule import SessionRule
from models.sessions import Entries, KeptLine, Session

# Sessions that wait for the network together: more fill a batch better, fewer are scored sooner.
_SCORED_TOGETHER = 512
# Open sessions that are looked at in one go: with more, the lines themselves would wait.
_LOOKED_AT_TOGETHER = 2048
# In a warm-up: no more than its first epoch takes.
_WARMED_TOGETHER = 250
LINES_AT_ONCE = 4096
# Of events that are forgotten nobody wants to read all day.
_SECONDS_BETWEEN_WORDS = 3600.0

log = logging.getLogger("metalog")


class Detector:
    """Judges lines by a bundle.

    rule: the bundle's, or what the user put in its place; threshold: anomalous from here on.
    line_time_is_clock: idle time is counted by the lines' own time (old logs) and not by the
    caller's clock (a log that is being written). learning: sessions that end and are beyond
    suspicion join the statistics, from epoch to epoch, where the bundle's network reads any; epoch:
    the one to go on from; its templates are among the bundle's and ``host_templates``. keep_lines:
    some raw lines of each session, to be shown. explain: say which events weigh how much.
    only_anomalous: no verdicts on other sessions, which nobody asks for where there are many.
    budget: sets the threshold, in the place of ``threshold``. warm_up: to go through first, or to
    go on with; only while learning. found: the threshold that an earlier warm-up has found, with
    ``threshold`` None: then that or the bundle's own. most_host_templates: events met here that
    are known at the same time.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        rule: SessionRule,
        threshold: float | None,
        provider: str = "auto",
        host_templates: Sequence[str | HostEvent | None] = (),
        line_time_is_clock: bool = False,
        now: Callable[[], float] | None = None,
        learning: bool = False,
        epoch: Epoch | None = None,
        keep_lines: bool = True,
        explain: bool = True,
        only_anomalous: bool = False,
        budget: Budget | None = None,
        warm_up: WarmUp | None = None,
        found: float | None = None,
        most_host_templates: int = MOST_HOST_TEMPLATES,
    ) -> None:
        self._chosen = threshold
        self._found = found
        self.rule = rule
        self.sessions = OpenSessions(rule) if keep_lines else OpenSessions(rule, most_kept_bytes=0)
        self.scorer = Scorer(bundle, provider)
        self.lines_read = 0
        self.lines_without_session = 0
        self.sessions_scored = 0
        self.judged = Judged()
        self._explain = explain
        self._only_anomalous = only_anomalous
        self._trained = bundle.manifest.events
        self.lines_of_odd_format = 0
        self._reader = LineReader(bundle.manifest.line_format, rule, bundle.manifest.masks, now)
        # Kept lines are read once more, and maybe cut: that is nobody's odd format.
        self._rereader = LineParser(bundle.manifest.line_format, now)
        self.events = bundle.parser(host_templates, capacity=most_host_templates)
        self._line_time_is_clock = line_time_is_clock
        self._ended: list[Session[int]] = []
        self._excess = Excess()
        self._changed: set[int] = set()
        self._bundles_threshold = bundle.manifest.threshold
        self._cut_short: set[int] = set()
        self._now = 0.0
        self._said_at = -math.inf
        self._begun: Epoch | None = None
        self._epochs: Epochs | None = None
        self._learning = learning
        self.budget = budget
        self.warm_up: WarmUp | None = None
        if self.scorer.history is not None and (learning or epoch is not None):
            self._epochs = Epochs(self.scorer.history, epoch)
            if epoch is not None:
                self.scorer.renew(self._epochs.history(), epoch.templates)
            if learning:
                self.warm_up = warm_up
                self._set_pace(self._epochs)
        self.sessions.common = self.scorer.common()

    @property
    def threshold(self) -> float:
        """What the next session is held against."""
        usual = self._fixed if self.budget is None else self.budget.threshold
        return usual if self.warm_up is None else max(usual, BEYOND_DOUBT)

    @threshold.setter
    def threshold(self, threshold: float) -> None:
        self._chosen = threshold

    @property
    def _fixed(self) -> float:
        return self._vouching if self._chosen is None else self._chosen

    @property
    def _vouching(self) -> float:
        """What a session must be well below to be learnt from: it stays where it is."""
        return self._bundles_threshold if self._found is None else self._found

    @property
    def knows_nothing(self) -> bool:
        """Whether the network reads statistics and there are none yet."""
        history = self.scorer.history
        return history is not None and not history.sessions

    @property
    def epoch(self) -> int:
        """Number of the statistics in use: 0 for the bundle's own."""
        return 0 if self._epochs is None else self._epochs.current.number

    def add(
        self, source: str, lines: Sequence[str], now: float, offsets: Sequence[int] = ()
    ) -> list[Verdict]:
        """Take in lines of one source; verdicts on sessions whose score could be had already.

        source: their file, as it is to be called; offsets: where each line begins in it, or none.
        now: seconds of the caller's clock. What has ended but was not scored yet comes out of
        ``take``.
        """
        self._now = now
        verdicts: list[Verdict] = []
        start = 0
        while start < len(lines):
            if self.events.crowded:
                verdicts += self._make_room()
            # Each line may be an event of its own.
            part = slice(start, start + max(1, min(LINES_AT_ONCE, self.events.room)))
            self._add(source, lines[part], now, offsets[part])
            start = part.stop
            if len(self._ended) >= _SCORED_TOGETHER:
                verdicts += self.take()
        return verdicts

    def _add(self, source: str, lines: Sequence[str], now: float, offsets: Sequence[int]) -> None:
        read = self._reader.columns(lines, offsets)
        self.lines_read += len(lines)
        self.lines_without_session += read.strays
        self.lines_of_odd_format += read.unfit
        self._ended += self.sessions.add_all(
            Entries(
                lines=read.lines,
                keys=read.keys,
                sources=[stated or source for stated in read.sources],
                items=self.events.parse_masked(read.messages),
                times=read.times,
                clock=None if self._line_time_is_clock else now,
                file=source,
                offsets=read.offsets,
            )
        )
        shed = list(self.sessions.shed())
        # In memory until they are scored, so these name them.
        self._cut_short.update(map(id, shed))
        self._ended += shed

    def _make_room(self) -> list[Verdict]:
        """Forget events that were met here; where open sessions have too many of them, those are
        over early, with all that is known of their events."""
        # Nobody needs the events of a session that was scored.
        verdicts = self.take()
        self._evict()
        # Not just as much as is needed: this looks at all that is open.
        enough = self.events.capacity // 5 - self.events.room
        if enough <= 0:
            return verdicts
        shed = list(self.sessions.end_holders(self.events.young, enough))
        self._cut_short.update(map(id, shed))
        self._ended += shed
        verdicts += self.take()
        self._evict()
        return verdicts

    def _evict(self) -> None:
        # Ids that mean something to anybody: statistics, and sessions that were not scored yet.
        in_use = set() if self._epochs is None else self._epochs.counted()
        for session in chain(self.sessions, self._ended):
            in_use.update(session.items)
        gone = self.events.evict(in_use)
        self.scorer.release(gone)
        self._changed.update(gone)
        if gone and self._now - self._said_at >= _SECONDS_BETWEEN_WORDS:
            self._said_at = self._now
            log.warning(
                "too many log lines that nobody trained on: of %d such events, %d that few sessions"
                " had are forgotten, and new again when they come again",
                self.events.host_count + len(gone),
                len(gone),
            )

    def idle(self, now: float) -> None:
        """End the sessions that had no line for the rule's idle time."""
        self._now = now
        self._ended += self.sessions.idle(now)

    def close(self) -> None:
        """End all sessions: the input is over."""
        self._ended += self.sessions.close()

    def take(self) -> list[Verdict]:
        """Score the sessions that have ended, in the order in which they did."""
        ended, self._ended = self._ended, []
        verdicts: list[Verdict] = []
        while ended:
            # In a warm-up each epoch changes much: sessions that come together are no reason to
            # judge all of them by the first one.
            at_once = len(ended) if self.warm_up is None else _WARMED_TOGETHER
            verdicts += self._judged(ended[:at_once])
            ended = ended[at_once:]
        return verdicts

    def _judged(self, ended: Sequence[Session[int]]) -> list[Verdict]:
        self._learn()
        self._begin_epoch()
        self.sessions_scored += len(ended)
        self.events.count_sessions([session.items for session in ended])
        began = perf_counter()
        scores = self.scorer.score([session.items for session in ended])
        self.judged.took(perf_counter() - began)
        self._collect(ended, scores)
        thresholds: dict[int, float] = {}
        if self.budget is not None:
            self.budget.catch_up(self._now)
        for i, (session, score) in enumerate(zip(ended, scores, strict=True)):
            threshold = self.threshold
            # Each is asked about once, but for what was told of before it was over.
            passed = session.told or self._passes(score.probability)
            if passed and not session.told:
                thresholds[i] = threshold
            if self._learning and self.budget is None and self._excess.is_news(passed, self._now):
                log.warning(
                    "%d of the last 500 sessions are anomalous: what is usual here has changed, or "
                    "the threshold of %.3g is too low; --alerts-per-day bounds alerts, and "
                    "`metalog-train adapt` learns from newer logs",
                    self._excess.anomalous,
                    threshold,
                )
        odd = list(thresholds)
        self.judged.ended(len(ended), len(odd) + sum(session.told for session in ended))
        weights: dict[int, dict[int, float]] = {i: {} for i in odd}
        if self._explain:
            sessions = [ended[i].items for i in odd]
            found = contributions(self.scorer, sessions, [scores[i] for i in odd])
            weights.update(zip(odd, found, strict=True))
        told = odd if self._only_anomalous else range(len(ended))
        return [
            self._verdict(ended[i], scores[i], weights.get(i), thresholds.get(i, self.threshold))
            for i in told
        ]

    def _passes(self, probability: float) -> bool:
        if self.budget is None or self.warm_up is not None:
            return probability >= self.threshold
        return self.budget.passes(probability, self._now)

    def early(self) -> list[Verdict]:
        """Verdicts on open sessions that are anomalous however they end: those that got lines since
        the last call and would be so if they ended the most ordinary way from here. Each is told
        of once, here or by ``take``.

        The first call begins it. With more than so many that grew, the rest waits for its end.
        """
        grown = self.sessions.take_grown()[:_LOOKED_AT_TOGETHER]
        self._learn()
        chosen = compress(grown, self.scorer.remarkable([one.items for one in grown]))
        some = list(chosen)
        scores = self.scorer.score_open([one.items for one in some])
        odd: list[tuple[Session[int], Score]] = []
        thresholds: list[float] = []
        if self.budget is not None and some:
            self.budget.catch_up(self._now)
        for session, score in zip(some, scores, strict=True):
            threshold = self.threshold
            # Those that do not pass are asked about once, when they are over.
            if score.probability >= threshold and self._passes(score.probability):
                odd.append((session, score))
                thresholds.append(threshold)
        weights: list[dict[int, float]] = [{}] * len(odd)
        if self._explain:
            weights = contributions(
                self.scorer,
                [session.items for session, _ in odd],
                [score for _, score in odd],
                still_open=True,
            )
        for session, _ in odd:
            session.told = True
        return [
            self._verdict(session, score, found, threshold, still_open=True)
            for (session, score), found, threshold in zip(odd, weights, thresholds, strict=True)
        ]

    def take_templates(self) -> dict[int, HostEvent | None]:
        """Events met here that are new or changed since the last call, by id; None for those that
        were forgotten."""
        self._learn()
        changed, self._changed = self._changed | self.events.take_counted(), set()
        return {event: self.events.host_event(event) for event in sorted(changed)}

    def take_epoch(self) -> Epoch | None:
        """The epoch that has begun since the last call, None where none has."""
        begun, self._begun = self._begun, None
        return begun

    def _begin_epoch(self) -> None:
        # Before sessions are scored, not after: who asks more about them meets the same statistics.
        if self._epochs is None or not self._learning:
            return
        if self.warm_up is not None and self.warm_up.over(self._now):
            self.end_warm_up()
        elif self._epochs.due(self._now):
            self._advance(self._epochs)

    def end_warm_up(self, seconds: float | None = None) -> None:
        """Learn what was collected; from here on go by the usual threshold, or the budget's.
        seconds: that the sessions took; by default those of the caller's clock."""
        warm_up, self.warm_up = self.warm_up, None
        if warm_up is None or self._epochs is None:
            return
        self._learn()
        self._advance(self._epochs)
        self._set_pace(self._epochs)
        if seconds is None:
            seconds = warm_up.elapsed(self._now)
        scores, share = warm_up.later_scores()
        if not self._epochs.base.sessions:
            # The bundle's own threshold was set for a system that nobody knew.
            self._found = found_threshold(scores, self._bundles_threshold)
        if self.budget is not None:
            self.budget.start_from(scores, share * seconds)
        log.info(
            "what is usual here was learnt from %d sessions in %s of the log; "
            "threshold %.3g from here on",
            warm_up.seen,
            readable_duration(seconds),
            self.threshold,
        )

    def tuning(self) -> dict[str, str]:
        """What it has set to its host, for ``agent.judging`` to go on with."""
        parts = {"budget": self.budget, "warm-up": self.warm_up}
        tuning = {name: one.to_json() for name, one in parts.items() if one is not None}
        return tuning if self._found is None else {**tuning, "threshold": repr(self._found)}

    @property
    def statistics(self) -> Epoch | None:
        """The epoch in use, None for the bundle's own statistics."""
        return self._epochs.current if self._epochs is not None and self.epoch else None

    def report(self) -> dict[str, Any]:
        """For status: what the next session is held against, and why. JSON-ready."""
        return {
            "threshold": self.threshold,
            "epoch": self.epoch,
            "alerts_per_day": None if self.budget is None else self.budget.per_day,
            "warm_up": None if self.warm_up is None else self.warm_up.report(self._now),
            "host_events": self.events.host_count,
        }

    def take_over(self, epoch: Epoch) -> None:
        """Say of the epoch that this began with that nobody has saved it yet."""
        self._begun = epoch

    def _advance(self, epochs: Epochs) -> None:
        if self.events.host_count >= MOST_HOST_EVENTS:
            # Of later ids no statistics are kept; the lowest free ones are given out first.
            self._evict()
        self._begun = epochs.advance(self._now, self.events.templates)
        self.scorer.renew(epochs.history(), self._begun.templates)
        self.sessions.common = self.scorer.common()

    def _set_pace(self, epochs: Epochs) -> None:
        if self.warm_up is not None:
            epochs.pace = WARM_UP_PACE
        else:
            epochs.pace = Pace() if epochs.base.sessions else YOUNG_PACE

    def _collect(self, ended: Sequence[Session[int]], scores: Sequence[Score]) -> None:
        cut_short, self._cut_short = self._cut_short, set()
        if self.warm_up is not None:
            self.warm_up.observe([score.probability for score in scores], self._now)
        if self._epochs is not None and self._learning:
            self._epochs.collect(
                [
                    session.items
                    for session, score in zip(ended, scores, strict=True)
                    if self._is_harmless(score.probability, self._epochs)
                    and id(session) not in cut_short
                    and not session.told
                ]
            )

    def _is_harmless(self, probability: float, epochs: Epochs) -> bool:
        if self.warm_up is not None and not epochs.base.sessions:
            # To a network that knows nothing of the host most sessions look a little suspicious.
            return probability < BEYOND_DOUBT
        # A higher threshold, the user's or the budget's, asks for fewer alerts and vouches for
        # nothing.
        return beyond_suspicion(probability, min(self.threshold, self._vouching))

    def _learn(self) -> None:
        self._changed.update(self.scorer.learn(self.events))

    def _verdict(
        self,
        session: Session[int],
        score: Score,
        weights: Mapping[int, float] | None,
        threshold: float,
        *,
        still_open: bool = False,
    ) -> Verdict:
        return Verdict(
            key=session.key,
            source=session.source,
            place=session.place,
            score=score.probability,
            anomalous=weights is not None,
            lines=len(session.items),
            first_time=session.first_time,
            last_time=session.last_time,
            zoned=self._reader.zoned,
            weighed=() if weights is None else tuple(self._weigh(session, weights)),
            epoch=self.epoch,
            last_place=session.last_place,
            items=() if weights is None else tuple(session.items),
            open=still_open,
            threshold=threshold,
        )

    def _weigh(self, session: Session[int], weights: Mapping[int, float]) -> Iterator[Weighed]:
        kept = session.kept or {}
        counts = Counter(session.items)
        # The last ones are those that were too many to be weighed.
        for event in [*weights, *(counts.keys() - weights.keys())]:
            line = kept.get(event)
            yield Weighed(
                event,
                self.events.template(event),
                weights.get(event, 0.0),
                counts[event],
                event >= self._trained,
                line,
                None if line is None else self._message(line),
            )

    def _message(self, line: KeptLine) -> str | None:
        record = self._rereader.parse(line.text)
        return record.content if record.fits else None
