"""``metalog-agent report``: a host on one page."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from agent.alerts import parse_masks, secrets_masker
from agent.commands.config_option import ConfigOption, InputOption
from agent.commands.state_folders import states_of
from agent.config import configured, file_to_read
from agent.state import Chronicle, StateFolder
from models.masks import Mask


def report(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH...]", help="What the agent watches, to find its state."),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The page, mode 0640.")
    ] = Path("report.html"),
    config: ConfigOption = None,
    of_input: InputOption = None,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="The agent's.  [default: that of these paths; without paths those of the "
            "configuration; without one the only one]",
        ),
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=REGEX",
            help="A secret to take out of templates, beside the usual ones and those of the "
            "configuration; may be repeated.",
        ),
    ] = None,
) -> None:
    """Write one self-contained page: alerts over time, top templates, new templates, lag, sinks.
    Runs beside the agent or after it, and changes nothing.

    The page holds masked templates, session keys and paths, and no raw line of a log.
    """
    import socket

    # An agent that watches has no use for pages.
    from agent.report.page import host_page
    from models.page.skeleton import write

    given = parse_masks(mask or ())
    states = states_of(state_dir, paths or (), config, of_input)
    found = {
        # An input that is new in the configuration is no error.
        name: None if name and not StateFolder(folder).is_there() else Chronicle.at(folder)
        for name, folder in states.items()
    }
    secrets = secrets_masker((*given, *_configured_masks(state_dir, paths or (), config, of_input)))
    write(output, host_page(found, host=socket.gethostname(), wall=time.time(), secrets=secrets))
    size = output.stat().st_size / 1024
    print(f"{output}: {size:,.0f} KiB; open it in a browser", file=sys.stderr)


def _configured_masks(
    state_dir: Path | None, paths: Sequence[str], config: Path | None, of_input: str | None
) -> Iterator[Mask]:
    """Of all inputs of the configuration that ``states_of`` took the folders from, if it did."""
    if (state_dir is not None or paths) and config is None and of_input is None:
        return
    file = file_to_read(config, otherwise=True)
    if file is None:
        return
    for one in configured(file=file, paths=paths).inputs:
        yield from parse_masks(one.keys.mask, one.called("mask"))
