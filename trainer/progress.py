"""Progress of long work, on stderr, so that stdout stays for results."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

console = Console(stderr=True)


def say(text: str) -> None:
    """One line for the person at the terminal."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _progress(*columns: ProgressColumn) -> Progress:
    # Where nobody looks, rich would leave an empty line in place of the bar.
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def byte_bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar over bytes; yields a function that takes the bytes done so far."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with _progress(*columns) as bars:
        task = bars.add_task(title, total=total)
        yield lambda done: bars.update(task, completed=done)


@contextmanager
def step_bar(title: str) -> Iterator[Callable[[int, int, dict[str, float]], None]]:
    """A bar over training steps; yields what ``trainer.fit.train`` reports to."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[losses]}"),
        TimeRemainingColumn(),
    )
    with _progress(*columns) as bars:
        task = bars.add_task(title, total=None, losses="")

        def report(step: int, steps: int, losses: dict[str, float]) -> None:
            text = "  ".join(f"{name.split('/')[1]} {value:.3f}" for name, value in losses.items())
            bars.update(task, completed=step, total=steps, losses=text)

        yield report
