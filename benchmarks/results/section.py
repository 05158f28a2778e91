"""One section of docs/results.md written anew, and the rest of the page left as it is."""

import re
from pathlib import Path

from benchmarks.results.page import TEMPLATE, Page
from models.errors import UserError
from models.placing import placed_file
from trainer.plotting import save


def refresh(docs: Path, heading: str, page: Page) -> None:
    """The section below ``heading`` and its plots. Raises UserError where there is none."""
    path = docs / "results.md"
    section = re.compile(rf"^{re.escape(heading)}\n.*?(?=^## )", re.MULTILINE | re.DOTALL)
    before = path.read_text(encoding="utf-8")
    template = section.search(TEMPLATE.read_text(encoding="utf-8"))
    if template is None or not section.search(before):
        raise UserError(f"{path}: has no section {heading!r}")
    text = page.text(template[0])
    for name, figure in page.plots.items():
        save(figure, docs / "results" / f"{name}.svg")
    with placed_file(path) as file:
        file.write_text(section.sub(lambda _: text, before, count=1), encoding="utf-8")
