"""kill -9 at any moment: nothing is skipped, and what is said again is said with the same id."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from agent.state import Glance
from tests.agent import killing

# METALOG_KILLS=1000 takes some minutes.
_KILLS = int(os.environ.get("METALOG_KILLS", "40"))


def test_kill_9_at_any_step_loses_no_line_and_no_alert(bundle_path: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.agent.killing", bundle_path, tmp_path, str(_KILLS), "7"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120 + 5 * _KILLS,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout)
    places = [json.loads(line)["place"] for line in (tmp_path / "killed.jsonl").open()]
    assert len(places) >= _KILLS // 2
    assert len(set(places)) >= 5, "killed in many functions"

    ids = defaultdict(set)
    for alert in killing.alerts(tmp_path):
        ids[alert["key"]].add(alert["id"])
        # Offsets and open sessions are saved together: a line read again is not counted twice.
        assert alert["lines"] == len(killing.WORDS), alert
    assert sorted(ids) == sorted(f"ord-{number}" for number in range(1, said["orders"] + 1))
    assert {key: len(found) for key, found in ids.items() if len(found) > 1} == {}

    glance = Glance.at(tmp_path / "state")
    assert glance.report["counts"]["lines_read"] == said["lines"]
    assert glance.unsent == ()
    assert not glance.running
