"""``metalog-agent``: the command line."""

import os
import sys

import typer

from agent.commands.config import app as config
from agent.commands.label import label
from agent.commands.report import report
from agent.commands.score import score
from agent.commands.send_test_alert import send_test_alert
from agent.commands.silence import silence
from agent.commands.status import status
from agent.commands.watch import watch
from agent.logs import say_problem
from models.errors import UserError

app = typer.Typer(
    help="Watch log files and raise alerts on sessions that are not as they should be.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Rich would take "[default: ...]" in a help text for markup and swallow it.
    rich_markup_mode=None,
)
app.command()(watch)
app.command()(score)
app.command()(status)
app.command()(report)
app.command()(silence)
app.command()(label)
app.command()(send_test_alert)
app.add_typer(config, name="config")


def main() -> None:
    """Entry point. What a user can mend ends in one line on stderr and exit code 2."""
    os.umask(0o027)
    try:
        app()
    except UserError as error:
        say_problem(error)
        sys.exit(2)
