"""Pages: what is escaped, and that nothing is loaded."""

import base64
import hashlib
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import UserError
from models.page import charts
from models.page.charts import Series, Stack
from models.page.markup import markup, tag, visible
from models.page.scales import Axis
from models.page.skeleton import Section, json_text, page, write
from models.page.tables import table
from tests.pages import Seen, assert_self_contained

BREAKOUT = "</script><script>alert(1)</script><img src=x onerror=alert(1)> ' \" & <!-- ]]>"


@given(st.text(), st.text())
def test_text_and_attributes_come_back_as_they_were(text: str, attribute: str) -> None:
    seen = Seen(tag("p", text, title=attribute))
    # Carriage returns are escaped as characters that move a cursor are.
    assert seen.text == visible(text)
    assert seen.elements == [("p", {"title": visible(attribute)})]


def test_what_is_no_printable_character_is_shown_as_an_escape() -> None:
    assert visible("a\x1b[2Jb\u202ec\x00\ud800") == "a\\x1b[2Jb\\u202ec\\x00\\ud800"
    assert visible("Grüße, 世界") == "Grüße, 世界"
    assert markup(["<", None, 3, tag("b", "x")]) == "&lt;3<b>x</b>"


@given(st.recursive(st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)))
def test_data_in_a_script_is_the_same_and_ends_no_script(value: object) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert "<" not in text and text.isascii()


def test_a_line_that_wants_out_stays_in() -> None:
    content = [
        table(["event"], [[BREAKOUT]]),
        charts.lines(
            BREAKOUT, [Series(BREAKOUT, [[0, 0], [1, 1]], 0)], Axis.share(BREAKOUT), Axis.share("y")
        ),
    ]
    written = page(BREAKOUT, BREAKOUT, [Section("one", BREAKOUT, content)], {"line": BREAKOUT})
    assert_self_contained(written)
    seen = Seen(written)
    assert json.loads(seen.scripts[0]) == {"line": BREAKOUT}
    assert seen.text.count(BREAKOUT) >= 5


def test_the_policy_allows_the_script_of_the_page_and_no_other() -> None:
    seen = Seen(page("t", None, []))
    [policy] = [
        str(attributes["content"])
        for name, attributes in seen.elements
        if name == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    digest = base64.b64encode(hashlib.sha256(seen.scripts[1].encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}';" in policy


def test_a_page_is_placed_whole_and_not_for_everybody(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    write(path, page("Grüße", None, []))
    assert path.stat().st_mode & 0o777 == 0o640
    assert "Grüße" in path.read_text(encoding="utf-8")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write(tmp_path / "file" / "report.html", "")


@given(st.lists(st.floats(-1e9, 1e9), min_size=1), st.booleans())
def test_an_axis_holds_all_values_between_few_round_numbers(
    values: list[float], zero: bool
) -> None:
    axis = Axis.of("x", values, zero=zero)
    slack = 1e-6 * max(1.0, *map(abs, values))
    assert axis.low - slack <= min(values) and max(values) <= axis.high + slack
    assert 2 <= len(axis.ticks) <= 8
    assert axis.low < axis.high


@given(st.floats(0, 4e9), st.floats(1, 4e8))
def test_an_axis_of_time_names_few_moments_within(low: float, span: float) -> None:
    axis = Axis.time(low, low + span)
    assert len(axis.ticks) <= 7
    assert all(low - 1e-6 <= at <= low + span + 1e-6 for at, _ in axis.ticks)


def test_charts_say_what_they_show_without_colour() -> None:
    x, y = Axis.share("recall"), Axis.share("precision")
    drawn = charts.lines("PR", [Series("a", [[0, 1], [1, 0]], 0), Series("b", [[0, 0.5]], 1)], x, y)
    assert 'role="img"' in drawn and "<title>PR</title>" in drawn
    assert 'class="series c0"' in drawn and 'class="series c1"' in drawn
    stacked = charts.bars("Alerts", Stack(["began", "resolved"], [[1, 2], [0, 0]]), x, "messages")
    assert stacked.count("<rect") == 2 + 2  # bars, and boxes of the legend
    assert "2 resolved" in stacked


def test_a_step_goes_on_at_the_height_of_its_beginning() -> None:
    flat = charts.lines(
        "", [Series("a", [[1, 0], [0, 1]], 0, step=True)], Axis.share(""), Axis.share("")
    )
    way = flat.split(' d="')[1].split('"')[0]
    points = [tuple(map(float, one.split())) for one in way.replace("M", "L").split("L") if one]
    assert len(points) == 3
    assert points[0][1] == points[1][1] and points[1][0] == points[2][0]
    assert all(math.isfinite(one) for point in points for one in point)
