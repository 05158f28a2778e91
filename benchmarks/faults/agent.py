"""The real agent, killed and started again."""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.faults.lines import END
from models.errors import UserError

# A session that lost its last line is scored after so long.
IDLE_SECONDS = 30


class Agent:
    """``metalog-agent watch`` with an alert for every session; each start has its own output."""

    def __init__(self, logs: Path, home: Path, bundle: Path) -> None:
        program = Path(sys.executable).with_name("metalog-agent")
        if not program.exists():
            raise UserError(f"{program}: not there; install metalog into this environment")
        self._command = [
            str(program), "watch", str(logs), "--from-beginning", "--bundle", str(bundle),
            "--state-dir", str(home / "state"), "--threshold", "0", "--end-regex", f"{END}$",
            "--idle", str(IDLE_SECONDS), "--no-grouping", "--quiet",
        ]  # fmt: skip
        self._home = home
        self.outputs: list[Path] = []
        self._process = self._start()

    def kill_and_start(self) -> None:
        if self._process.poll() is not None:
            said = (self._home / "messages.txt").read_text().splitlines()[-1:]
            raise UserError(f"the agent ended with code {self._process.returncode}: {said}")
        self._process.kill()
        self._process.wait()
        self._process = self._start()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    @property
    def bytes_out(self) -> int:
        return sum(path.stat().st_size for path in self.outputs)

    def _start(self) -> subprocess.Popen[bytes]:
        self.outputs.append(self._home / f"alerts-{len(self.outputs):02}.jsonl")
        # What it says of itself, mostly that alerts come faster than stdout takes them.
        messages = self._home / "messages.txt"
        with self.outputs[-1].open("wb") as output, messages.open("ab") as errors:
            return subprocess.Popen(
                self._command,
                stdout=output,
                stderr=errors,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
