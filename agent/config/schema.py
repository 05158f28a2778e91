"""The JSON Schema of the file, for editors; made of the model, as all else."""

import json
from pathlib import Path
from typing import Any

import msgspec

from agent.config.keys import TYPE
from agent.config.model import Agent

SCHEMA_FILE = Path(__file__).with_name("agent.schema.json")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Draft 2020-12, of what tomllib makes of the file."""
    found = msgspec.json.schema(Agent)
    definitions = found["$defs"]
    top = definitions.pop("Agent")
    described = {
        "$schema": _DIALECT,
        "title": "metalog-agent configuration",
        **{key: value for key, value in top.items() if key != "title"},
        "$defs": {name: _without_null(one) for name, one in definitions.items()},
    }
    plain: dict[str, Any] = _without_null(described)
    return plain


def schema_text() -> str:
    return json.dumps(schema(), indent=2) + "\n"


def _without_null(value: Any) -> Any:
    """TOML has no null: a key that says nothing is left out."""
    if isinstance(value, list):
        return [_without_null(one) for one in value if one != {"type": "null"}]
    if not isinstance(value, dict):
        return value
    plain = {key: _without_null(one) for key, one in value.items()}
    if "default" in plain and plain["default"] is None:
        del plain["default"]
    # Not part of the draft, and `const` in each table says the same.
    plain.pop("discriminator", None)
    choices = plain.get("anyOf")
    if isinstance(choices, list) and len(choices) == 1:
        del plain["anyOf"]
        plain |= choices[0]
    properties = plain.get("properties")
    if isinstance(properties, dict) and TYPE in properties and "enum" in properties[TYPE]:
        [tag] = properties[TYPE]["enum"]
        properties[TYPE] = {"const": tag}
    return plain
