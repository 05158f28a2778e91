"""The picture of an alert: made by its script from a real run, and fetching nothing."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.docs.blocks import ROOT

PICTURES = ROOT / "docs/pictures"


def text_of(svg: str) -> str:
    return "\n".join(ElementTree.fromstring(svg).itertext()).replace("\xa0", " ")


def alert(picture: Path) -> str:
    """From its first line on, without its id, which is another one in each run."""
    text = text_of(picture.read_text())
    return re.sub(r"\b[0-9a-f]{32}\b", "", text[text.index("Anomaly") :])


def test_the_picture_is_of_an_alert_and_loads_nothing() -> None:
    svg = (PICTURES / "alert.svg").read_text()
    assert "Anomaly on shop-1, score 0." in text_of(svg)
    assert not re.search(r"@import|@font-face|url\((?!#)|\b(?:href|src)=", svg)


@pytest.mark.slow
def test_the_script_draws_the_same_alert(tmp_path: Path) -> None:
    subprocess.run([sys.executable, PICTURES / "alert.py", tmp_path], check=True, timeout=180)
    committed, drawn = (alert(folder / "alert.svg") for folder in (PICTURES, tmp_path))
    assert drawn == committed
