"""Each command that a page shows is run, or is named in ``tests.docs.exceptions`` with a reason."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.receiver import receiver
from tests.docs.blocks import PAGES, Command, commands
from tests.docs.exceptions import (
    EXIT_CODES,
    INTERRUPTED,
    NOT_RUN,
    OTHER_OUTPUT,
    STAND_INS,
    exception,
)
from tests.docs.material import make_material
from tests.docs.terminal import Terminal

pytestmark = pytest.mark.slow

# What a command makes: a name of the material gives way to it.
_MADE = re.compile(r"(?:\s-o|\bmkdir(?: -p)?)\s+([\w./-]+)")
# What is another thing at each run: numbers, times, ids.
_VARYING = re.compile(r"\b[0-9a-f]{8,}\b|[-+]?\d[\d.,:]*(?:T[\d.:+-]+)?|KiB|MiB|MB|\bms\b")


def runs(one: Command) -> bool:
    return not one.synopsis and exception(NOT_RUN, one.page, one.bare) is None


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "material"
    make_material(folder)
    return folder


@pytest.fixture
def stand_ins(material: Path) -> Iterator[dict[str, str]]:
    """What is only known now: an address that answers, alerts that were raised."""
    raised = [json.loads(line)["id"] for line in (material / "alerts.jsonl").open()]
    with receiver() as there:
        yield {
            "RECEIVER": there.url.rstrip("/"),
            "FIRST-ALERT": raised[0],
            "SECOND-ALERT": raised[1],
        }


def _typed(text: str, page: str, known: dict[str, str], *, output: bool = False) -> str:
    """output: it is no command, so that only single words are put in other words."""
    words = {**STAND_INS["*"], **STAND_INS.get(page, {})}
    for word in sorted(words, key=len, reverse=True):
        if output and " " in word:
            continue
        edge = r"\b" if word.isupper() else ""
        text = words[word].join(re.split(f"{edge}{re.escape(word)}{edge}", text))
    for word, value in known.items():
        text = text.replace(word, value)
    return text


def _shape(line: str) -> str:
    return " ".join(_VARYING.sub("#", line).split())


def _missing(wanted: list[str], output: str) -> list[str]:
    """Lines of a page whose like the command did not say; "..." stands for anything."""
    said = [_shape(line) for line in output.splitlines()]
    return [
        line
        for line in wanted
        if (shape := _shape(line.removesuffix("..."))) not in said
        and not (line.endswith("...") and any(one.startswith(shape) for one in said))
    ]


@pytest.mark.parametrize("page", [page for page in PAGES if any(map(runs, commands(page)))])
def test_the_commands_of_a_page_do_what_it_says(
    page: str, material: Path, stand_ins: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "page"
    shutil.copytree(material, folder)
    terminal = Terminal(folder)
    known = stand_ins | {"FOLDER": str(folder), "STATES": str(terminal.states)}
    given = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    try:
        for one in filter(runs, commands(page)):
            text = _typed(one.text, page, known)
            for made in given.intersection(_MADE.findall(text)):
                given.discard(made)
                path = folder / made
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            key = exception(INTERRUPTED, page, one.bare)
            done = terminal.run(text, INTERRUPTED[page][key] if key else None)
            key = exception(EXIT_CODES, page, one.bare)
            wanted = EXIT_CODES[page][key] if key else 0
            assert done.code == wanted, f"{one}\nexit code {done.code}:\n{done.output}"
            if exception(OTHER_OUTPUT, page, one.bare) is None:
                lines = [_typed(line, page, known, output=True) for line in one.output]
                missing = "\n".join(_missing(lines, done.output))
                assert not missing, f"{one}\ndid not say:\n{missing}\nit said:\n{done.output}"
    finally:
        terminal.close()
