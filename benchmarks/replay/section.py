"""The section of docs/results.md that is made of replays, and of nothing else."""

import re
from pathlib import Path

from benchmarks.replay.records import Measured
from benchmarks.results import page
from models.errors import UserError
from models.placing import placed_file
from trainer.plotting import save

HEADING = "## On a host that it has never seen"
_SECTION = re.compile(rf"^{re.escape(HEADING)}\n.*?(?=^## )", re.MULTILINE | re.DOTALL)


def refresh(docs: Path, measured: Measured) -> None:
    """Write it and its plot anew, and leave the rest of the page as it is. Raises UserError."""
    path = docs / "results.md"
    before = path.read_text(encoding="utf-8")
    template = _SECTION.search(page.TEMPLATE.read_text(encoding="utf-8"))
    if template is None or not _SECTION.search(before):
        raise UserError(f"{path}: has no section {HEADING!r}")
    filled = page.Page({}, measured)
    text = filled.text(template[0])
    for name, figure in filled.plots.items():
        save(figure, docs / "results" / f"{name}.svg")
    with placed_file(path) as file:
        file.write_text(_SECTION.sub(lambda _: text, before, count=1), encoding="utf-8")
