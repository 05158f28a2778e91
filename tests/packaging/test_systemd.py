"""The unit, as systemd itself reads it. Nothing is started: no service manager runs here."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.agent.running import AGENT

FOLDER = Path(__file__).parents[2] / "packaging" / "systemd"
UNIT = FOLDER / "metalog-agent.service"
# Of 10; what remains is the network, for alerts, and two groups, for the logs.
_MOST_EXPOSED = 2.0

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd-analyze here"
)


def verified(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """What it says of the unit, with an agent that is installed."""
    unit = folder / UNIT.name
    unit.write_text(text.replace("/usr/bin/metalog-agent", AGENT))
    return subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    done = verified(tmp_path, UNIT.read_text())
    # Keys that it does not know are no error to it, but it says them.
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_a_word_that_systemd_does_not_know_would_be_found(tmp_path: Path) -> None:
    wrong = UNIT.read_text().replace("ProtectSystem=", "ProtectSystm=")
    assert "ProtectSystm" in verified(tmp_path, wrong).stderr


@needs_systemd
def test_the_service_is_exposed_to_little() -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= _MOST_EXPOSED, done.stdout


def test_what_the_agent_needs_of_the_unit_is_there() -> None:
    lines = UNIT.read_text().splitlines()
    for line in (
        "Type=notify",
        "WatchdogSec=60s",
        "User=metalog",
        "SupplementaryGroups=adm systemd-journal",
        "StateDirectory=metalog",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "MemoryMax=1G",
        "RestartPreventExitStatus=2",
        "ExecStart=/usr/bin/metalog-agent watch --config /etc/metalog/agent.toml",
    ):
        assert line in lines
    # 10 s for receivers and the last save come before it is killed.
    assert "TimeoutStopSec=30s" in lines


def test_the_user_of_the_unit_is_made() -> None:
    assert "u metalog - " in (FOLDER / "metalog-agent.sysusers").read_text()
