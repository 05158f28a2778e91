"""The performance page: it is what template and records give, and its verdicts are theirs."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.performance.goals import GOALS, Goal, goals_table
from benchmarks.performance.machine import Machine
from benchmarks.performance.measurements import MEASUREMENTS, Measurement, chosen
from benchmarks.performance.page import TEMPLATE, Page
from benchmarks.performance.records import FOLDER, Record, path_of, read
from benchmarks.performance.runs import run
from benchmarks.turns import Compared
from models.errors import UserError

CHECKOUT = Path(__file__).parents[2]
TINY = Measurement("parsing", "parsing", ("--lines", "100", "--turns", "1"), ("--lines", "50"))


def made(found: Mapping[str, Any], *, quick: bool = False) -> Record:
    return Record("python -m benchmarks.some", "2026-01-02", None, quick, Machine.here(), found)


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)


def test_the_page_is_what_template_and_records_give() -> None:
    text = Page(read(FOLDER)).text(TEMPLATE.read_text(encoding="utf-8"))
    page = (CHECKOUT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert page == text, "write it again: python -m benchmarks.performance --page-only"


def test_records_are_whole_runs_of_the_measurements_and_name_no_place() -> None:
    records = read(FOLDER)

    assert {path.stem for path in FOLDER.iterdir()} == records.keys()
    assert {name for name, one in MEASUREMENTS.items() if one.usual} <= records.keys()
    for name, record in records.items():
        assert not record.quick
        # Sizes may change; a record says which it had.
        assert f"benchmarks.{MEASUREMENTS[name].module} " in record.command
        content = json.loads(path_of(FOLDER, name).read_bytes())
        assert not [one for one in strings(content) if re.search(r"(^|[\s=])[/~]", one)]


def test_every_goal_has_a_figure_and_a_verdict_on_the_page() -> None:
    records = read(FOLDER)
    assert {goal.measurement for goal in GOALS} <= MEASUREMENTS.keys()
    for goal in GOALS:
        _, shown, verdict = goal.row(records.get(goal.measurement))
        if goal.measurement in records:
            assert shown
            assert re.fullmatch(r"met|missed|\d of \d met", verdict)
        else:
            assert (shown, verdict) == ("", "not measured")


def test_verdicts() -> None:
    fast = Goal("fast", "some", (3, 5), True, lambda record: record.found["figures"])
    small = replace(fast, at_least=False, form="{:.0f} MiB")

    def row(goal: Goal, record: Record | None) -> list[str]:
        return goal.row(record)[1:]

    assert row(fast, made({"figures": {"": [3.0, 5.04]}})) == ["3.0 / 5.0", "met"]
    assert row(fast, made({"figures": {"": [2.99, 5]}})) == ["3.0 / 5.0", "1 of 2 met"]
    assert row(small, made({"figures": {"": [2, 4.9]}})) == ["2 MiB / 5 MiB", "met"]
    assert row(small, made({"figures": {"": [2, 5]}})) == ["2 MiB / 5 MiB", "1 of 2 met"]
    assert row(small, made({"figures": {"a": [4, 6], "b": [9, 9]}})) == [
        "4 MiB / 6 MiB (a), 9 MiB / 9 MiB (b)",
        "missed",
    ]
    assert row(fast, made({"figures": {"": [9, 9]}}, quick=True)) == ["9.0 / 9.0", "quick run"]
    assert row(fast, None) == ["", "not measured"]


@given(
    st.dictionaries(
        st.text(min_size=1), st.lists(st.floats(1e-6, 1e4), max_size=9), min_size=1, max_size=4
    )
)
def test_a_comparison_is_of_medians_and_survives_its_file(turns: dict[str, list[float]]) -> None:
    base = next(iter(turns))
    if not turns[base]:
        with pytest.raises(ValueError, match="had no turn"):
            Compared.of(turns, base)
        return
    found = Compared.of(turns, base)

    for way, taken in turns.items():
        seconds, ratio = found.seconds[way], found.ratios[way]
        if not taken:
            assert seconds is ratio is None
            continue
        assert seconds is not None and ratio is not None
        half = len(taken) / 2
        assert sum(one <= seconds for one in taken) >= half
        assert sum(one >= seconds for one in taken) >= half
        assert ratio * seconds == pytest.approx(found.seconds[base])
    again = Compared.from_json(json.loads(json.dumps(found.to_json())))
    assert again.seconds.keys() == found.seconds.keys()
    for way, one in again.seconds.items():
        assert (one is None) == (found.seconds[way] is None)
        assert one is None or one == pytest.approx(found.seconds[way], rel=1e-3)
    assert again.to_json() == found.to_json()


def test_a_measurement_leaves_its_record_and_a_failed_one_keeps_the_earlier(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = Measurement("growth", "parsing", ("--no-such-option", "1"), ())
    real = Measurement("parsing-real", "parsing", ("--data", "DATA"), ())
    made({"turns": 7}).write(path_of(tmp_path, "growth"))
    before = path_of(tmp_path, "growth").read_bytes()
    said: list[str] = []

    assert run([bad, real, TINY], None, tmp_path, said.append) == ["growth"]
    assert path_of(tmp_path, "growth").read_bytes() == before
    assert not path_of(tmp_path, "parsing-real").exists()
    assert "2/3 parsing-real: left out, it needs --data" in said
    assert "--no-such-option" in capfd.readouterr().err
    record = read(tmp_path)["parsing"]
    assert (record.command, record.quick) == (
        "python -m benchmarks.parsing --lines 100 --turns 1",
        False,
    )
    assert (record.found["turns"], record.found["rows"][0]["lines"]) == (1, 100)
    assert record.machine == Machine.here()
    page = Page({"parsing": record})
    assert page.text("{{command parsing}}") == f"`{record.command}`"
    assert page.text("{{parsing parsing}}").count("\n") == 4
    assert page.text("{{growth}}") == "Not measured yet: `growth`."


def test_a_quick_run_says_so() -> None:
    assert TINY.command(quick=True) == "python -m benchmarks.parsing --lines 50 --turns 1"
    figures = {"start, seconds": 0.5, "idle, MiB": 9.0, "5000 open sessions, MiB": 8.0}
    text = Page({"footprint": made(figures, quick=True)}).text("{{goals}}\n{{command footprint}}")

    assert "| 9 / 8 | quick run |" in text
    assert "met" not in text.replace("meta", "")
    assert "which says little" in text
    assert "not measured" in goals_table({})


def test_records_of_several_machines_are_told_apart() -> None:
    one, other = made({}), made({})
    other = replace(other, machine=replace(other.machine, cpu="Another", cores=1))
    text = Page({"growth": one, "parsing": other, "footprint": one}).text("{{machines}}")

    assert text.startswith("- growth, footprint: ")
    assert "\n- parsing: Another, one core, " in text


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    page = Page({"preparing": made({"turns": 1})})
    for block in ("{{goal}}", "{{parsing}}", "{{growth growth}}"):
        with pytest.raises(UserError, match=re.escape(f"{block} is no block")):
            page.text(block)
    with pytest.raises(UserError, match="no-such is no measurement"):
        page.text("{{parsing no-such}}")
    with pytest.raises(UserError, match=r"preparing.*of another form"):
        page.text("{{preparing preparing}}")
    path_of(tmp_path, "growth").write_text('{"command": 1}')
    with pytest.raises(UserError, match="no record of"):
        read(tmp_path)
    assert [one.name for one in chosen(["parsing*"])] == ["parsing", "parsing-real"]
    assert "preparing-large" not in [one.name for one in chosen([])]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--only", "parsings"), "--only parsings: no measurement has that name; there are pipe"),
        (("--only", "parsing,scoring"), "--only scoring: needs --data"),
    ],
)
def test_the_command_line_refuses_in_one_line(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.performance", *arguments, "--records", str(tmp_path)],
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr


def test_the_command_writes_the_page_without_measuring(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.performance", "--page-only", "--page", str(page)],
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert page.read_text() == (CHECKOUT / "docs" / "performance.md").read_text()
