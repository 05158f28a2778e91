"""Tables of values against the keys there are: what is none, or of another type, is refused with
what would do."""

import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from agent.config.inline_secrets import refuse_inline_secrets, secret_hint
from agent.config.keys import (
    INPUTS,
    PATHS,
    SINK_TABLES,
    TABLES,
    Key,
    agent_keys,
    input_keys,
    keys_of,
    sink_kinds,
)
from agent.config.toml import toml
from models.errors import UserError


def checked(
    table: Mapping[str, Any],
    keys: Mapping[str, Key],
    path: tuple[str, ...],
    said_by: Callable[[tuple[str, ...]], str],
    folder: Path | None,
) -> dict[str, Any]:
    """The values in their types. folder: what names of files are relative to, if not to the
    current folder. Raises UserError."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        said = said_by((*path, name))
        key = keys.get(name)
        if key is None:
            raise UserError(f"{said}: {unknown(name, keys, path)}")
        refuse_inline_secrets(name, value, said)
        try:
            converted = msgspec.convert(value, key.type)
        except msgspec.ValidationError as error:
            raise UserError(f"{said}: {_expected(error, key)}") from None
        if name in PATHS and folder is not None:
            converted = _beside(folder, converted)
        found[name] = converted
    return found


def keys_of_sink(kind: object, said: str) -> Mapping[str, Key]:
    """By the type of the sink. Raises UserError."""
    kinds = sink_kinds()
    if kind is None:
        raise UserError(f"{said}: has no type; it is one of {', '.join(kinds)}")
    if not isinstance(kind, str) or kind not in kinds:
        close = close_to(kind, kinds) if isinstance(kind, str) else None
        hint = f"did you mean {close!r}?" if close else f"it is one of {', '.join(kinds)}"
        raise UserError(f"{said}: there is no sink of type {kind!r}; {hint}")
    return keys_of(kinds[kind])


def unknown(name: str, keys: Mapping[str, Key], path: tuple[str, ...]) -> str:
    """What to say of a key that is none of these. path: of its table."""
    if hint := secret_hint(name, keys):
        return hint
    known = [*keys, *(TABLES if not path else ())]
    if name == SINK_TABLES and path and path[0] == INPUTS:
        return "there is no such key; did you mean send_to?"
    if close := close_to(name, known):
        return f"there is no such key; did you mean {close}?"
    if not path and name in input_keys():
        return "stands in the table of an input, such as [inputs.shop]"
    if path and name in agent_keys():
        return "stands at the top of the file, before all tables"
    return f"there is no such key; there are {', '.join(known)}"


def close_to(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """What was probably meant."""
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
    return f"{said[:1].lower()}{said[1:].replace(' | ', ' or ')}, such as {shown(key)}"


def shown(key: Key) -> str:
    """As an example."""
    return f"{key.name} = {toml(key.example)}"


def _beside(folder: Path, value: Any) -> Any:
    if isinstance(value, list):
        return [_beside(folder, one) for one in value]
    if isinstance(value, dict):
        return {name: _beside(folder, one) for name, one in value.items()}
    return value if value.startswith("~") else os.path.join(folder, value)  # noqa: PTH118 - a glob
