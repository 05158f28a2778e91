"""What becomes of a session."""

from dataclasses import dataclass

from models.sessions import KeptLine


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
    line. open: it is not over, and the lines are those up to now. threshold: what it was held
    against.
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
    threshold: float = 0.0
