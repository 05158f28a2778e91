"""Writes docs/command-line.md: all commands, arguments and options of both programs, from the very
objects that read a command line. Options that are hidden from --help stay hidden.

    python -m benchmarks.pages.command_line
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

import agent.cli
import trainer.cli
from agent.config.keys import agent_keys, option_of

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
AGAIN = "python -m benchmarks.pages.command_line"

_PROGRAMS = {"metalog-agent": agent.cli.app, "metalog-train": trainer.cli.app}
_DEFAULT = re.compile(r"\s*\[default: (.*)\]$", re.DOTALL)
_NUMBERS = ("int", "float")
_INTRODUCTION = f"""\
<!-- Made by {AGAIN}; a change here is lost. -->
# Command line

What `--help` says, on one page. `COMMAND --help` says it in your terminal.

Exit codes of both programs: 0 all went well; 1 it did not (alerts could not be delivered, a check
says no); 2 something you can mend, said in one line on stderr. `metalog-train fit` ends with 130
when Ctrl-C or SIGTERM stopped it. `--install-completion` of either program makes your shell
complete commands, options and values.
"""
_VARIABLES = {
    "metalog-agent": (
        ("METALOG_KEY", "A key of the [configuration](configuration.md#which-value-holds); "
         "those of `watch` stand beside its options. `METALOG_INPUTS__NAME__KEY` and "
         "`METALOG_SINKS__NAME__KEY` are about one input, or one sink."),
        ("METALOG_CONFIG", "The configuration, where `--config` names none."),
        ("METALOG_WEBHOOK_SECRET", "Signs what `--webhook` sends, where there is no "
         "`--webhook-secret-file`."),
        ("METALOG_SLACK_URL", "Of an incoming webhook, where `--slack` names no file."),
        ("HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "Proxies, for alerts that are sent by HTTP."),
        ("STATE_DIRECTORY, XDG_STATE_HOME", "Where the state is, without `--state-dir`: "
         "`$STATE_DIRECTORY`, which systemd sets, else `$XDG_STATE_HOME/metalog`, else "
         "`~/.local/state/metalog`."),
        ("NOTIFY_SOCKET, WATCHDOG_USEC", "Of systemd: where it is told how things are, and how "
         "often."),
        ("SYSTEMD_EXEC_PID, JOURNAL_STREAM", "Of systemd: `--log-format auto` is JSON there."),
        ("OMP_NUM_THREADS", "Threads of numerical libraries; 1 where it is not set."),
        ("ORT_DISABLE_TELEMETRY", "Of ONNX Runtime; 1 where it is not set."),
        ("SHIV_ROOT", "Where the agent [as one file](service.md#the-agent-as-one-file) unpacks "
         "itself."),
    ),
    "metalog-train": (
        ("METALOG_DOWNLOAD_URL", "A mirror for `download`, where there is no `--from`."),
        ("MLFLOW_EXPERIMENT_NAME", "The experiment of `fit --mlflow`; `metalog` where it is not "
         "set."),
        ("MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD", "For an MLflow server that asks."),
        ("OMP_NUM_THREADS", "Threads of a fit."),
        ("NO_COLOR, TERM", "`NO_COLOR=1`: no colours; `TERM=dumb`: no bars."),
    ),
}  # fmt: skip


def page() -> str:
    """The page as it has to be."""
    return "\n".join((_INTRODUCTION, *_lines()))


def _lines() -> Iterator[str]:
    for program, app in _PROGRAMS.items():
        root = typer.main.get_command(app)
        yield f"## {program}\n"
        yield f"{_paragraphs(root.help)}\n"
        for name, command in _commands(root):
            yield from _of_command(f"{program} {name}", command)
        yield f"### Variables of {program}\n"
        yield "| Variable | |"
        yield "|---|---|"
        for variable, meaning in _VARIABLES[program]:
            names = ", ".join(f"`{one}`" for one in variable.split(", "))
            yield f"| {names} | {meaning} |"
        yield ""


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Those that do something, in the order of --help."""
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield before + name, command


def _of_command(title: str, command: Any) -> Iterator[str]:
    arguments = _shown(command.params, "argument")
    options = _shown(command.params, "option")
    required = [f"{_spelled(one)[0]} {_value(one)}" for one in options if one.required]
    words = [title, *required, "[OPTIONS]" if len(options) > len(required) else ""]
    words += [_value(one) for one in arguments]
    yield f"### {title}\n"
    yield f"    {' '.join(filter(None, words))}\n"
    yield f"{_paragraphs(command.help)}\n"
    yield from _table("Argument", arguments, {})
    # Only `watch` is configured by variables, too, and `config show` takes the same options.
    variables = {option_of(key): _variable(key) for key in agent_keys()}
    yield from _table("Option", options, variables if title.endswith(" watch") else {})


def _variable(key: str) -> str:
    negated = option_of(key).startswith("--no-")
    return f"`METALOG_{key.upper()}{'=false' if negated else ''}`"


def _shown(parameters: Sequence[Any], kind: str) -> list[Any]:
    return [
        one
        for one in parameters
        if one.param_type_name == kind and not getattr(one, "hidden", False) and one.name != "help"
    ]


def _table(what: str, parameters: Sequence[Any], variables: dict[str, str]) -> Iterator[str]:
    if not parameters:
        return
    yield f"| {what} | | Default |"
    yield "|---|---|---|"
    for one in parameters:
        text, default = _explained(one)
        name = _value(one)
        spelled = _spelled(one)
        if what == "Option":
            name = ", ".join(spelled) + ("" if one.is_flag else f" {name}")
        if variable := variables.get(spelled[-1] if spelled else ""):
            text += f" Or {variable}."
        cells = (f"`{name}`", _cell(text), _cell(default))
        yield f"| {' | '.join(_piped(cell) for cell in cells)} |"
    yield ""


def _explained(one: Any) -> tuple[str, str]:
    """Its help, and what holds without it."""
    text = " ".join((one.help or "").split())
    default = ""
    if found := _DEFAULT.search(text):
        text, default = text[: found.start()], found[1]
    elif one.required:
        default = "required"
    elif not getattr(one, "is_flag", False) and isinstance(one.default, str | float | int | Path):
        default = str(getattr(one.default, "value", one.default))
    if choices := getattr(one.type, "choices", None):
        text += f" One of {', '.join(str(getattr(each, 'value', each)) for each in choices)}."
    if (least := getattr(one.type, "min", None)) is not None:
        text += f" At least {least}."
    return text, default


def _spelled(one: Any) -> list[str]:
    """Short names first, as --help has them."""
    names = sorted(one.opts, key=lambda name: name.startswith("--"))
    return [*names, *one.secondary_opts]


def _value(one: Any) -> str:
    if one.metavar is not None:
        return str(one.metavar)
    if one.param_type_name == "argument":
        name = str(one.name).upper()
        return name if one.required else f"[{name}]"
    if hasattr(one.type, "choices"):
        return "CHOICE"
    kind = str(one.type.name).lower()
    return "NUMBER" if kind.startswith(_NUMBERS) else "PATH" if kind == "path" else "TEXT"


def _paragraphs(text: str | None) -> str:
    return re.sub(r"^(docs/([\w-]+\.md))", r"[\1](\2)", (text or "").strip(), flags=re.MULTILINE)


def _cell(text: str) -> str:
    """Asterisks, brackets and angles are no markup; options are code."""
    escaped = re.sub(r"([*\[\]<>])", r"\\\1", text)
    return re.sub(r"(?<![`\w-])(--[a-z][\w-]*)(?!`)", r"`\1`", escaped)


def _piped(cell: str) -> str:
    return cell.replace("|", r"\|")


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
