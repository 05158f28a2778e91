"""Where values come from: a file, the environment, the command line; each checked by itself."""

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

import msgspec

from agent.config.inline_secrets import refuse_inline_secrets, secret_hint
from agent.config.keys import (
    INPUTS,
    PATHS,
    SINK_TABLES,
    TABLES,
    TYPE,
    Key,
    agent_keys,
    input_keys,
    keys_of,
    option_of,
    sink_kinds,
)
from agent.config.model import NAME_PATTERN
from agent.config.toml import toml
from models.errors import UserError

PREFIX = "METALOG_"
CONFIG_VARIABLE = "METALOG_CONFIG"
# They say something else than a key; see agent/commands/sink_options.py.
_OTHERS = frozenset({CONFIG_VARIABLE, "METALOG_WEBHOOK_SECRET", "METALOG_SLACK_URL"})
_BETWEEN = "__"
_WHERE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_NAME = re.compile(NAME_PATTERN)
_TRUE, _FALSE = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off"})


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


def of_file(path: Path) -> Layer:
    """Raises UserError: file, line or key, and what was expected."""
    tables = _parsed(path)
    folder = path.absolute().parent

    def said_by(key: tuple[str, ...]) -> str:
        return f"{path}: {'.'.join(key)}"

    layer = Layer(Source.file, said_by)
    layer.agent.update(
        _checked(
            {key: value for key, value in tables.items() if key not in TABLES},
            agent_keys(), (), said_by, folder,
        )
    )  # fmt: skip
    for name, table in _named_tables(tables, INPUTS, said_by):
        layer.inputs[name] = _checked(table, input_keys(), (INPUTS, name), said_by, folder)
    for name, table in _named_tables(tables, SINK_TABLES, said_by):
        keys = _keys_of_sink(table.get(TYPE), said_by((SINK_TABLES, name)))
        rest = {key: value for key, value in table.items() if key != TYPE}
        checked = _checked(rest, keys, (SINK_TABLES, name), said_by, folder)
        layer.sinks[name] = {TYPE: table[TYPE], **checked}
    return layer


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
            elif close := _close(parts[0], agent_keys(), cutoff=0.8):
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
            keys = _keys_of_sink(kinds.get(path[1]), f"{variable} (see {path[0]}.{path[1]})")
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
            raise UserError(f"{variable}: {_unknown(key, keys, path[:-1])}")
        value = _read(text, keys[key], variable)
        table |= _checked({key: value}, keys, path[:-1], layer.said_by, None)
    return layer, warnings


def _parsed(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode("utf-8")
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{path}: line {line}: this is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        found = _WHERE.search(said)
        last = found[1] if found and found[1] else str(text.count("\n") + 1)
        raise UserError(f"{path}: line {last}: no TOML: {_WHERE.sub('', said)}") from None
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read: {error.strerror}; `metalog-agent config init` prints a file "
            "to begin with"
        ) from None


def _named_tables(
    tables: Mapping[str, Any], kind: str, said_by: Callable[[tuple[str, ...]], str]
) -> Iterable[tuple[str, dict[str, Any]]]:
    found = tables.get(kind, {})
    if not isinstance(found, dict):
        raise UserError(f"{said_by((kind,))}: expected tables such as [{kind}.shop]")
    for name, table in found.items():
        if not isinstance(table, dict):
            raise UserError(
                f"{said_by((kind, name))}: expected a table, [{kind}.NAME], and its keys below it"
            )
        if not _NAME.fullmatch(name):
            raise UserError(
                f"{said_by((kind,))}: {name!r} is no name for it: letters, digits, - and _, at "
                "most 32, the first no sign"
            )
        yield name, table


def _keys_of_sink(kind: object, said: str) -> Mapping[str, Key]:
    kinds = sink_kinds()
    if kind is None:
        raise UserError(f"{said}: has no type; it is one of {', '.join(kinds)}")
    if not isinstance(kind, str) or kind not in kinds:
        close = _close(kind, kinds) if isinstance(kind, str) else None
        hint = f"did you mean {close!r}?" if close else f"it is one of {', '.join(kinds)}"
        raise UserError(f"{said}: there is no sink of type {kind!r}; {hint}")
    return keys_of(kinds[kind])


def _checked(
    table: Mapping[str, Any],
    keys: Mapping[str, Key],
    path: tuple[str, ...],
    said_by: Callable[[tuple[str, ...]], str],
    folder: Path | None,
) -> dict[str, Any]:
    """The values in their types. folder: what names of files are relative to, if not to the
    current folder."""
    checked: dict[str, Any] = {}
    for name, value in table.items():
        said = said_by((*path, name))
        key = keys.get(name)
        if key is None:
            raise UserError(f"{said}: {_unknown(name, keys, path)}")
        refuse_inline_secrets(name, value, said)
        try:
            converted = msgspec.convert(value, key.type)
        except msgspec.ValidationError as error:
            raise UserError(f"{said}: {_expected(error, key)}") from None
        if name in PATHS and folder is not None:
            converted = _beside(folder, converted)
        checked[name] = converted
    return checked


def _unknown(name: str, keys: Mapping[str, Key], path: tuple[str, ...]) -> str:
    if hint := secret_hint(name, keys):
        return hint
    known = [*keys, *(TABLES if not path else ())]
    if name == SINK_TABLES and path and path[0] == INPUTS:
        return "there is no such key; did you mean send_to?"
    if close := _close(name, known):
        return f"there is no such key; did you mean {close}?"
    if not path and name in input_keys():
        return "stands in the table of an input, such as [inputs.shop]"
    if path and name in agent_keys():
        return "stands at the top of the file, before all tables"
    return f"there is no such key; there are {', '.join(known)}"


def _close(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    plain = name.lower().replace("-", "_")
    found = difflib.get_close_matches(plain, list(known), n=1, cutoff=cutoff)
    return found[0] if found else None


_TYPES = (
    ("array", "a list"), ("object", "a table"), ("str", "a text"), ("int", "a whole number"),
    ("float", "a number"), ("bool", "true or false"),
)  # fmt: skip


def _expected(error: msgspec.ValidationError, key: Key) -> str:
    """What msgspec says, in words of TOML and without its own path."""
    if key.choices:
        return f"expected one of {', '.join(key.choices)}"
    said = str(error).split(" - at ")[0].replace(" | null", "").replace("`", "")
    for theirs, ours in _TYPES:
        said = re.sub(rf"\b{theirs}\b", ours, said)
    return f"{said[:1].lower()}{said[1:].replace(' | ', ' or ')}, such as {_shown(key)}"


def _shown(key: Key) -> str:
    return f"{key.name} = {toml(key.example)}"


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
                    f"{variable}: expected as in the file, such as {_shown(key)}"
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


def _beside(folder: Path, value: Any) -> Any:
    if isinstance(value, list):
        return [_beside(folder, one) for one in value]
    if isinstance(value, dict):
        return {name: _beside(folder, one) for name, one in value.items()}
    return value if value.startswith("~") else os.path.join(folder, value)  # noqa: PTH118 - a glob


def _name_among(known: Iterable[str], variable: str) -> str:
    """The name that a variable is about: variables know neither case nor dashes."""
    for name in known:
        if name.lower().replace("-", "_") == variable:
            return name
    return variable
