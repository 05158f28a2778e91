"""``metalog-agent config``: look at the configuration, check it, begin one."""

from pathlib import Path
from typing import Annotated

import typer

from agent.assembly import check as check_all
from agent.config import DEFAULT_FILE, configured, file_to_read
from agent.config.rendering import example
from agent.config.schema import schema_text
from models.errors import UserError

app = typer.Typer(
    help="Show the configuration, check it, or begin one.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_FOR_WATCH = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help=f"The configuration.  [default: $METALOG_CONFIG or {DEFAULT_FILE}]",
        ),
    ] = None,
    syntax: Annotated[
        bool,
        typer.Option(
            "--syntax",
            help="Only the file: not whether the bundles, keys and secrets that it names are here.",
        ),
    ] = False,
) -> None:
    """Say whether `watch` would take this configuration; exit code 2 and one line if not.

    Variables (METALOG_...) count, as they do for `watch`. Nothing is followed and nothing is sent.
    """
    place = file_to_read(file, otherwise=True)
    if place is None:
        raise UserError(f"{DEFAULT_FILE}: there is no such file; give one")
    configuration = configured(file=place)
    if not configuration.inputs:
        raise UserError(f"{place}: there is no input in it; give one, such as [inputs.shop]")
    check_all(configuration, syntax=syntax)
    for warning in configuration.warnings:
        print(warning)
    names = ", ".join(one.name for one in configuration.inputs)
    sinks = ", ".join(configuration.sinks) or "stdout"
    print(f"{place}: inputs {names}; sinks {sinks}")


@app.command(context_settings=_FOR_WATCH)
def show(context: typer.Context) -> None:
    """Print what holds and where each value comes from, as `watch` with these options would see it.

    Takes --config FILE and all other options and paths of `watch`. Secrets are not printed.
    """
    if {"--help"} & set(context.args):
        print(context.get_help())
        return
    command = context.find_root().command
    command.main(
        args=["watch", "--show-config", *context.args],
        prog_name="metalog-agent",
        standalone_mode=True,
    )


@app.command()
def init() -> None:
    """Print a commented configuration to begin with."""
    for line in example():
        print(line)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the file, for editors and other programs."""
    print(schema_text(), end="")
