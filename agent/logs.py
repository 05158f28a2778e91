"""What the agent says on stderr, and of which input it speaks."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_input: ContextVar[str] = ContextVar("input", default="")


class _NameInput(logging.Filter):
    """Gives each record the name of its input, empty where there is only one without a name."""

    def filter(self, record: logging.LogRecord) -> bool:
        name = _input.get()
        record.input = name
        record.prefix = f"{name}: " if name else ""
        return True


def configure_logging(*, quiet: bool) -> None:
    logging.basicConfig(format="metalog-agent: %(prefix)s%(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(_NameInput())
    set_level(quiet=quiet)


def set_level(*, quiet: bool) -> None:
    logging.getLogger().setLevel(logging.WARNING if quiet else logging.INFO)


@contextmanager
def speaking_of(name: str) -> Iterator[None]:
    """What is said inside is about this input."""
    token = _input.set(name)
    try:
        yield
    finally:
        _input.reset(token)
