"""Draw docs/pictures/alert.svg: the first alert of a real agent, as a terminal shows it.

    python docs/pictures/alert.py [FOLDER]

Logs of the made-up web shop are written to a folder, the older half packed as its old log; an
agent with the shipped bundle watches it while the newer half is appended, and what it says up to
its first alert is drawn. Only the folder's path and the machine's name are put in other words.
"""

import gzip
import io
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from trainer.demo import web_shop

WIDTH = 104
_COMMAND = (
    "metalog-agent",
    "watch",
    "/srv/shop",
    "--history",
    "/srv/shop/*.gz",
    "--format",
    "pretty",
)


def first_alert(shop: Path) -> str:
    """What the agent says on stderr and stdout, up to its first alert. shop: an empty folder."""
    lines = [f"{line}\n" for line in web_shop(sessions=3000, seed=0).lines()]
    half = len(lines) // 2
    with gzip.open(shop / "shop.log.1.gz", "wt") as old:
        old.writelines(lines[:half])
    log = shop / "shop.log"
    log.touch()
    output = shop.parent / "output"
    arguments = [word.replace("/srv/shop", str(shop)) for word in _COMMAND[1:]]
    with output.open("wb") as file:
        agent = subprocess.Popen(
            [Path(sys.executable).with_name(_COMMAND[0]), *arguments],
            stdout=file,
            stderr=file,
            env=os.environ | {"XDG_STATE_HOME": str(shop.parent / "state"), "NO_COLOR": "1"},
        )
    try:
        _wait_for(agent, output, "following")
        with log.open("a") as file:
            file.writelines(lines[half : half + 8000])
        said = _wait_for(agent, output, r"\n  id +\w+\n")
    finally:
        agent.terminate()
        agent.wait(timeout=60)
    said = said.replace(str(shop), "/srv/shop")
    return said.replace(f"Anomaly on {socket.gethostname()}", "Anomaly on shop-1")


def _wait_for(agent: "subprocess.Popen[bytes]", output: Path, pattern: str) -> str:
    end = time.monotonic() + 120
    while not re.search(pattern, said := output.read_text()):
        if agent.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"the agent did not come to {pattern!r}: {said}")
        time.sleep(0.1)
    return said


def drawn(said: str) -> str:
    """An SVG that fetches nothing: dark by itself, so it looks the same on any page."""
    console = Console(width=WIDTH, record=True, file=io.StringIO(), color_system="truecolor")
    command = " ".join(f"'{word}'" if "*" in word else word for word in _COMMAND)
    console.print(Text.assemble(("$ ", "green"), (command, "bold")))
    for line in said.splitlines():
        # Where terminals break lines is theirs to say; long ones are cut in a picture.
        text = Text(line[: WIDTH - 1] + "…" if len(line) > WIDTH else line)
        text.stylize("bold red" if line.startswith("Anomaly") else "dim", 0, _heading(line))
        console.print(text, soft_wrap=True)
    svg = console.export_svg(title="metalog-agent", unique_id="alert")
    # Rich asks a server for its font; the terminal's own will do.
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def _heading(line: str) -> int:
    """Of a line, how much is not the log's or a value: the label of an alert's line."""
    if line.startswith("Anomaly"):
        return len(line)
    return 14 if line.startswith("  ") else len("metalog-agent:")


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    with tempfile.TemporaryDirectory() as place:
        shop = Path(place).resolve() / "shop"
        shop.mkdir()
        (folder / "alert.svg").write_text(drawn(first_alert(shop)), encoding="utf-8")


if __name__ == "__main__":
    main()
