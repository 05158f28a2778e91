"""A configuration for people: what holds, a file to begin with, a table of keys."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from agent.config.configuration import Configuration, Origin, SinkSettings
from agent.config.keys import Key, agent_keys, input_keys, keys_of, shared_keys
from agent.config.layers import Source
from agent.config.model import SINKS, Input
from agent.config.toml import toml

_WIDTH = 100
_FOR_VALUES = 52
_TABLE_HEAD = ("| key | default | |", "|---|---|---|")


# What holds.


def shown(configuration: Configuration) -> Iterator[str]:
    """All values and where each comes from, as a file that would say the same. Neither secrets nor
    what may hold some: of an address only scheme, host and port, of headers only the names."""
    file = configuration.file
    yield f"# {'no file was read' if file is None else f'file: {file}'}"
    origins = configuration.origins
    for key in agent_keys().values():
        if key.name not in shared_keys():
            value = getattr(configuration.agent, key.name)
            yield _line(key, value, _where(origins[key.name], key.name))
    for one in configuration.inputs:
        yield ""
        yield f"[inputs.{one.name}]" if one.name else "# the paths of the command line"
        for key in input_keys().values():
            value = getattr(one.keys, key.name)
            if key.name == "state_dir":
                value = str(configuration.state_folder(one))
            yield _line(key, value, _where(one.origins[key.name], key.name))
    for sink in configuration.sinks.values():
        yield ""
        yield f"[sinks.{sink.name}]"
        yield _commented(f"type = {toml(sink.kind)}", _where(sink.origins["type"], "type"))
        for key in keys_of(type(sink.keys)).values():
            yield _line(key, _shown_value(sink, key.name), _where(sink.origins[key.name], key.name))


def _shown_value(sink: SinkSettings, key: str) -> Any:
    value = getattr(sink.keys, key)
    if key == "url" and value is not None:
        parts = urlsplit(value)
        host = parts.netloc.rpartition("@")[2]
        return (
            f"{parts.scheme}://{host}/..." if parts.path.strip("/") else f"{parts.scheme}://{host}"
        )
    if key == "headers":
        return dict.fromkeys(value, "...")
    return value


def _where(origin: Origin, key: str) -> str:
    if origin.source is Source.default:
        return "default"
    if origin.source is not Source.file:
        return origin.said
    path = origin.said.rpartition(": ")[2]
    return "file, for all inputs" if path == key and key in shared_keys() else "file"


def _line(key: Key, value: Any, where: str) -> str:
    if value is None:
        return _commented(f"#{key.name} = {key.default_words}", where)
    return _commented(f"{key.name} = {toml(value)}", where)


def _commented(text: str, comment: str) -> str:
    return f"{text:<{_FOR_VALUES}}  # {comment}"


# A file to begin with.


def example() -> Iterator[str]:
    """Lines of a file that watches /var/log and shows all keys: those that are commented out with
    their defaults, or with an example where the default is no value."""
    yield from _prose(
        "Configuration of metalog-agent. What is commented out shows the default, or an example "
        "where there is none. `metalog-agent config check FILE` says whether a file will do, "
        "`metalog-agent config show` what holds. SIGHUP reloads it."
    )
    yield ""
    for key in agent_keys().values():
        if key.name not in shared_keys():
            yield from _explained(key)
    yield ""
    yield from _prose(
        "From here to [inputs...]: for all inputs that do not say otherwise. The same keys may "
        "stand in the table of an input."
    )
    for key in shared_keys().values():
        yield from _explained(key)
    yield ""
    yield from _prose(
        "An input: logs that are followed together, by one bundle and with one state. The name is "
        "yours; there may be several."
    )
    yield "[inputs.system]"
    for key in input_keys().values():
        if key.name not in shared_keys():
            yield from _explained(key, active=key.required)
    for kind in SINKS:
        tag = kind.__struct_config__.tag
        yield ""
        yield from _prose(_doc(kind))
        yield f"#[sinks.{tag}]"
        yield f'#type = "{tag}"'
        for key in keys_of(kind).values():
            yield from _explained(key)


def _explained(key: Key, *, active: bool = False) -> Iterator[str]:
    value = key.default if _has_value(key) else key.example
    default = "" if key.required or _has_value(key) else f" Default: {key.default_words or 'none'}."
    yield from _prose(key.description + default)
    yield f"{'' if active else '#'}{key.name} = {toml(value)}"


def _prose(text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
    )


def _has_value(key: Key) -> bool:
    return not key.required and key.default not in (None, [], {})


# A table.


def tables() -> Iterator[str]:
    """All keys, in Markdown."""
    own = {name: key for name, key in agent_keys().items() if name not in shared_keys()}
    of_inputs = {name: key for name, key in input_keys().items() if name not in shared_keys()}
    yield from _table("Of the agent, at the top of the file:", own.values())
    yield from _table(f"Of an input, `[inputs.NAME]`: {_doc(Input)}", of_inputs.values())
    yield from _table(
        "Of an input, or at the top of the file for all of them:", shared_keys().values()
    )
    for kind in SINKS:
        tag = kind.__struct_config__.tag
        yield from _table(f'Of a sink, `[sinks.NAME]`, with `type = "{tag}"`: {_doc(kind)}',
                          keys_of(kind).values())  # fmt: skip


def _table(title: str, keys: Iterable[Key]) -> Iterator[str]:
    yield title
    yield ""
    yield from _TABLE_HEAD
    for key in keys:
        default = f"`{toml(key.default)}`" if _has_value(key) else key.default_words or "none"
        default = "must be given" if key.required else default
        example = "" if _has_value(key) else f" `{toml(key.example)}`"
        yield f"| `{key.name}` | {_cell(default)} | {_cell(key.description + example)} |"
    yield ""


def _doc(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
