"""Progress of long work, on stderr, so that stdout stays for results.

On a terminal every stage has a bar with the time it will still take; bars vanish when they are
over. Elsewhere (a log of CI, a dumb terminal) a stage that takes minutes says a line a minute.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

console = Console(stderr=True)

_SECONDS_BETWEEN_LINES = 60.0
Item = TypeVar("Item")


def say(text: str) -> None:
    """One line for the person at the terminal."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


class Stage:
    """One piece of long work, as it is told how far it is."""

    def __init__(self, bars: Progress, task: Task) -> None:
        self._bars = bars
        self._task = task
        self._said = time.monotonic()

    def reach(self, done: float, total: float | None = None, note: str = "") -> None:
        """So much is done, of ``total`` where that has become known; note: stands beside it."""
        note = note or self._task.fields["note"]
        self._bars.update(self._task.id, completed=done, total=total, note=note)
        if self._bars.disable and time.monotonic() - self._said > _SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            if not _display.silent:
                say(_line(self._task))

    def advance(self, more: float = 1) -> None:
        self.reach(self._task.completed + more)


class _Display:
    """The bars of this process; there is one terminal, so there is one of them."""

    def __init__(self) -> None:
        self.bars: Progress | None = None
        self.silent = False

    def open(self) -> Progress:
        if self.bars is None:
            # Where nobody looks, rich would leave an empty line in place of the bar.
            looked_at = console.is_terminal and not console.is_dumb_terminal and not self.silent
            self.bars = Progress(
                SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), _Amount(), _Left(),
                console=console, transient=True, disable=not looked_at,
                # What a command prints is not to go the way of the bars, to stderr.
                redirect_stdout=False,
            )  # fmt: skip
            self.bars.start()
        return self.bars

    def close(self) -> None:
        if self.bars is not None:
            self.bars.stop()
            self.bars = None


_display = _Display()


def silence() -> None:
    """No bars from here on: this process works for another one, which has the terminal."""
    _display.silent = True


def clear() -> None:
    """Take all bars away: an error has ended what they stood for."""
    _display.close()


@contextmanager
def stage(title: str, total: float | None = None, *, unit: str = "") -> Iterator[Stage]:
    """Work that takes a while; may stand inside another one. total: None where nobody knows it;
    unit: "bytes" for amounts of data."""
    bars = _display.open()
    number = bars.add_task(title, total=total, unit=unit, note="")
    try:
        yield Stage(bars, next(task for task in bars.tasks if task.id == number))
    finally:
        bars.remove_task(number)
        if not bars.task_ids and bars is _display.bars:
            _display.close()


def counted(title: str, items: Iterable[Item], total: int) -> Iterator[Item]:
    """``items``, while a bar counts those that are done."""
    with stage(title, total) as bar:
        for item in items:
            yield item
            bar.advance()


@contextmanager
def byte_bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar over bytes; yields a function that takes the bytes done so far."""
    with stage(title, total, unit="bytes") as bar:
        yield bar.reach


@contextmanager
def step_bar(title: str) -> Iterator[Callable[[int, int, dict[str, float]], None]]:
    """A bar over training steps; yields what ``trainer.fit.train`` reports to."""
    with stage(title) as bar:

        def report(step: int, steps: int, losses: dict[str, float]) -> None:
            text = "  ".join(f"{name.split('/')[1]} {value:.3f}" for name, value in losses.items())
            bar.reach(step, steps, text)

        yield report


def _line(task: Task) -> str:
    """A stage in one plain line."""
    parts = [task.description]
    if task.total:
        parts.append(f"{task.completed / task.total:.0%}")
    if task.fields["note"]:
        parts.append(task.fields["note"])
    left = task.time_remaining
    parts.append(f"{_clock(task.elapsed)} so far" if left is None else f"{_clock(left)} left")
    return ": ".join([parts[0], ", ".join(parts[1:])])


def _clock(seconds: float | None) -> str:
    minutes, rest = divmod(round(seconds or 0), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


class _Amount(ProgressColumn):
    """How much is done, in the stage's unit, and its note."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = DownloadColumn()
        self._speed = TransferSpeedColumn()

    def render(self, task: Task) -> Text:
        if task.fields["unit"] == "bytes":
            return Text("  ").join([self._bytes.render(task), self._speed.render(task)])
        if task.total is None:
            return Text(task.fields["note"])
        text = Text(f"{task.completed:,.0f}/{task.total:,.0f}", style="progress.download")
        return text.append(f"  {task.fields['note']}" if task.fields["note"] else "")


class _Left(ProgressColumn):
    """The time it will still take, or, where nobody knows, that it has taken."""

    def __init__(self) -> None:
        super().__init__()
        self._remaining = TimeRemainingColumn()
        self._elapsed = TimeElapsedColumn()

    def render(self, task: Task) -> Text:
        if task.total is None:
            return self._elapsed.render(task)
        return Text.assemble("ETA ", self._remaining.render(task))
