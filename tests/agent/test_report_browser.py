"""The page of a host in a real browser."""

from pathlib import Path

import pytest

from tests.agent.orders import NORMAL, ODD, session
from tests.agent.test_report import page_of
from tests.agent.test_watch import run, write
from tests.browser import chromium, prefer, problems_of, requests_of, resize

pytestmark = pytest.mark.slow


def test_it_renders_in_both_themes_and_on_a_phone(bundle_path: Path, tmp_path: Path) -> None:
    log, state, output = tmp_path / "app.log", tmp_path / "state", tmp_path / "report.html"
    write(log, *(session(number, *(ODD if number % 3 else NORMAL)) for number in range(30)))
    options = ("--once", "--bundle", bundle_path, "--state-dir", state, "--threshold", 0)
    assert run("watch", log, *options).returncode == 0
    page_of(state, output)
    with chromium(tmp_path / "profile") as driver:
        for scheme in ("light", "dark"):
            prefer(driver, scheme)
            driver.get(output.as_uri())
            assert requests_of(driver) == [output.as_uri()]
            assert problems_of(driver) == []
            assert driver.find_elements("css selector", "#alerts svg rect")
        resize(driver, 360, 740)
        assert driver.execute_script("return document.documentElement.scrollWidth") == 360
