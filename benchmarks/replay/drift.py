"""Alert budgets on a host whose log changes: how many alerts come, of those that were asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.budget import HIGHEST
from benchmarks.replay.bundles import bundle_without
from benchmarks.replay.figures import by_day, by_spans
from benchmarks.replay.host import replay
from benchmarks.replay.logs import (
    LabelledLog,
    bgl_samples,
    by_key,
    by_window,
    evenly,
    hdfs,
    openstack,
    openstack_files,
    thunderbird,
    without_label_columns,
)
from models.bundle import Bundle

ALERTS_PER_DAY = 5.0
# Slow enough that a few thousand sessions are a week.
SESSIONS_PER_DAY = 250
_DAY, _HOUR = 86_400.0, 3600.0
_PAST = 0.2
_WINDOWS = 2_000


@dataclass(frozen=True)
class Scenario:
    """left_out: systems that the bundle has not seen; log: of the whole host, on its clock."""

    name: str
    says: str
    left_out: tuple[str, ...]
    log: Callable[[Path, int], LabelledLog]


@dataclass(frozen=True)
class Realised:
    """What came of a budget. start: history, or warm-up. rate, quarters, worst_day: alerts as
    shares of the budget, of the whole time, of each quarter of it, and of the worst whole day.
    beyond: alerts that no budget holds back."""

    scenario: str
    start: str
    seed: int
    days: float
    sessions: int
    anomalous: int
    alerts: int
    beyond: int
    rate: float
    quarters: list[float]
    worst_day: float

    @property
    def cell(self) -> tuple[str, str, int]:
        return self.scenario, self.start, self.seed

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Realised":
        return cls(**value)


def at_pace(log: LabelledLog, per_day: float) -> LabelledLog:
    """On a clock by which so many sessions come in a day."""
    days = len(log.labels) / per_day
    pause = days * _DAY / len(log.lines)
    # A key's lines lie as far apart as they did, in lines; windows are cut by no pause.
    return log.at(evenly(log.lines, pause), idle=max(_HOUR, 1000 * pause))


def _files(data: Path, seed: int) -> LabelledLog:
    whole = openstack(data)
    lines = [line for file in openstack_files(data) for line in file]
    assert whole.key_regex is not None
    one = by_key("openstack", lines, evenly(lines, 1.0), whole.labels, whole.key_regex, whole.idle)
    return at_pace(one.thinned(seed), SESSIONS_PER_DAY)


def _incident(data: Path, seed: int) -> LabelledLog:
    return at_pace(openstack(data), SESSIONS_PER_DAY)


def _release(data: Path, seed: int) -> LabelledLog:
    calm, mixed = bgl_samples(data)
    texts, odd = without_label_columns([*calm, *mixed])
    return at_pace(
        by_window("bgl", texts, evenly(texts, 1.0), odd, _HOUR).thinned(seed), SESSIONS_PER_DAY
    )


def _two_systems(data: Path, seed: int) -> LabelledLog:
    one, other = hdfs(data), thunderbird(data).thinned(seed)
    first = one.lines[: _WINDOWS * 20]
    bad = [one.labels.get(session, 0) == 1 for session in one.sessions[: len(first)]]
    odd = [other.labels[session] == 1 for session in other.sessions]
    lines = [*first, *other.lines]
    log = by_window("hdfs, then thunderbird", lines, evenly(lines, 1.0), [*bad, *odd], _HOUR)
    return at_pace(log, SESSIONS_PER_DAY)


def _rate(data: Path, seed: int) -> LabelledLog:
    log = at_pace(hdfs(data), SESSIONS_PER_DAY)
    half = len(log.lines) // 2
    turn = log.seconds[half]
    fast = [turn + (second - turn) / 4 for second in log.seconds[half:]]
    return log.at([*log.seconds[:half], *fast], log.idle)


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "new-kinds",
            "OpenStack's three files one after the other: two new kinds of anomalies",
            ("openstack",),
            _files,
        ),
        Scenario(
            "incident",
            "OpenStack's three files side by side, 31 % of the sessions anomalous",
            ("openstack",),
            _incident,
        ),
        Scenario(
            "release",
            "BGL's first 10,000 lines, then a sample of the seven months after them",
            ("bgl",),
            _release,
        ),
        Scenario(
            "two-systems",
            "HDFS in windows, then Thunderbird, in one file",
            ("hdfs", "thunderbird"),
            _two_systems,
        ),
        Scenario("rate", "HDFS by block; from its middle on four times as fast", ("hdfs",), _rate),
    )
}
STARTS = ("history", "warm-up")


def realised(
    scenario: Scenario, start: str, seed: int, data: Path, cache: Path, folder: Path
) -> Realised:
    """One replay with a budget of ``ALERTS_PER_DAY``; the first fifth of the sessions is a history
    in a file, or left away. Raises UserError."""
    bundle = Bundle.load(bundle_without(scenario.left_out, data, cache))
    past, log = scenario.log(data, seed).split(_PAST)
    history = None
    if start == "history":
        history = folder / "host.log"
        history.write_text("".join(f"{line}\n" for line in past.lines), encoding="utf-8")
    done = replay(
        bundle,
        log,
        alerts_per_day=ALERTS_PER_DAY,
        history=history,
        warm_up=0.0 if history else _HOUR,
    )
    begin = log.seconds[0]
    # The last sessions are judged after the last line.
    end = max(one.seconds for one in done.judged)
    days = (end - begin) / _DAY
    quarter = ALERTS_PER_DAY * days / 4
    told = [one for one in done.judged if one.alerted]
    return Realised(
        scenario=scenario.name,
        start=start,
        seed=seed,
        days=round(days, 2),
        sessions=len(done.judged),
        anomalous=log.anomalous,
        alerts=len(told),
        beyond=sum(one.score >= HIGHEST for one in told),
        rate=len(told) / (ALERTS_PER_DAY * days),
        quarters=[count / quarter for count in by_spans(told, begin, end, 4)],
        worst_day=max(by_day(told, begin, end), default=0) / ALERTS_PER_DAY,
    )
