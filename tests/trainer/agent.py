"""Scores as a host gives them, to compare with those of ``evaluate``."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest


def scored_by_agent(bundle: Path, logs: Sequence[Path], *options: str) -> list[dict[str, Any]]:
    agent = Path(sys.executable).with_name("metalog-agent")
    command = [agent, "score", *logs, "--bundle", bundle, "--provider", "cpu", *options]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def same_verdicts(predictions: list[dict[str, Any]], verdicts: list[dict[str, Any]]) -> None:
    by_key = {one["key"]: one for one in verdicts}
    assert len(by_key) == len(verdicts)
    assert predictions
    for one in predictions:
        other = by_key[one["key"]]
        assert one["score"] == pytest.approx(other["score"], abs=1e-5)
        assert one["anomalous"] == other["anomalous"]
        assert one["lines"] == other["lines"]
