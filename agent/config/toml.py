"""Values as TOML writes them."""

import json
import re
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml(value: Any) -> str:
    """One line. Texts, numbers, booleans, lists and tables with text keys."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # A regex reads best as it is.
        if "\\" in value and "'" not in value and value.isprintable():
            return f"'{value}'"
        # JSON writes what lies beyond the first plane as two surrogates, which TOML does not know.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        inside = ", ".join(f"{_key(name)} = {toml(one)}" for name, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    return str(value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else toml(name)
