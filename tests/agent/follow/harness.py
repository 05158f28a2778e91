"""A follower over real files, with a clock that only moves when told."""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.follow import Event, Follower, Kind, LineBatch, Position, Selection


class ManualClock:
    """Starts at the real wall time, so that files written by a test are young."""

    def __init__(self, wall: float) -> None:
        self._wall = wall
        self._monotonic = 1000.0

    def wall(self) -> float:
        return self._wall

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._wall += seconds
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """What setting the machine's clock does."""
        self._wall += seconds


class ListRecorder:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: Kind) -> list[Event]:
        return [event for event in self.events if event.kind is kind]


class Bench:
    """A folder of logs and whoever follows it."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.folder = folder
        self.clock = clock
        self.recorder = ListRecorder()
        self.batches: list[LineBatch] = []
        self._follower: Follower | None = None
        self.selection_type = Selection

    def at_the_next_listing(self, act: Callable[[], object]) -> None:
        """Do something to the folder between the moments when names are listed and files opened."""
        waiting = [act]

        class Names(list[str]):
            def __iter__(self) -> Iterator[str]:
                yield from super().__iter__()
                while waiting:
                    waiting.pop()()

        class Disturbed(Selection):
            def listing(self) -> list[str]:
                return Names(super().listing())

        self.selection_type = Disturbed

    def follow(
        self,
        *paths: str | Path,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        **options: Any,
    ) -> Follower:
        """Start following ``paths``, or the whole folder, in place of what was followed before."""
        self.stop()
        selection = self.selection_type(
            [str(path) for path in paths or (self.folder,)],
            tuple(include),
            tuple(exclude),
            recorder=self.recorder,
        )
        options.setdefault("use_watchdog", False)
        self._follower = Follower(selection, clock=self.clock, recorder=self.recorder, **options)
        return self._follower

    def start(self, *paths: str | Path, **options: Any) -> None:
        """``follow``, and look at what is there, which must give no line."""
        self.follow(*paths, **options)
        assert self.read() == []

    @property
    def follower(self) -> Follower:
        assert self._follower is not None
        return self._follower

    def restart(self, *paths: str | Path, positions: Iterable[Position] | None = None) -> None:
        """Stop and go on from saved positions, through JSON, as a new process would."""
        saved = self.follower.positions() if positions is None else positions
        texts = [position.to_json() for position in saved]
        self.follow(*paths, positions=[Position.from_json(text) for text in texts], first_run=False)

    def read(self, seconds: float = 1.0) -> list[str]:
        """Let time pass and read until nothing is left; the lines, in the order they came."""
        self.clock.advance(seconds)
        return [line for batch in self.take() for line in batch.lines]

    def read_by_source(self, seconds: float = 1.0) -> list[tuple[str, str]]:
        self.clock.advance(seconds)
        return [(Path(batch.source).name, line) for batch in self.take() for line in batch.lines]

    def take(self) -> list[LineBatch]:
        batches: list[LineBatch] = []
        for _ in range(10_000):
            batches += self.follower.poll()
            if self.follower.drained():
                break
        else:
            raise AssertionError("the follower never comes to an end")
        self.batches += batches
        return batches

    def flush(self) -> list[str]:
        return [line for batch in self.follower.flush() for line in batch.lines]

    def stop(self) -> None:
        if self._follower is not None:
            self._follower.close()
            self._follower = None

    def append(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        with path.open("ab") as file:
            file.write(text.encode() if isinstance(text, str) else text)
        return path


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without the superuser's right to read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that every user may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
