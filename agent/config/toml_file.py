"""The file, in TOML."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from agent.config.checking import checked, keys_of_sink
from agent.config.keys import INPUTS, SINK_TABLES, TABLES, TYPE, agent_keys, input_keys
from agent.config.layers import Layer, Source
from agent.config.model import NAME_PATTERN
from models.errors import UserError

_WHERE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_NAME = re.compile(NAME_PATTERN)


def of_file(path: Path) -> Layer:
    """Raises UserError: file, line or key, and what was expected."""
    tables = _parsed(path)
    folder = path.absolute().parent

    def said_by(key: tuple[str, ...]) -> str:
        parts = (part if part.isprintable() else ascii(part) for part in key)
        return f"{path}: {'.'.join(parts)}"

    layer = Layer(Source.file, said_by)
    layer.agent.update(
        checked(
            {key: value for key, value in tables.items() if key not in TABLES},
            agent_keys(), (), said_by, folder,
        )
    )  # fmt: skip
    for name, table in _named_tables(tables, INPUTS, said_by):
        layer.inputs[name] = checked(table, input_keys(), (INPUTS, name), said_by, folder)
    for name, table in _named_tables(tables, SINK_TABLES, said_by):
        keys = keys_of_sink(table.get(TYPE), said_by((SINK_TABLES, name)))
        rest = {key: value for key, value in table.items() if key != TYPE}
        values = checked(rest, keys, (SINK_TABLES, name), said_by, folder)
        layer.sinks[name] = {TYPE: table[TYPE], **values}
    return layer


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
