"""The pictures of docs/how-it-works.md, drawn of a tiny demo."""

import re
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.pages.pictures import FOLDER, draw
from tests.trainer.conftest import Demo

PAGE = FOLDER.with_suffix(".md")


def test_pictures_are_drawn_the_same_each_time(demo: Demo, bundle: Path, tmp_path: Path) -> None:
    source = demo.corpus(demo.source)

    paths = draw(bundle, source, demo.target, tmp_path / "once")
    again = draw(bundle, source, demo.target, tmp_path / "twice")

    assert [one.name for one in paths] == ["space.svg", "session.svg", "scores.svg"]
    assert [one.read_bytes() for one in paths] == [one.read_bytes() for one in again]
    for path in paths:
        ElementTree.parse(path)
        text = path.read_text(encoding="utf-8")
        # Whatever the palette around it: no colour but those that have two.
        assert "prefers-color-scheme:dark" in text
        drawn = text.partition("</style>")[2]
        assert not re.findall(r"#[0-9a-f]{6}\b", drawn)
    space = (tmp_path / "once" / "space.svg").read_text(encoding="utf-8")
    assert "block-store" in space and "web-shop" in space


def test_the_page_shows_those_that_are_there_and_they_are_small() -> None:
    shown = set(re.findall(r"\]\(how-it-works/([\w-]+\.svg)\)", PAGE.read_text(encoding="utf-8")))

    assert shown == {one.name for one in FOLDER.iterdir()}
    for picture in FOLDER.iterdir():
        assert picture.stat().st_size < 100 * 1024
        assert not re.search(r"/(tmp|home|root|work)/", picture.read_text(encoding="utf-8"))
