"""What stands in the tables of docs/troubleshooting.md is what the programs say."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "troubleshooting.md"
# Between what is the same each time.
GAP = "\0"
# What the programs put in, as it is most often; and where one message ends and another begins.
BETWEEN = re.compile(
    r"\.\.\.|: |; |/etc/metalog/agent\.toml|(manifest|network|agent)\.\w+|METALOG_\w+|utf-8|65536"
    r"|agent\.sqlite\.aside-|RUN|, no corpus"
)
# The operating system's.
FROM_ELSEWHERE = {"Permission denied"}
SHORTEST = 8


def texts_of(source: str) -> Iterator[str]:
    """String literals, with a gap where a value is put in."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"%(\.\d+)?[sdg]", GAP, node.value)
        elif isinstance(node, ast.JoinedStr):
            parts = (one.value if isinstance(one, ast.Constant) else GAP for one in node.values)
            yield "".join(map(str, parts))


def messages(page: str) -> Iterator[str]:
    """Code of the first column of the tables whose first column is stderr."""
    for table in re.split(r"\n\n", page):
        if table.startswith("| stderr |"):
            for row in table.splitlines()[2:]:
                yield from re.findall(r"`([^`]+)`", row.split(" | ")[0])


def test_messages_are_those_of_the_programs() -> None:
    said = [
        text
        for room in ("agent", "models", "trainer")
        for file in sorted((ROOT / room).rglob("*.py"))
        for text in texts_of(file.read_text(encoding="utf-8"))
    ]
    fragments = [
        fragment.strip(" :;,()'$")
        for message in messages(PAGE.read_text(encoding="utf-8"))
        for fragment in BETWEEN.sub(GAP, message).split(GAP)
    ]
    wanted = [one for one in fragments if len(one) >= SHORTEST and one not in FROM_ELSEWHERE]

    assert len(wanted) > 30
    assert not [one for one in wanted if not any(one in text for text in said)]
