"""From lines to verdicts: parse, cut into sessions, score. Knows no files and no alerts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from agent.open_sessions import OpenSessions
from models.bundle import Bundle
from models.lines import LineParser
from models.scorer import Score, Scorer
from models.sessions import Entry, Session, SessionRule

# Sessions that wait for the network together: more fill a batch better, fewer are scored sooner.
_SCORED_TOGETHER = 512
_LINES_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Line:
    """A line to be judged. place: where it stands, such as ``app.log:1024``."""

    text: str
    source: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Weighed:
    """An event of a session. weight: the attention it received, 0 to 1; new: unknown to the
    bundle; count: how often it occurs."""

    template: str
    weight: float
    count: int
    new: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a session. Times are unix seconds, ``zoned`` where their zone was stated."""

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


class Detector:
    """Judges lines by a bundle.

    rule: the bundle's, or what the user put in its place; threshold: anomalous from here on.
    line_time_is_clock: idle time is counted by the lines' own time (old logs) and not by the
    caller's clock (a log that is being written).
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
    ) -> None:
        self.threshold = threshold
        self.rule = rule
        self.sessions = OpenSessions(rule)
        self.scorer = Scorer(bundle, provider)
        self.lines_read = 0
        self.lines_without_session = 0
        self.sessions_scored = 0
        self._trained = bundle.manifest.events
        self._parser = LineParser(bundle.manifest.line_format, now)
        self.events = bundle.parser(tuple(host_templates))
        self._line_time_is_clock = line_time_is_clock
        self._line_clock = 0.0
        self._ended: list[Session[int]] = []
        self._changed: set[int] = set()

    @property
    def lines_of_odd_format(self) -> int:
        return self._parser.unfit

    def add(self, lines: Iterable[Line], now: float) -> list[Verdict]:
        """Take lines in; verdicts on sessions whose score could be had already.

        now: seconds of the caller's clock. What has ended but was not scored yet comes out of
        ``take``.
        """
        verdicts: list[Verdict] = []
        chunk: list[Line] = []
        for line in lines:
            chunk.append(line)
            if len(chunk) >= _LINES_AT_ONCE:
                verdicts += self._add_chunk(chunk, now)
                chunk = []
        return verdicts + self._add_chunk(chunk, now)

    def _add_chunk(self, lines: list[Line], now: float) -> list[Verdict]:
        self.lines_read += len(lines)
        wanted = []
        for line in lines:
            if not line.text or line.text.isspace():
                continue
            keys = self.sessions.keys(line.text)
            if not self.sessions.belongs(keys):
                self.lines_without_session += 1
                continue
            wanted.append((line, keys, self._parser.parse(line.text)))
        events = self.events.parse([record.content for _, _, record in wanted])
        verdicts: list[Verdict] = []
        for (line, keys, record), event in zip(wanted, events, strict=True):
            clock = now
            if self._line_time_is_clock:
                if record.time is not None:
                    self._line_clock = max(self._line_clock, record.time)
                clock = self._line_clock
                self._ended += self.sessions.idle(clock)
            source = record.source or line.source
            entry = Entry(line.text, keys, source, event, record.time, clock, line.place)
            self._ended += self.sessions.add(entry)
            if len(self._ended) >= _SCORED_TOGETHER:
                verdicts += self.take()
        self._ended += self.sessions.shed()
        return verdicts

    def idle(self, now: float) -> None:
        """End the sessions that had no line for the rule's idle time."""
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
        self.sessions_scored += len(ended)
        scores = self.scorer.score([session.items for session in ended])
        return [self._verdict(session, score) for session, score in zip(ended, scores, strict=True)]

    def take_templates(self) -> dict[int, str]:
        """Templates of events met here that are new or changed since the last call, by id."""
        self._learn()
        changed, self._changed = self._changed, set()
        return {event: self.events.template(event) for event in sorted(changed)}

    def _learn(self) -> None:
        self._changed.update(self.scorer.learn(self.events))

    def _verdict(self, session: Session[int], score: Score) -> Verdict:
        anomalous = score.probability >= self.threshold
        return Verdict(
            key=session.key,
            source=session.source,
            place=session.place,
            score=score.probability,
            anomalous=anomalous,
            lines=len(session.items),
            first_time=session.first_time,
            last_time=session.last_time,
            zoned=self._parser.zoned,
            weighed=self._weigh(session.items, score) if anomalous else (),
        )

    def _weigh(self, items: list[int], score: Score) -> tuple[Weighed, ...]:
        events, places, counts = np.unique(items, return_inverse=True, return_counts=True)
        weights = np.bincount(places, weights=score.weights)
        return tuple(
            Weighed(
                self.events.template(int(events[i])),
                float(weights[i]),
                int(counts[i]),
                int(events[i]) >= self._trained,
            )
            for i in np.argsort(-weights, kind="stable")
        )
