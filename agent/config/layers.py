"""One source of values: a file, the environment or the command line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from agent.config.keys import option_of


class Source(IntEnum):
    """Of a value; the larger, the stronger."""

    default = 0
    file = 1
    environment = 2
    option = 3


@dataclass(frozen=True)
class Layer:
    """What one source says. agent: keys at the top; inputs, sinks: keys by name of their table.
    said_by: how a key is called by people, by its dotted path."""

    source: Source
    said_by: Callable[[tuple[str, ...]], str]
    agent: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    sinks: dict[str, dict[str, Any]] = field(default_factory=dict)


def of_options(values: Mapping[str, Any]) -> Layer:
    """Of the command line; None and False stand for what was not given. Types are checked there."""
    given = {key: value for key, value in values.items() if value is not None}
    return Layer(Source.option, lambda path: option_of(path[-1]), given)
