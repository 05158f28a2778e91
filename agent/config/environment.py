"""Variables such as METALOG_THRESHOLD."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from agent.config.checking import checked, close_to, keys_of_sink, shown, unknown
from agent.config.keys import INPUTS, SINK_TABLES, TABLES, TYPE, Key, agent_keys, input_keys
from agent.config.layers import Layer, Source
from agent.config.model import NAME_PATTERN
from models.errors import UserError

PREFIX = "METALOG_"
CONFIG_VARIABLE = "METALOG_CONFIG"
# They say something else than a key; see agent/commands/sink_options.py.
_OTHERS = frozenset({CONFIG_VARIABLE, "METALOG_WEBHOOK_SECRET", "METALOG_SLACK_URL"})
_BETWEEN = "__"
_NAME = re.compile(NAME_PATTERN)
_TRUE, _FALSE = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off"})


def of_environment(
    environment: Mapping[str, str], below: Layer | None = None
) -> tuple[Layer, list[str]]:
    """Of variables such as METALOG_THRESHOLD and METALOG_INPUTS__SHOP__THRESHOLD, and warnings.
    below: the file, whose inputs and sinks a variable may be about.

    A list, or a table, is written as in the file; a list of one as it is. An empty variable says
    nothing. Variables that look like no key are left alone: in Kubernetes a service called metalog
    brings METALOG_PORT and others to every container.
    """
    below = below or Layer(Source.file, ".".join)
    said: dict[tuple[str, ...], str] = {}
    warnings: list[str] = []
    given: dict[tuple[str, ...], str] = {}
    for variable, text in sorted(environment.items()):
        if not variable.startswith(PREFIX) or variable in _OTHERS or not text.strip():
            continue
        parts = variable.removeprefix(PREFIX).lower().split(_BETWEEN)
        if len(parts) == 1:
            if parts[0] in agent_keys():
                given[(parts[0],)] = text
                said[(parts[0],)] = f"${variable}"
            elif close := close_to(parts[0], agent_keys(), cutoff=0.8):
                meant = f"{PREFIX}{close.upper()}"
                warnings.append(f"${variable} says nothing to metalog-agent; {meant} would")
            continue
        if len(parts) != 3 or parts[0] not in TABLES or not _NAME.fullmatch(parts[1]):
            raise UserError(
                f"${variable}: no such key; it is METALOG_KEY, METALOG_INPUTS__NAME__KEY or "
                "METALOG_SINKS__NAME__KEY"
            )
        known = below.inputs if parts[0] == INPUTS else below.sinks
        which = (parts[0], _name_among(known, parts[1]), parts[2])
        given[which] = text
        said[which] = f"${variable}"
    layer = Layer(Source.environment, lambda path: said.get(path, ".".join(path)))
    kinds = {name: table[TYPE] for name, table in below.sinks.items()}
    kinds |= {path[1]: text for path, text in given.items() if path[-1] == TYPE}
    for path, text in given.items():
        variable = said[path]
        if path[0] == SINK_TABLES:
            keys = keys_of_sink(kinds.get(path[1]), f"{variable} (see {path[0]}.{path[1]})")
            table = layer.sinks.setdefault(path[1], {})
            if path[-1] == TYPE:
                table[TYPE] = text
                continue
        elif path[0] == INPUTS:
            keys, table = input_keys(), layer.inputs.setdefault(path[1], {})
        else:
            keys, table = agent_keys(), layer.agent
        key = path[-1]
        if key not in keys:
            raise UserError(f"{variable}: {unknown(key, keys, path[:-1])}")
        value = _read(text, keys[key], variable)
        table |= checked({key: value}, keys, path[:-1], layer.said_by, None)
    return layer, warnings


def _read(text: str, key: Key, variable: str) -> Any:
    """A variable's text as what it would be in a file."""
    default = key.example
    if isinstance(default, bool):
        word = text.strip().lower()
        if word not in _TRUE | _FALSE:
            raise UserError(f"{variable}: expected true or false, not {text!r}")
        return word in _TRUE
    if isinstance(default, list | dict):
        stripped = text.strip()
        if stripped.startswith(("[", "{")):
            try:
                return tomllib.loads(f"value = {stripped}")["value"]
            except tomllib.TOMLDecodeError:
                raise UserError(
                    f"{variable}: expected as in the file, such as {shown(key)}"
                ) from None
        return [text]
    if isinstance(default, int | float) or _takes_seconds(key):
        try:
            return int(text) if re.fullmatch(r"\s*[+-]?\d+\s*", text) else float(text)
        except ValueError:
            return text
    return text


def _takes_seconds(key: Key) -> bool:
    return "float" in str(key.type) and isinstance(key.example, str)


def _name_among(known: Iterable[str], variable: str) -> str:
    """The name that a variable is about: variables know neither case nor dashes."""
    for name in known:
        if name.lower().replace("-", "_") == variable:
            return name
    return variable
