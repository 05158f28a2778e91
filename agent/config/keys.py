"""The keys of a table, as its struct in ``agent.config.model`` has them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin

import msgspec

from agent.config.model import SINKS, Agent, Input, Shared, Sink

# Tables by name, not keys with a value.
INPUTS, SINK_TABLES = "inputs", "sinks"
TABLES = (INPUTS, SINK_TABLES)
TYPE = "type"
# Two ways to say one thing: who gives both has to leave one out.
ALTERNATIVES = (("key_regex", "window"), ("threshold", "alerts_per_day"))
# What a key is called on the command line, where that is not its name with - for _.
_OPTIONS = {"raw_lines": "--no-raw", "grouping": "--no-grouping", "state_dir": "--state-dir"}
# Names of files and folders, which in a file are relative to that file.
PATHS = frozenset(
    {
        "paths", "bundle", "verify", "history", "state_dir", "path", "ca", "url_file",
        "secret_file", "headers_file",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Key:
    """A key of a table. default: msgspec.NODEFAULT where it must be given. default_words: what
    holds where the default is None; empty where the default says it."""

    name: str
    type: Any
    default: Any
    description: str
    example: Any
    default_words: str

    @property
    def required(self) -> bool:
        return self.default is msgspec.NODEFAULT

    @property
    def choices(self) -> tuple[str, ...]:
        """All values that it may have, where they are few."""
        inner = self.type.__origin__
        return get_args(inner) if get_origin(inner) is Literal else ()


@lru_cache
def keys_of(table: type[msgspec.Struct]) -> dict[str, Key]:
    """By name, in the order of the model, an address first; without the tables in it."""
    return {key.name: key for key in sorted(_keys(table), key=lambda key: key.name != "url")}


def _keys(table: type[msgspec.Struct]) -> Iterator[Key]:
    for field in msgspec.structs.fields(table):
        if table is Agent and field.name in TABLES:
            continue
        meta = field.type.__metadata__[-1]
        default = field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        yield Key(
            name=field.name,
            type=field.type,
            default=default,
            description=str(meta.description),
            example=meta.examples[0],
            default_words=(meta.extra or {}).get("default", ""),
        )


def shared_keys() -> dict[str, Key]:
    return keys_of(Shared)


def input_keys() -> dict[str, Key]:
    """Its own first."""
    keys = keys_of(Input)
    own = {name: key for name, key in keys.items() if name not in shared_keys()}
    return own | keys


def agent_keys() -> dict[str, Key]:
    return keys_of(Agent)


def sink_kinds() -> dict[str, type[Sink]]:
    return {str(kind.__struct_config__.tag): kind for kind in SINKS}


def option_of(key: str) -> str:
    """As it is called on the command line."""
    return _OPTIONS.get(key) or f"--{key.replace('_', '-')}"
