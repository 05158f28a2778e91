"""From lines to verdicts: parse, cut into sessions, score. Knows no files and no alerts."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

from agent.open_sessions import OpenSessions
from models.bundle import Bundle
from models.contribution import contributions
from models.epochs import Epoch, Epochs, beyond_suspicion
from models.line_reader import LineReader
from models.lines import LineParser
from models.scorer import Score, Scorer
from models.sessions import Entries, KeptLine, Session, SessionRule

# Sessions that wait for the network together: more fill a batch better, fewer are scored sooner.
_SCORED_TOGETHER = 512
# Open sessions that are looked at in one go: with more, the lines themselves would wait.
_LOOKED_AT_TOGETHER = 2048
LINES_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Weighed:
    """An event of a session. weight: what it contributes to the score, in log-odds; new: unknown to
    the bundle; count: how often it occurs; line: the first with it, where that was kept, and
    message: its content."""

    event: int
    template: str
    weight: float
    count: int
    new: bool
    line: KeptLine | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a session. Times are unix seconds, ``zoned`` where their zone was stated.

    epoch: of the statistics it was scored by. In one epoch the same session has the same score.
    Of anomalous sessions only: weighed, all events, the heaviest first; items, the event of each
    line. open: it is not over, and the lines are those up to now.
    """

    key: str
    source: str
    place: str
    score: float
    anomalous: bool
    lines: int
    first_time: float | None
    last_time: float | None
    zoned: bool
    weighed: tuple[Weighed, ...]
    epoch: int = 0
    last_place: str = ""
    items: tuple[int, ...] = ()
    open: bool = False


class Detector:
    """Judges lines by a bundle.

    rule: the bundle's, or what the user put in its place; threshold: anomalous from here on.
    line_time_is_clock: idle time is counted by the lines' own time (old logs) and not by the
    caller's clock (a log that is being written). learning: sessions that end and are beyond
    suspicion join the statistics, from epoch to epoch, where the bundle's network reads any; epoch:
    the one to go on from; its templates are among the bundle's and ``host_templates``. keep_lines:
    some raw lines of each session, to be shown. explain: say which events weigh how much.
    only_anomalous: no verdicts on other sessions, which nobody asks for where there are many.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        rule: SessionRule,
        threshold: float,
        provider: str = "auto",
        host_templates: Sequence[str] = (),
        line_time_is_clock: bool = False,
        now: Callable[[], float] | None = None,
        learning: bool = False,
        epoch: Epoch | None = None,
        keep_lines: bool = True,
        explain: bool = True,
        only_anomalous: bool = False,
    ) -> None:
        self.threshold = threshold
        self.rule = rule
        self.sessions = OpenSessions(rule) if keep_lines else OpenSessions(rule, most_kept_bytes=0)
        self.scorer = Scorer(bundle, provider)
        self.lines_read = 0
        self.lines_without_session = 0
        self.sessions_scored = 0
        self._explain = explain
        self._only_anomalous = only_anomalous
        self._trained = bundle.manifest.events
        self.lines_of_odd_format = 0
        self._reader = LineReader(bundle.manifest.line_format, rule, bundle.manifest.masks, now)
        # Kept lines are read once more, and maybe cut: that is nobody's odd format.
        self._rereader = LineParser(bundle.manifest.line_format, now)
        self.events = bundle.parser(tuple(host_templates))
        self._line_time_is_clock = line_time_is_clock
        self._ended: list[Session[int]] = []
        self._changed: set[int] = set()
        # A higher threshold than the bundle's asks for fewer alerts, and vouches for nothing.
        self._guarded = min(threshold, bundle.manifest.threshold)
        self._cut_short: set[int] = set()
        self._now = 0.0
        self._begun: Epoch | None = None
        self._epochs: Epochs | None = None
        if learning and self.scorer.history is not None:
            self._epochs = Epochs(self.scorer.history, epoch)
            if epoch is not None:
                self.scorer.renew(self._epochs.history(), epoch.templates)

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
        for start in range(0, len(lines), LINES_AT_ONCE):
            part = slice(start, start + LINES_AT_ONCE)
            self._add(source, lines[part], now, offsets[part])
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
        if not ended:
            return []
        self._learn()
        self._begin_epoch()
        self.sessions_scored += len(ended)
        scores = self.scorer.score([session.items for session in ended])
        self._collect(ended, scores)
        odd = [
            i
            for i, (session, score) in enumerate(zip(ended, scores, strict=True))
            if score.probability >= self.threshold and not session.told
        ]
        weights: dict[int, dict[int, float]] = {i: {} for i in odd}
        if self._explain:
            sessions = [ended[i].items for i in odd]
            found = contributions(self.scorer, sessions, [scores[i] for i in odd])
            weights.update(zip(odd, found, strict=True))
        told = odd if self._only_anomalous else range(len(ended))
        return [self._verdict(ended[i], scores[i], weights.get(i)) for i in told]

    def early(self) -> list[Verdict]:
        """Verdicts on open sessions that are anomalous however they end: those that got lines since
        the last call and would be so if they ended the most ordinary way from here. Each is told
        of once, here or by ``take``.

        The first call begins it. With more than so many that grew, the rest waits for its end.
        """
        self.sessions.looks_ahead = True
        grown = self.sessions.take_grown()[:_LOOKED_AT_TOGETHER]
        self._learn()
        chosen = compress(grown, self.scorer.remarkable([one.items for one in grown]))
        some = list(chosen)
        scores = self.scorer.score_open([one.items for one in some])
        odd = [
            (session, score)
            for session, score in zip(some, scores, strict=True)
            if score.probability >= self.threshold
        ]
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
            self._verdict(session, score, found, still_open=True)
            for (session, score), found in zip(odd, weights, strict=True)
        ]

    def take_templates(self) -> dict[int, str]:
        """Templates of events met here that are new or changed since the last call, by id."""
        self._learn()
        changed, self._changed = self._changed, set()
        return {event: self.events.template(event) for event in sorted(changed)}

    def take_epoch(self) -> Epoch | None:
        """The epoch that has begun since the last call, None where none has."""
        begun, self._begun = self._begun, None
        return begun

    def _begin_epoch(self) -> None:
        # Before sessions are scored, not after: who asks more about them meets the same statistics.
        if self._epochs is not None and self._epochs.due(self._now):
            self._begun = self._epochs.advance(self._now, self.events.templates)
            self.scorer.renew(self._epochs.history(), self._begun.templates)

    def _collect(self, ended: Sequence[Session[int]], scores: Sequence[Score]) -> None:
        cut_short, self._cut_short = self._cut_short, set()
        if self._epochs is not None:
            self._epochs.collect(
                [
                    session.items
                    for session, score in zip(ended, scores, strict=True)
                    if beyond_suspicion(score.probability, self._guarded)
                    and id(session) not in cut_short
                    and not session.told
                ]
            )

    def _learn(self) -> None:
        self._changed.update(self.scorer.learn(self.events))

    def _verdict(
        self,
        session: Session[int],
        score: Score,
        weights: Mapping[int, float] | None,
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
