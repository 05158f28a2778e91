"""The commands that README.md and docs/*.md show, with the output they show for them."""

import re
import shutil
import subprocess
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    str(path.relative_to(ROOT)) for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))
)

_FENCE = re.compile(r"^\s*(?:```|~~~)\s*(\w*)")
_SHELLS = ("sh", "bash", "shell", "console")
# Programs that a page may speak of where the machine of the test has none.
_ELSEWHERE = (
    "apt", "apt-get", "curl", "docker", "git", "helm", "journalctl", "kubectl", "make",
    "metalog-agent", "metalog-train", "pip", "podman", "promtool", "sudo", "systemctl",
    "systemd-analyze", "systemd-sysusers", "tensorboard",
)  # fmt: skip
_VARIABLES = re.compile(r"^(?:\w+=\S* +)*")


@dataclass(frozen=True)
class Command:
    """text: as the page has it, perhaps of several lines. output: the lines that the page shows."""

    page: str
    line: int
    text: str
    output: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"

    @property
    def bare(self) -> str:
        """Without the variables before it."""
        return _VARIABLES.sub("", self.text)

    @property
    def synopsis(self) -> bool:
        """It says what may be typed, not what is: it has "..." or an option in brackets."""
        return re.search(r"\.\.\.|\[-|\[[A-Z]{2}", self.text) is not None


def commands(page: str) -> list[Command]:
    """Of one page, in its order."""
    return parsed(page, (ROOT / page).read_text(encoding="utf-8"))


def parsed(page: str, text: str) -> list[Command]:
    return [
        one for line, block in _blocks(text.splitlines()) for one in _commands(page, line, block)
    ]


def _blocks(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """(number of the first line, lines) of what is indented by four, or fenced."""
    at = 0
    while at < len(lines):
        start = at
        if fence := _FENCE.match(lines[at]):
            at += 1
            while at < len(lines) and not _FENCE.match(lines[at]):
                at += 1
            block = textwrap.dedent("\n".join(lines[start + 1 : at])).splitlines()
            if fence[1] in ("", *_SHELLS):
                yield start + 2, block
            at += 1
        elif lines[at].startswith("    ") and (at == 0 or not lines[at - 1].strip()):
            while at < len(lines) and (lines[at].startswith("    ") or not lines[at].strip()):
                at += 1
            yield start + 1, [line[4:] for line in lines[start:at]]
        else:
            at += 1


def _commands(page: str, first: int, block: list[str]) -> Iterator[Command]:
    prompted = any(line.startswith("$ ") for line in block)
    if not prompted and not (block and is_program(block[0])):
        return
    at = 0
    while at < len(block):
        start = at
        at += 1
        if not block[start].strip() or (prompted and not block[start].startswith("$ ")):
            continue
        text = block[start].removeprefix("$ ")
        while at < len(block) and (block[at].startswith(" ") > prompted or not _complete(text)):
            text += "\n" + block[at]
            at += 1
        output = []
        while prompted and at < len(block) and not block[at].startswith("$ "):
            output.append(block[at])
            at += 1
        yield Command(page, first + start, text, tuple(one for one in output if one.strip()))


def is_program(line: str) -> bool:
    """Whether a line begins with a program, so that a block without prompts is one of commands."""
    words = _VARIABLES.sub("", line).split()
    if not words:
        return False
    if words[0] in (*_ELSEWHERE, "for", "while", "cd", "export") or words[0].startswith("./"):
        return True
    return re.fullmatch(r"[a-z][\w.+-]*", words[0]) is not None and bool(shutil.which(words[0]))


def _complete(text: str) -> bool:
    """The shell says so: no loop, quote or here-document is left open."""
    if text.endswith("\\"):
        return False
    done = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True)
    # What is no shell at all, such as `PATH|-` of a synopsis, would never be complete.
    return not re.search("end of file|end-of-file|unexpected EOF", done.stderr)


def all_commands(pages: Iterable[str] = PAGES) -> list[Command]:
    return [one for page in pages for one in commands(page)]
