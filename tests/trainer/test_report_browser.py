"""Reports in a real browser: they render, the slider works, nothing leaves the page."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.page.skeleton import write
from tests.browser import chromium, listener, prefer, problems_of, requests_of, resize
from tests.trainer.test_report import data_of
from tests.trainer.test_report import hostile_run as hostile_run
from trainer import evaluate as evaluation
from trainer.metrics import figures
from trainer.report.gathered import gather
from trainer.report.page import report_page
from trainer.run import Run

pytestmark = pytest.mark.slow

_TILES = ("precision", "recall", "f1", "found", "alarms", "per_1000", "per_day")


@pytest.fixture(scope="module")
def page(run: Run, hostile_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two runs, the second of which has mistakes with hostile lines."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    exams = gather([run, replace(hostile_run, threshold=0.05)], device="cpu")
    write(path, report_page(exams, made="now"))
    return path


@pytest.fixture
def driver(page: Path, tmp_path: Path) -> Iterator[Any]:
    with chromium(tmp_path / "profile") as opened:
        opened.get(page.as_uri())
        yield opened


def tiles(driver: Any, run: int) -> dict[str, str]:
    return {
        name: driver.find_element(
            "css selector", f"[data-threshold='{run}'] [data-figure='{name}']"
        ).text
        for name in _TILES
    }


def move(driver: Any, run: int, threshold: float) -> None:
    """As a finger does: the slider says that it was moved."""
    driver.execute_script(
        "const slider = document.querySelector(`[data-threshold='${arguments[0]}'] [type=range]`);"
        "slider.value = Math.log(arguments[1] / (1 - arguments[1]));"
        "slider.dispatchEvent(new Event('input', {bubbles: true}));",
        run,
        threshold,
    )


def share(said: str) -> float | None:
    """ "31.3 %", with the rounding of a browser."""
    return None if said == "–" else float(said.removesuffix(" %")) / 100


def test_it_renders_and_asks_nobody_for_anything(driver: Any, page: Path) -> None:
    assert requests_of(driver) == [page.as_uri()]
    assert problems_of(driver) == []
    charts = driver.find_elements("css selector", "svg.chart")
    assert len(charts) == 2 * 4
    assert all(chart.size["width"] > 250 and chart.size["height"] > 150 for chart in charts)
    assert driver.find_element("css selector", "#mistakes .log").is_displayed()


def test_what_would_leave_the_page_is_stopped(driver: Any) -> None:
    requests_of(driver)
    with listener() as (url, asked):
        driver.execute_script(
            "document.body.insertAdjacentHTML('beforeend',"
            "`<img src='${arguments[0]}/image'><iframe src='${arguments[0]}/frame'></iframe>"
            '<p style="background: url(${arguments[0]}/style)">x</p>'
            "<img src=x onerror='inline=1'>`);"
            "const script = document.createElement('script');"
            "script.textContent = 'element = 1'; document.body.append(script);",
            url,
        )
        outcome = driver.execute_async_script(
            "const done = arguments[1];"
            "fetch(arguments[0]).then(() => done('went out'), () => done('stopped'));",
            url,
        )
        assert outcome == "stopped"
        assert driver.execute_script("return [typeof inline, typeof element]") == ["undefined"] * 2
        assert asked == []


def test_hostile_lines_are_text(driver: Any) -> None:
    driver.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert "<img src=x onerror=hacked()>" in driver.find_element("id", "mistakes").text
    assert (
        driver.find_elements(
            "css selector", "img, iframe, body script:not(:last-child):not([type])"
        )
        == []
    )


def test_the_slider_says_what_every_threshold_costs(driver: Any, run: Run, page: Path) -> None:
    predictions = evaluation.evaluate(run, device="cpu").predictions
    known = [one for one in predictions if one["label"] is not None]
    labels = np.array([one["label"] for one in known])
    scores = np.array([one["score"] for one in known])
    distinct = np.unique(scores)
    # In the middle of wide gaps: predictions are rounded.
    wide = np.flatnonzero(np.diff(distinct) > 1e-4)
    cuts = [float(distinct[at] + distinct[at + 1]) / 2 for at in wide[:: max(1, len(wide) // 5)]]
    assert len(cuts) >= 3
    a_day = data_of(page.read_text())["thresholds"][0]["normal_a_day"]
    own = tiles(driver, 0)
    marks = set()
    for threshold in cuts:
        move(driver, 0, threshold)
        told, said = figures(labels, scores, threshold), tiles(driver, 0)
        found, alarms, normal = (
            told["true_positives"], told["false_positives"], int((labels == 0).sum()),
        )  # fmt: skip
        precision = pytest.approx(told["precision"], abs=0.00051) if found + alarms else None
        assert share(said["precision"]) == precision
        assert share(said["recall"]) == pytest.approx(told["recall"], abs=0.00051)
        assert share(said["f1"]) == pytest.approx(told["f1"], abs=0.00051)
        assert said["found"] == f"{found} of {told['anomalous']}"
        assert said["alarms"] == f"{alarms} of {normal}"
        assert float(said["per_1000"].replace(",", "")) == pytest.approx(
            1000 * alarms / normal, rel=0.01
        )
        assert float(said["per_day"].replace(",", "")) == pytest.approx(
            a_day * alarms / normal, rel=0.01
        )
        mark = driver.find_element("css selector", "[data-mark='0:line']")
        marks.add(mark.get_attribute("x1"))
    assert len(marks) == len(cuts)
    # The other run's stays where it is; the button takes this one back.
    driver.find_element("css selector", "[data-threshold='0'] button").click()
    assert tiles(driver, 0) == own


def test_keys_and_numbers_move_the_threshold_too(driver: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    slider = driver.find_element("css selector", "[data-threshold='0'] [type=range]")
    field = driver.find_element("css selector", "[data-threshold='0'] [type=number]")
    slider.send_keys(Keys.HOME)
    assert tiles(driver, 0)["recall"] == "100.0 %"
    field.clear()
    field.send_keys("1")
    assert tiles(driver, 0)["alarms"].startswith("0 of ")
    assert tiles(driver, 0)["precision"] == "–"


@pytest.mark.parametrize("width", [360, 768, 1400])
def test_it_fits_the_screen(driver: Any, width: int) -> None:
    resize(driver, width, 800)
    driver.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")
    wide = driver.execute_script("return document.documentElement.scrollWidth")
    assert wide == width


def test_it_is_light_and_dark_as_asked(driver: Any) -> None:
    def ground() -> int:
        colour = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in colour[4:-1].split(","))

    button = driver.find_element("id", "theme")
    for scheme, is_dark in (("light", False), ("dark", True)):
        prefer(driver, scheme)
        assert (ground() < 200) == is_dark
    button.click()
    assert button.text == "Theme: light" and ground() > 600
    button.click()
    prefer(driver, "light")
    assert button.text == "Theme: dark" and ground() < 200
    driver.refresh()
    assert driver.find_element("id", "theme").text == "Theme: dark" and ground() < 200


def test_text_can_be_read_on_its_ground(driver: Any) -> None:
    """WCAG 2.1, 1.4.3: contrast of 4.5 to 1, in both themes."""

    def luminance(colour: str) -> float:
        channels = [int(part) / 255 for part in colour[4:-1].split(",")]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    for scheme in ("light", "dark"):
        prefer(driver, scheme)
        ground, *colours = driver.execute_script(
            "const card = document.querySelector('section');"
            "const of = (name) => { const p = document.createElement('i'); card.append(p);"
            " p.style.color = `var(--${name})`; const c = getComputedStyle(p).color; p.remove();"
            " return c; };"
            "return [getComputedStyle(card).backgroundColor,"
            " ...'ink soft accent warn good s0 s1 s2 s3 s4 s5 s6'.split(' ').map(of)]"
        )
        for colour in colours:
            low, high = sorted((luminance(ground), luminance(colour)))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (scheme, colour)
