"""What docs/ tells Prometheus and Grafana: checked against what the agent exports, and by the real
Prometheus."""

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, ProcessCollector

from agent.metrics.families import FAMILIES, table
from tests.agent.metrics.agents import agent
from tests.agent.orders import NORMAL, ODD, session
from tests.agent.running import append, until

_DOCS = Path(__file__).parents[3] / "docs"
_RULES = _DOCS / "prometheus" / "alerts.yml"
_DASHBOARD = _DOCS / "grafana" / "metalog.json"
_NAME = re.compile(r"\b(?:metalog_agent|process)_\w+")
_LABELS = {"job", "instance", "input", "le", *(name for one in FAMILIES for name in one.labels)}
_needs_prometheus = pytest.mark.skipif(
    not (shutil.which("promtool") and shutil.which("prometheus")),
    reason="apt install prometheus",
)


def exported() -> set[str]:
    """Names of samples."""
    process = CollectorRegistry()
    ProcessCollector(registry=process)
    found = {sample.name for metric in process.collect() for sample in metric.samples}
    for one in FAMILIES:
        suffixes = ("_bucket", "_count", "_sum") if one.kind == "histogram" else ("",)
        found |= {one.name + suffix for suffix in suffixes}
    return found


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(_DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return found


def expressions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel.get("targets", ())]


def test_all_names_that_are_asked_for_exist_and_all_that_exist_are_asked_for() -> None:
    names = set(_NAME.findall(_DASHBOARD.read_text(encoding="utf-8")))
    assert names <= exported(), names - exported()
    alerted = set(_NAME.findall(_RULES.read_text(encoding="utf-8")))
    assert alerted <= exported(), alerted - exported()
    on_dashboard = {re.sub("_(bucket|count|sum)$", "", name) for name in names}
    assert {one.name for one in FAMILIES} - on_dashboard == set()


def test_all_labels_that_are_asked_for_exist() -> None:
    text = "\n".join([*expressions(), _RULES.read_text(encoding="utf-8")])
    matched = re.findall(r"[{,]\s*(\w+)\s*(?:=~|=|!=)", text)
    grouped = [
        name.strip()
        for names in re.findall(r"\b(?:by|without|on)\s*\(([^)]*)\)", text)
        for name in names.split(",")
    ]
    assert set(matched) | set(grouped) <= _LABELS


def test_panels_are_told_apart_and_do_not_overlap() -> None:
    every = panels()
    assert len({panel["id"] for panel in every}) == len(every)
    taken: set[tuple[int, int]] = set()
    for panel in every:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert all(one["datasource"] == panel["datasource"] for one in panel["targets"])


def test_the_page_has_the_table_of_metrics() -> None:
    page = (_DOCS / "operations.md").read_text(encoding="utf-8")
    assert "\n".join(table()) in page, "python -c 'from agent.metrics.families import table; ...'"


@pytest.mark.slow
@_needs_prometheus
def test_promtool_takes_the_rules_and_they_fire_when_they_should() -> None:
    checked = subprocess.run(["promtool", "check", "rules", _RULES], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    rules = Path(__file__).with_name("rules.yml")
    tested = subprocess.run(["promtool", "test", "rules", rules], capture_output=True, text=True)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    alerts = set(re.findall(r"- alert: (\w+)", _RULES.read_text(encoding="utf-8")))
    assert set(re.findall(r'alertname="(\w+)"', rules.read_text(encoding="utf-8"))) == alerts


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[str]:
    """Its address. It scrapes the target every second."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
        f"rule_files: ['{_RULES}']\n"
        f"scrape_configs: [{{job_name: metalog, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    process = subprocess.Popen(
        [
            "prometheus", f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: _answers(address))
        yield address
    finally:
        process.terminate()
        process.wait(timeout=60)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/-/ready") as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def ask(address: str, path: str, **values: str) -> Any:
    query = urllib.parse.urlencode(values)
    with urllib.request.urlopen(f"http://{address}/api/v1/{path}?{query}") as answer:
        found = json.load(answer)
    assert found["status"] == "success"
    return found["data"]


@pytest.mark.slow
@_needs_prometheus
def test_the_real_prometheus_scrapes_an_agent_and_answers(
    bundle_path: Path, tmp_path: Path
) -> None:
    log = tmp_path / 'quote".log'
    log.touch()
    arguments = (log, "--bundle", bundle_path, "--state-dir", tmp_path / "state", "--threshold", 0)
    options = ("--end-regex", "lost|shipped", "--no-grouping")
    with agent(*arguments, *options) as one:
        page = one.becomes("/metrics", 200, "metalog_agent_ready").body
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=page, capture_output=True, text=True
        )
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
        with prometheus(tmp_path, one.address) as address:
            append(log, [*session(1, *ODD), *session(2, *NORMAL)])

            def value(query: str) -> float | None:
                result = ask(address, "query", query=query)["result"]
                return float(result[0]["value"][1]) if result else None

            until(lambda: value('up{job="metalog"}') == 1)
            until(lambda: value("metalog_agent_lines_read_total") == 7)
            until(lambda: value('metalog_agent_sessions_scored_total{verdict="anomalous"}') == 2)
            [found] = ask(address, "query", query="metalog_agent_read_lag_bytes")["result"]
            assert found["metric"]["source"] == str(log)
            assert value("metalog_agent_ready") == 1
            [target] = ask(address, "targets")["activeTargets"]
            assert (target["health"], target["lastError"]) == ("up", "")
            rules = ask(address, "rules")["groups"][0]["rules"]
            assert len(rules) == 9
            until(lambda: all(
                rule["health"] == "ok" for rule in ask(address, "rules")["groups"][0]["rules"]
            ))  # fmt: skip
            assert ask(address, "alerts")["alerts"] == []
            # Two scrapes make a rate.
            until(lambda: value("count_over_time(up[1m])") >= 5)  # type: ignore[operator]
            empty = []
            for expression in expressions():
                asked = re.sub(r"\$__rate_interval", "1m", expression)
                asked = re.sub(r"\$(job|instance|input)", ".*", asked)
                now = str(time.time())
                if not ask(address, "query", query=asked, time=now)["result"]:
                    empty.append(expression)
            # Nothing is unread, and no file is unreadable.
            assert [one for one in empty if not one.endswith("> 0") and "> 0)" not in one] == []
        one.end()
