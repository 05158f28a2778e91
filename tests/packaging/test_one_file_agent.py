"""``make agent``: built and started as a user does it, with nothing of this environment."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.orders import NORMAL, ODD, session
from tests.agent.running import append

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("make") is None:
        pytest.skip("no make here")
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if shutil.which(python) is None:
        pytest.skip(f"no {python} on the PATH, by which the file says that it is run")
    subprocess.run(
        ["make", "agent", f"PYTHON={python}"], cwd=ROOT, check=True, timeout=900,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )  # fmt: skip
    # Away from the sources, which must not be found.
    copy = tmp_path_factory.mktemp("usr") / "metalog-agent"
    shutil.copy(ROOT / "build" / "metalog-agent.pyz", copy)
    return copy


def test_it_runs_by_itself_and_unpacks_where_it_is_told(agent: Path, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, [one for n in range(40) for one in session(n, *(ODD if n % 5 == 0 else NORMAL))])
    cache, home = tmp_path / "cache", tmp_path / "home"
    home.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "SHIV_ROOT": str(cache)}

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(agent), *map(str, arguments)],
            capture_output=True, text=True, timeout=300, env=environment, cwd=home,
        )  # fmt: skip

    done = run("watch", log, "--once", "--threshold", 0, "--no-grouping")
    assert done.returncode == 0, done.stderr
    # The bundle that comes with it, whose sessions are of twenty lines.
    assert "bundle metalog-default" in done.stderr
    alerts = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(alerts) == -(-len(log.read_text().splitlines()) // 20)
    [unpacked] = [one for one in cache.iterdir() if one.is_dir()]
    assert (unpacked / "site-packages" / "agent" / "cli.py").is_file()
    assert not (unpacked / "site-packages" / "torch").exists()
    # Nothing but what it was told to write.
    assert list(home.iterdir()) == []
    assert run("watch", tmp_path / "none.log", "--once").returncode == 2
