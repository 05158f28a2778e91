"""The board as Prometheus reads it. Imported when somebody asks; see ``Server``."""

import platform
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from agent.metrics import families
from agent.metrics.board import Board
from agent.metrics.families import FAMILIES, Family
from agent.metrics.health import dead, seconds_failing, unready_input
from agent.metrics.judged import BOUNDS
from agent.metrics.snapshot import SinkFigures, Snapshot

_MADE = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}
_Values = Iterator[tuple[Family, float, dict[str, str]]]


def registry_of(board: Board) -> CollectorRegistry:
    """With the figures of the process (process_...), which are read when they are asked for."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(BoardCollector(board))
    return registry


class BoardCollector(Collector):
    """Makes all families of what lies on the board when it is asked; ages are those of then."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def collect(self) -> Iterator[Metric]:
        made = {one.name: _MADE[one.kind](one.name, one.help) for one in FAMILIES}

        def say(family: Family, value: float, labels: Mapping[str, str], suffix: str = "") -> None:
            given = {name: _utf8(text) for name, text in labels.items() if text}
            made[family.name].add_sample(family.name + suffix, given, value)

        release = {"version": version("metalog"), "python": platform.python_version()}
        say(families.BUILD_INFO, 1, release)
        now = time.monotonic()
        dying = dead(self._board, now) is not None
        for name, one in self._board.snapshots.items():
            for family, value, labels in _values(one, now, dying=dying):
                say(family, value, {"input": name, **labels})
            for suffix, value, labels in _histogram(one):
                say(families.SCORE_SECONDS, value, {"input": name, **labels}, suffix)
        yield from (one for one in made.values() if one.samples)


def _values(one: Snapshot, now: float, *, dying: bool) -> _Values:
    for source, figures in one.sources.items():
        labels = {"source": source}
        yield families.LINES_READ, figures.lines, labels
        yield families.BYTES_READ, figures.bytes, labels
        yield families.READ_LAG, figures.unread, labels
    yield families.FILES_OPEN, one.files_open, {}
    yield families.FILES_UNREADABLE, one.files_unreadable, {}
    yield families.SESSIONS_OPEN, one.sessions_open, {}
    yield families.SESSIONS_SCORED, one.normal, {"verdict": "normal"}
    yield families.SESSIONS_SCORED, one.anomalous, {"verdict": "anomalous"}
    yield families.TEMPLATES, one.templates, {}
    yield families.UNKNOWN_TEMPLATES, one.unknown_templates, {}
    yield families.ALERTS_RAISED, one.alerts_raised, {}
    for name, sink in one.sinks.items():
        yield from _of_sink(name, sink, now)
    if one.saved_at is not None:
        yield families.CHECKPOINT_AGE, max(0.0, now - one.saved_at), {}
    yield families.READING, float(one.held_by is None and one.unsaved is None), {}
    yield families.READY, float(not dying and not any(unready_input(one, now))), {}


def _of_sink(name: str, sink: SinkFigures, now: float) -> _Values:
    labels = {"sink": name}
    outcomes = {
        "delivered": sink.delivered,
        "failed": sink.failed,
        "dropped": sum(sink.dropped.values()),
    }
    for outcome, count in outcomes.items():
        yield families.ALERTS, count, {**labels, "outcome": outcome}
    yield families.SPOOL_ALERTS, sink.alerts, labels
    yield families.SPOOL_BYTES, sink.bytes, labels
    yield families.SINK_FAILING, seconds_failing(sink.waits_since, now), labels


def _histogram(one: Snapshot) -> Iterator[tuple[str, float, dict[str, str]]]:
    count = 0
    for bound, batches in zip((*map(str, BOUNDS), "+Inf"), one.buckets, strict=True):
        count += batches
        yield "_bucket", count, {"le": bound}
    yield "_count", count, {}
    yield "_sum", one.score_seconds, {}


def _utf8(text: str) -> str:
    """Names of files may hold bytes that are no UTF-8; the library escapes all else."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
