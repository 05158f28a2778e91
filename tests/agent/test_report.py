"""``metalog-agent report``: the page of a host, beside its agent and after it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.report.incidents import BEGAN, REPEATED, RESOLVED, incidents, over_time, top_templates
from agent.state import KeptAlert
from tests.agent.orders import NORMAL, ODD, session
from tests.agent.test_status import Agent, until
from tests.agent.test_watch import run, write
from tests.pages import Seen, assert_self_contained


def page_of(state: Path, output: Path, *more: object) -> str:
    done = run("report", "--state-dir", state, "-o", output, *more)
    assert done.returncode == 0, done.stderr
    assert output.stat().st_mode & 0o777 == 0o640
    page = output.read_text(encoding="utf-8")
    assert_self_contained(page)
    return page


def test_beside_a_running_agent_no_raw_line_is_shown(bundle_path: Path, tmp_path: Path) -> None:
    log, state = tmp_path / "app.log", tmp_path / "state"
    write(log, session(1, *ODD), session(2, *NORMAL))
    options = ("--state-dir", state, "--from-beginning", "--threshold", 0, "--end-regex", "lost")
    with Agent(bundle_path, log, *options) as agent:
        until(state, lambda one: one["counts"]["alerts_raised"] == 1 and not one["unsent"])
        page = page_of(state, tmp_path / "report.html")
        code, alerts, _ = agent.end()
    assert code == 0
    text = Seen(page).text
    assert f"pid {agent.process.pid}" in text
    # Of the session that is over: its templates, and where it stands. Of the open one: nothing.
    [alert] = alerts
    assert alert["events"][0]["template"] in text and alert["fingerprint"] in text
    assert "ord-1 at" in text and "ord-2" not in text
    raw = [line for number in (1, 2) for line in session(number, *(ODD if number == 1 else NORMAL))]
    assert not [line for line in raw if line in text]
    after = Seen(page_of(state, tmp_path / "report.html")).text
    assert "does not run" in after
    with log.open("a") as file:
        file.write("x" * 1499 + "\n")
    assert "1.5 KiB not read yet" in Seen(page_of(state, tmp_path / "report.html")).text


def test_hostile_templates_are_text_and_secrets_are_masked(
    bundle_path: Path, tmp_path: Path
) -> None:
    log, state = tmp_path / "app.log", tmp_path / "state"
    hostile = "</script><script>hacked()</script><img src=x>"
    first = session(1, *NORMAL)
    at = first[0].split("shop[")[0]
    odd = [f"{at}shop[1]: order ord-1 {hostile} password=hunter2 card Q77-Z"]
    write(log, [*first, *odd])
    options = ("--once", "--bundle", bundle_path, "--state-dir", state, "--threshold", 0)
    done = run("watch", log, *options)
    assert done.returncode == 0, done.stderr
    page = page_of(state, tmp_path / "report.html", "--mask", "CARD=Q77-Z")
    text = Seen(page).text
    assert hostile in text and "<img" not in page
    assert "hunter2" not in page and "Q77-Z" not in page.split("New templates")[-1]


def test_without_alerts_it_says_so(bundle_path: Path, tmp_path: Path) -> None:
    log, state = tmp_path / "app.log", tmp_path / "state"
    write(log, session(1, *NORMAL))
    options = ("--once", "--bundle", bundle_path, "--state-dir", state, "--threshold", 1)
    assert run("watch", log, *options).returncode == 0
    text = Seen(page_of(state, tmp_path / "report.html")).text
    assert "No alert in the history." in text and "None in force." in text


def test_inputs_of_a_configuration_each_have_their_sections(
    bundle_path: Path, tmp_path: Path
) -> None:
    log, file = tmp_path / "app.log", tmp_path / "agent.toml"
    write(log, session(1, *ODD))
    file.write_text(
        f'[inputs.shop]\npaths = ["{log}"]\nbundle = "{bundle_path}"\n'
        f'state_dir = "{tmp_path / "shop"}"\n'
        f'[inputs.later]\npaths = ["{tmp_path / "b.log"}"]\nbundle = "{bundle_path}"\n'
        f'state_dir = "{tmp_path / "later"}"\n'
    )
    options = ("--once", "--bundle", bundle_path, "--threshold", 0)
    done = run("watch", log, *options, "--state-dir", tmp_path / "shop")
    assert done.returncode == 0, done.stderr
    output = tmp_path / "report.html"
    done = run("report", "--config", file, "-o", output)
    assert done.returncode == 0, done.stderr
    page = output.read_text()
    assert_self_contained(page)
    seen = Seen(page)
    assert "Overview of shop" in seen.text and "No agent has kept its state yet." in seen.text
    idents = [attributes["id"] for _, attributes in seen.elements if "id" in attributes]
    assert len(idents) == len(set(idents))


@pytest.mark.parametrize("damage", ["missing", "damaged", "output", "mask"])
def test_bad_input_is_one_line(damage: str, bundle_path: Path, tmp_path: Path) -> None:
    state, output, more = tmp_path / "state", tmp_path / "report.html", []
    if damage != "missing":
        log = tmp_path / "app.log"
        write(log, session(1, *NORMAL))
        run("watch", log, "--once", "--bundle", bundle_path, "--state-dir", state)
    if damage == "damaged":
        (state / "agent.sqlite").write_bytes(b"no database" * 1000)
    if damage == "output":
        output = tmp_path / "app.log" / "report.html"
    if damage == "mask":
        more = ["--mask", "no"]
    done = run("report", "--state-dir", state, "-o", output, *more)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert not output.exists()


def test_only_who_reports_loads_pages() -> None:
    code = (
        "import agent.cli, agent.watching, sys; "
        "assert not [one for one in sys.modules if one.startswith(('models.page', 'agent.report'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def alert(raised: float, ident: str, incident: str = "", **changed: Any) -> KeptAlert:
    body = {
        "kind": "session", "status": "firing", "id": ident, "incident": incident or ident,
        "count": 1, "score": 0.9, "fingerprint": "f", "key": ident,
        "events": [{"template": "paid", "weight": 1.5, "new": False}], **changed,
    }  # fmt: skip
    return KeptAlert(raised, json.loads(json.dumps(body)))


def test_messages_of_an_incident_are_one() -> None:
    alerts = [
        alert(10, "a"),
        alert(20, "b", "a", count=5, score=0.95),
        alert(30, "c"),
        alert(40, "d", "a", count=5, status="resolved"),
        alert(50, "e", kind="suppressed", count=7),
    ]
    found = incidents(alerts)
    assert [(one.sessions, one.messages, one.resolved) for one in found] == [
        (5, 3, True),
        (1, 1, False),
    ]
    [top] = top_templates(found)
    assert (top.template, top.sessions, top.incidents, top.weight) == ("paid", 6, 2, 1.5)
    bins = over_time(alerts, 60)
    assert [sum(row[place] for row in bins.counts) for place in (BEGAN, REPEATED, RESOLVED)] == [
        2, 1, 1,
    ]  # fmt: skip


@given(st.lists(st.floats(0, 4e9), min_size=1, max_size=50), st.floats(0, 4e9))
def test_every_message_is_in_one_of_few_bins(raised: list[float], until: float) -> None:
    alerts = [alert(at, str(number)) for number, at in enumerate(sorted(raised))]
    bins = over_time(alerts, until)
    assert len(bins.counts) <= 48
    assert sum(map(sum, bins.counts)) == len(raised)
    assert bins.low <= alerts[0].raised and alerts[-1].raised <= bins.high
