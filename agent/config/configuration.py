"""What holds in the end: of each value the strongest, and where it came from."""

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.config.environment import CONFIG_VARIABLE, of_environment
from agent.config.keys import (
    ALTERNATIVES,
    INPUTS,
    SINK_TABLES,
    TYPE,
    Key,
    agent_keys,
    input_keys,
    keys_of,
    option_of,
    shared_keys,
    sink_kinds,
)
from agent.config.layers import Layer, Source, of_options
from agent.config.model import Agent, Input, Sink, StdoutSink
from agent.config.toml import toml
from agent.config.toml_file import of_file
from agent.metrics.address import parse_address
from agent.state import default_folder
from agent.state.folder import base_folder
from agent.streams import Places
from models.errors import UserError

DEFAULT_FILE = Path("/etc/metalog/agent.toml")


@dataclass(frozen=True)
class Origin:
    """Where a value came from. said: what people call it, such as ``--idle`` or ``FILE: idle``."""

    source: Source
    said: str


_Ranked = tuple[tuple[int, bool], Any, Origin]


@dataclass(frozen=True)
class InputSettings:
    """An input. name: empty for that of the command line."""

    name: str
    keys: Input
    origins: Mapping[str, Origin]

    def called(self, key: str) -> str:
        """As whoever set it calls it; for errors."""
        return self.origins[key].said


@dataclass(frozen=True)
class SinkSettings:
    """A sink of the configuration. origins: of its keys."""

    name: str
    keys: Sink
    origins: Mapping[str, Origin]

    @property
    def kind(self) -> str:
        return str(type(self.keys).__struct_config__.tag)


@dataclass(frozen=True)
class Configuration:
    """file: that it was read from, None where there was none. origins: of the agent's own keys.
    warnings: for whoever starts the agent."""

    file: Path | None
    agent: Agent
    origins: Mapping[str, Origin]
    inputs: tuple[InputSettings, ...]
    sinks: Mapping[str, SinkSettings]
    warnings: tuple[str, ...] = ()

    def input_of(self, name: str) -> InputSettings:
        """Raises UserError where there is no such input."""
        for one in self.inputs:
            if one.name == name:
                return one
        names = [one.name for one in self.inputs]
        raise UserError(f"--input {name}: {_no_such('input', name, names)}")

    def state_folder(self, one: InputSettings) -> Path:
        """Where its state is, or will be."""
        origin = self.origins["state_dir"]
        if not one.name:
            # A file's is where its own inputs have theirs.
            given = self.agent.state_dir if origin.source > Source.file else None
            return (
                Path(given)
                if given is not None
                else default_folder(Places.of(one.keys.paths).state_paths)
            )
        if one.keys.state_dir is not None:
            return Path(one.keys.state_dir)
        base = self.agent.state_dir
        return (base_folder() if base is None else Path(base)) / one.name


def configured(
    *,
    file: Path | None,
    paths: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Configuration:
    """All sources together. file: see ``file_to_read``; paths: of the command line, in the place of
    the file's inputs; options: keys given there. Raises UserError."""
    environment = os.environ if environment is None else environment
    layers = [of_options(options or {})]
    below = None if file is None else of_file(file)
    from_environment, warnings = of_environment(environment, below)
    layers.append(from_environment)
    if below is not None:
        layers.append(below)
    sinks = _sinks(layers)
    if paths:
        inputs = [_input("", layers, list(paths))]
    else:
        names = dict.fromkeys(
            name for layer in reversed(layers) for name in layer.inputs
        )  # in the order of the file
        inputs = [_input(name, layers) for name in names]
    for one in inputs:
        for name in one.keys.send_to or ():
            if name not in sinks:
                raise UserError(f"{one.called('send_to')}: {_no_such('sink', name, sinks)}")
    agent, origins = _agent(layers)
    parse_address(agent.metrics_address, origins["metrics_address"].said)
    configuration = Configuration(file, agent, origins, tuple(inputs), sinks, tuple(warnings))
    _check_folders(configuration)
    return configuration


def file_to_read(
    given: Path | None, *, otherwise: bool, environment: Mapping[str, str] | None = None
) -> Path | None:
    """given: on the command line; else $METALOG_CONFIG; else, where ``otherwise``, the usual one if
    there is one."""
    environment = os.environ if environment is None else environment
    if given is not None:
        return given
    if named := environment.get(CONFIG_VARIABLE):
        return Path(named)
    return DEFAULT_FILE if otherwise and os.path.lexists(DEFAULT_FILE) else None


def _input(name: str, layers: Sequence[Layer], paths: list[str] | None = None) -> InputSettings:
    """A stronger source wins, also where it says something of all inputs and the weaker one of this
    one; in one source what is said of this one does."""
    found: dict[str, _Ranked] = {}
    for key in input_keys():
        for layer in layers:
            own = layer.inputs.get(name, {}) if name else {}
            if key in own:
                said = layer.said_by((INPUTS, name, key))
                found[key] = ((layer.source, True), own[key], Origin(layer.source, said))
                break
            if key in shared_keys() and key in layer.agent:
                said = layer.said_by((key,))
                found[key] = ((layer.source, False), layer.agent[key], Origin(layer.source, said))
                break
    for one, other in ALTERNATIVES:
        if one in found and other in found:
            if found[one][0] == found[other][0]:
                what = found[other][2].said
                raise UserError(
                    f"{what} and {found[one][2].said.rpartition(': ')[2]}: leave out one of them"
                )
            del found[min(one, other, key=lambda key: found[key][0])]
    if paths is not None:
        found["paths"] = ((Source.option, True), paths, Origin(Source.option, "PATH"))
    if "paths" not in found:
        said = next(
            layer.said_by((INPUTS, name)) for layer in reversed(layers) if name in layer.inputs
        )
        raise UserError(f'{said}: has no paths; give some, such as paths = ["/var/log"]')
    # Each was checked where it comes from; what options say, by what it is for.
    keys = Input(**{key: value for key, (_, value, _) in found.items()})
    return InputSettings(name, keys, _origins(input_keys(), found))


def _agent(layers: Sequence[Layer]) -> tuple[Agent, dict[str, Origin]]:
    found: dict[str, _Ranked] = {}
    for key in agent_keys():
        for layer in layers:
            if key in layer.agent:
                origin = Origin(layer.source, layer.said_by((key,)))
                found[key] = ((layer.source, True), layer.agent[key], origin)
                break
    agent = Agent(**{key: value for key, (_, value, _) in found.items()})
    return agent, _origins(agent_keys(), found)


def _sinks(layers: Sequence[Layer]) -> dict[str, SinkSettings]:
    sinks: dict[str, SinkSettings] = {}
    for name in dict.fromkeys(name for layer in reversed(layers) for name in layer.sinks):
        values: dict[str, Any] = {}
        origins: dict[str, Origin] = {}
        for layer in reversed(layers):
            for key, value in layer.sinks.get(name, {}).items():
                values[key] = value
                origins[key] = Origin(layer.source, layer.said_by((SINK_TABLES, name, key)))
        kind = sink_kinds()[values[TYPE]]
        keys = keys_of(kind)
        said = origins[TYPE].said.removesuffix(f".{TYPE}")
        for one in keys.values():
            if one.required and one.name not in values:
                raise UserError(
                    f"{said}: has no {one.name}; give one, such as {one.name} = {toml(one.example)}"
                )
        if odd := values.keys() - keys.keys() - {TYPE}:
            raise UserError(f"{origins[min(odd)].said}: no key of a sink of type {values[TYPE]}")
        if values[TYPE] == "stdout" and any(
            isinstance(one.keys, StdoutSink) for one in sinks.values()
        ):
            raise UserError(f"{said}: there is a sink of type stdout already, and only one stdout")
        origins |= {
            key: Origin(Source.default, ".".join((SINK_TABLES, name, key)))
            for key in keys
            if key not in origins
        }
        made = kind(**{key: value for key, value in values.items() if key != TYPE})
        sinks[name] = SinkSettings(name, made, origins)
    return sinks


def _origins(keys: Mapping[str, Key], found: Mapping[str, _Ranked]) -> dict[str, Origin]:
    return {
        key: found[key][2] if key in found else Origin(Source.default, option_of(key))
        for key in keys
    }


def _check_folders(configuration: Configuration) -> None:
    seen: dict[Path, str] = {}
    for one in configuration.inputs:
        folder = configuration.state_folder(one).absolute()
        if folder in seen:
            raise UserError(
                f"{one.called('state_dir')}: inputs {seen[folder]} and {one.name} cannot keep "
                f"their states in one folder, {folder}"
            )
        seen[folder] = one.name


def _no_such(what: str, name: str, names: Sequence[str] | Mapping[str, object]) -> str:
    if not names:
        return f"there is no {what} {name!r}: none is configured"
    close = difflib.get_close_matches(name, list(names), n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}"
    return f"there is no {what} {name!r}; {hint}"
