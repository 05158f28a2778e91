"""What the pages show, held against the programs' own options; nothing is run."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from agent.cli import app as agent
from tests.docs.blocks import PAGES, ROOT, Command, all_commands, commands, parsed
from tests.docs.exceptions import EXIT_CODES, INTERRUPTED, NOT_RUN, OTHER_OUTPUT, STAND_INS, Table
from trainer.cli import app as trainer

PROGRAMS: dict[str, Any] = {
    name: typer.main.get_command(app)
    for name, app in (("metalog-agent", agent), ("metalog-train", trainer))
}


def parts(one: Command) -> Iterator[tuple[str, list[str]]]:
    """(program, words behind it) of each of ours in a command, such as the second of a pipe."""
    text = re.sub(r"\s#\s.*", "", one.text).replace("\\\n", " ")
    for part in re.split(r"[|;&\n]+(?![^\[]*\])", text):
        words = re.findall(r"[^\s\[\]]+", part)
        for place, word in enumerate(words):
            if word in PROGRAMS:
                yield word, words[place + 1 :]
                break


def misspelt(program: str, words: list[str]) -> list[str]:
    """Subcommands and options that the program does not have."""
    command: Any = PROGRAMS[program]
    words = list(words)
    # Typer may bring a click of its own, so groups are known by what they have.
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        name = words.pop(0)
        if name not in command.commands:
            return [name]
        command = command.commands[name]
    if command.context_settings.get("ignore_unknown_options"):
        # `config show` hands them on to `watch`.
        command = PROGRAMS[program].commands["watch"]
    known = {"--help"}.union(*(one.opts + one.secondary_opts for one in command.params))
    asked = [word.split("=")[0] for word in words if re.match(r"--?[A-Za-z]", word)]
    return [word for word in asked if word not in known]


def in_sentences(page: str) -> list[Command]:
    """What stands between backquotes."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Command(page, text[: found.start()].count("\n") + 1, " ".join(found[1].split()), ())
        for found in re.finditer(r"(?<!`)`(metalog-(?:agent|train) [^`]+)`(?!`)", text)
    ]


@pytest.mark.parametrize("page", PAGES)
def test_the_options_of_our_commands_are_those_of_the_programs(page: str) -> None:
    wrong = {
        str(one): found
        for one in (*commands(page), *in_sentences(page))
        for program, words in parts(one)
        if (found := misspelt(program, words))
    }
    assert not wrong


@pytest.mark.parametrize("table", [NOT_RUN, INTERRUPTED, OTHER_OUTPUT, EXIT_CODES])
def test_every_exception_is_one_of_a_command_that_a_page_shows(table: Table) -> None:
    stale = [
        f"{page}: {key}"
        for page, keys in table.items()
        for key in keys
        if not any(
            one.bare.startswith(key) for one in all_commands(PAGES if page == "*" else [page])
        )
    ]
    assert not stale


def test_every_stand_in_stands_for_a_word_of_its_page() -> None:
    stale = [
        f"{page}: {word}"
        for page, words in STAND_INS.items()
        for word in words
        if not any(
            word in "\n".join((one.text, *one.output))
            for one in all_commands(PAGES if page == "*" else [page])
        )
    ]
    assert not stale


def test_a_command_goes_on_where_the_shell_is_not_done() -> None:
    page = """
text

    $ cat > file <<'END'
    one
    END
    $ for x in a b; do
        echo $x
    done
    a
    b

```sh
echo one \\
    two
metalog-agent status [PATH...]
    [--json]
```

    no program: what was said
"""
    found = [(one.text, one.output, one.synopsis) for one in parsed("page.md", page)]
    assert found == [
        ("cat > file <<'END'\none\nEND", (), False),
        ("for x in a b; do\n    echo $x\ndone", ("a", "b"), False),
        ("echo one \\\n    two", (), False),
        ("metalog-agent status [PATH...]\n    [--json]", (), True),
    ]
