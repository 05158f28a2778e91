"""Stopping in good order: Ctrl-C and SIGTERM are noted, not obeyed at once."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupted(Exception):  # noqa: N818 - no error: the user asked for it
    """Training was stopped by the user; the checkpoint is saved."""


@contextmanager
def interrupts() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed or SIGTERM came; a second Ctrl-C ends the program at once."""
    pressed = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before: dict[signal.Signals, Any] = {}
    try:
        # A batch system that wants its machine back sends SIGTERM some time before SIGKILL.
        for one in (signal.SIGINT, signal.SIGTERM):
            before[one] = signal.signal(one, note)
    except ValueError:
        # Not the main thread, which signals never reach anyway.
        yield lambda: False
        return
    try:
        yield lambda: pressed
    finally:
        for one, previous in before.items():
            signal.signal(one, previous)
