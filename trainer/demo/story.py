"""How stories become logs: sessions told step by step, many at once, a few of them faulty."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from models.errors import UserError
from trainer.demo.dice import Dice
from trainer.demo.system import DemoSession, DemoSystem

Subject = TypeVar("Subject")

FIRST_SECOND = 1772366400
"""2026-03-01 12:00:00 UTC, when every demo log begins."""

SECONDS_BETWEEN_SESSIONS = 1.2
SECONDS_BETWEEN_BACKGROUND_LINES = 15.0
LONGEST_PAUSE = 8.0
"""No two neighbouring lines of a session are further apart, in seconds.

Time is compressed: what people and parcels do takes seconds too, so that sessions stay short.
"""

# Errors come twice in a turn: in real systems most faults say so, yet most kinds do not.
KIND_TURNS = ("error", "missing", "order", "count", "retry", "error")


@dataclass(frozen=True, slots=True)
class Step:
    """One line to be logged. `name` is the kind of event; `pause` the median seconds before it."""

    name: str
    level: str
    component: str
    content: str
    pause: float = 0.25


@dataclass(frozen=True, slots=True)
class Scene(Generic[Subject]):
    """All that distinguishes one system: its format, its stories and its faults.

    `subject` makes what a session is about (a block, an order) from its key. `normal` are stories
    with weights that sum to 1. `faults` are stories by kind and variant, at least one per kind.
    `render` turns milliseconds since the epoch and a step into a raw line.
    """

    name: str
    line_format: str
    line_regex: str | None
    time_format: str | None
    key_regex: str
    new_key: Callable[[Dice], str]
    subject: Callable[[Dice, str], Subject]
    normal: Sequence[tuple[float, Callable[[Subject], list[Step]]]]
    faults: Mapping[str, Mapping[str, Callable[[Subject], list[Step]]]]
    background: Callable[[Dice], Step]
    render: Callable[[Dice, int, Step], str]


def play(scene: Scene[Subject], sessions: int, seed: int, anomaly_share: float) -> DemoSystem:
    """Simulate `sessions` sessions, round(sessions * anomaly_share) of them faulty.

    The kinds of fault take turns, and within a kind its variants, so five faults are enough to
    have one of each kind; where in time each falls is random.

    Raises UserError if `sessions` is below 1, `seed` below 0 or `anomaly_share` not in 0 to 1.
    """
    if sessions < 1:
        raise UserError(f"{scene.name}: cannot make {sessions} sessions, ask for 1 or more")
    if seed < 0:
        raise UserError(f"{scene.name}: seed {seed} is negative, give 0 or more")
    if not 0.0 <= anomaly_share <= 1.0:
        raise UserError(f"{scene.name}: anomaly share {anomaly_share} is not between 0 and 1")
    dice = Dice(seed)
    faults = _planted_faults(scene, dice, sessions, round(sessions * anomaly_share))
    stories = [story for _, story in scene.normal]
    weights = [weight for weight, _ in scene.normal]
    start = float(FIRST_SECOND)
    keys: set[str] = set()
    told: list[DemoSession] = []
    for fault in faults:
        start += dice.waiting_time(SECONDS_BETWEEN_SESSIONS)
        key = scene.new_key(dice)
        while key in keys:
            key = scene.new_key(dice)
        keys.add(key)
        if fault is None:
            story = dice.one_of(stories, weights)
        else:
            kind, _, variant = fault.partition("/")
            story = scene.faults[kind][variant]
        steps = story(scene.subject(dice, key))
        told.append(DemoSession(key, fault, _timed_lines(scene, dice, start, steps)))
    end = max(session.lines[-1][0] for session in told)
    return DemoSystem(
        name=scene.name,
        line_format=scene.line_format,
        line_regex=scene.line_regex,
        time_format=scene.time_format,
        key_regex=scene.key_regex,
        sessions=tuple(told),
        background=_background_lines(scene, dice, end),
    )


def without(steps: Sequence[Step], name: str) -> list[Step]:
    """The steps without any called `name`."""
    _place(steps, name)
    return [step for step in steps if step.name != name]


def moved_before(steps: Sequence[Step], name: str, anchor: str) -> list[Step]:
    """The steps with the first called `name` moved to just before the first called `anchor`."""
    moved = steps[_place(steps, name)]
    rest = [step for step in steps if step is not moved]
    place = _place(rest, anchor)
    return [*rest[:place], moved, *rest[place:]]


def followed(steps: Sequence[Step], anchor: str, added: Sequence[Step]) -> list[Step]:
    """The steps with `added` put in after the first called `anchor`."""
    place = _place(steps, anchor) + 1
    return [*steps[:place], *added, *steps[place:]]


def ended_after(steps: Sequence[Step], anchor: str, added: Sequence[Step]) -> list[Step]:
    """The steps up to the first called `anchor`, then `added`, then nothing more."""
    return [*steps[: _place(steps, anchor) + 1], *added]


def thinned(dice: Dice, steps: Sequence[Step], name: str, lost: int) -> list[Step]:
    """The steps without `lost` of those called `name`, chosen at random; at least one stays."""
    places = [place for place, step in enumerate(steps) if step.name == name]
    if not 0 < lost < len(places):
        raise ValueError(f"cannot lose {lost} of {len(places)} steps called {name}")
    dropped = set(dice.some_of(places, lost))
    return [step for place, step in enumerate(steps) if place not in dropped]


def _place(steps: Sequence[Step], name: str) -> int:
    for place, step in enumerate(steps):
        if step.name == name:
            return place
    # A fault that finds nothing to change would be a normal session labelled as an anomaly.
    raise ValueError(f"no step called {name}")


def _planted_faults(
    scene: Scene[Subject], dice: Dice, sessions: int, faulty: int
) -> list[str | None]:
    """One entry per session: its fault as `kind/variant`, or None."""
    planted: list[str | None] = [None] * sessions
    turns = dict.fromkeys(KIND_TURNS, 0)
    for number, place in enumerate(dice.some_of(range(sessions), faulty)):
        kind = KIND_TURNS[number % len(KIND_TURNS)]
        variants = tuple(scene.faults[kind])
        planted[place] = f"{kind}/{variants[turns[kind] % len(variants)]}"
        turns[kind] += 1
    return planted


def _timed_lines(
    scene: Scene[Subject], dice: Dice, start: float, steps: Sequence[Step]
) -> tuple[tuple[float, str], ...]:
    # Whole milliseconds, so that the time kept is the time printed.
    milliseconds = round(start * 1000)
    lines = []
    for number, step in enumerate(steps):
        if number:
            pause = min(dice.response_time(step.pause), LONGEST_PAUSE)
            milliseconds += max(round(pause * 1000), 1)
        lines.append((milliseconds / 1000, scene.render(dice, milliseconds, step)))
    return tuple(lines)


def _background_lines(
    scene: Scene[Subject], dice: Dice, end: float
) -> tuple[tuple[float, str], ...]:
    lines = []
    now = float(FIRST_SECOND)
    while (now := now + dice.waiting_time(SECONDS_BETWEEN_BACKGROUND_LINES)) < end:
        milliseconds = round(now * 1000)
        line = scene.render(dice, milliseconds, scene.background(dice))
        lines.append((milliseconds / 1000, line))
    return tuple(lines)
