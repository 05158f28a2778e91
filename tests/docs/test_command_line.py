"""The page of all options is what the programs say, and misses none that --help shows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.pages.command_line import AGAIN, PAGE, page

COMMANDS = re.findall(r"^### (metalog-\S+) (.+)$", page(), re.MULTILINE)


def test_the_page_is_what_the_programs_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), f"write it again: {AGAIN}"


def test_every_command_is_there() -> None:
    assert {("metalog-agent", "watch"), ("metalog-agent", "config check")} <= set(COMMANDS)
    assert {("metalog-train", "fit"), ("metalog-train", "demo-logs")} <= set(COMMANDS)


@pytest.mark.parametrize(
    ("program", "command"), [("metalog-agent", "watch"), ("metalog-train", "adapt")]
)
def test_it_has_the_options_of_help(program: str, command: str) -> None:
    said = subprocess.run(
        [Path(sys.executable).with_name(program), command, "--help"],
        capture_output=True, text=True, check=True, timeout=60, env={"COLUMNS": "200"},
    ).stdout  # fmt: skip
    wanted = set(re.findall(r"^\s+(?:-\w, )?(--[a-z-]+)", said, re.MULTILINE)) - {"--help"}

    section = page().partition(f"### {program} {command}\n")[2].partition("\n### ")[0]

    assert wanted
    assert wanted == set(re.findall(r"^\| `(?:-\w, )?(--[a-z-]+)", section, re.MULTILINE))


def test_what_is_hidden_stays_hidden() -> None:
    assert "--show-config" not in page()
