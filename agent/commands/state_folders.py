"""Whose state a command is about."""

from collections.abc import Sequence
from pathlib import Path

from agent.config import configured, file_to_read
from agent.state import Requests, StateFolder, default_folder, sole_folder
from agent.streams import Places
from models.errors import UserError


def requests_of(
    state_dir: Path | None, config: Path | None, of_input: str | None
) -> dict[str, Requests]:
    """Of all inputs that an agent has kept a state of; see ``states_of``. Raises UserError where
    there is none."""
    states = states_of(state_dir, config=config, of_input=of_input)
    if len(states) > 1:
        states = {
            name: one for name, one in states.items() if StateFolder(one).is_there()
        } or states
    return {name: Requests(folder) for name, folder in states.items()}


def states_of(
    state_dir: Path | None,
    paths: Sequence[str] = (),
    config: Path | None = None,
    of_input: str | None = None,
) -> dict[str, Path]:
    """Folders by input; under no name the one that was named by its folder or its paths, the one
    input that was asked for, or the only one there is. Raises UserError.

    paths: what the agent watches, as its command line had them.
    """
    if state_dir is not None and config is None and of_input is None:
        return {"": state_dir}
    if paths and config is None and of_input is None:
        return {"": default_folder(Places.of(paths).state_paths)}
    file = file_to_read(config, otherwise=True)
    if file is None:
        if of_input is not None:
            raise UserError(f"--input {of_input}: there is no configuration; name one: --config")
        return {"": sole_folder()}
    options = {} if state_dir is None else {"state_dir": str(state_dir)}
    configuration = configured(file=file, paths=paths, options=options)
    if of_input is not None:
        return {"": configuration.state_folder(configuration.input_of(of_input))}
    return {one.name: configuration.state_folder(one) for one in configuration.inputs}
