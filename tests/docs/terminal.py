"""A terminal in a folder, in which commands are typed one after the other."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Of one command, seconds.
LONGEST = 180.0
# What follows goes on until it is stopped; `--once` and stdin end by themselves.
_ENDLESS = re.compile(
    r"^(?:\w+=\S* +)*metalog-agent watch\b(?!.*(?:--once|\s-(?:\s|$)))", re.DOTALL
)
# A trap that is no "ignore" is not inherited: the shell waits, what it runs ends.
_TRAP = "trap : TERM INT"


@dataclass(frozen=True)
class Done:
    """output: stdout and stderr, as a terminal shows them."""

    code: int
    output: str


class Terminal:
    """Folder and variables stay from one command to the next. A `metalog-agent watch` runs on, as
    in a second terminal, until the next one is started or ``close`` is called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept = folder.parent / f".{folder.name}"
        self.states = self._kept / "states"
        self._kept.mkdir()
        (self._kept / "folder").write_text(str(folder))
        (self._kept / "variables").write_text("")
        self._watcher: tuple[str, subprocess.Popen[bytes], Path] | None = None

    def run(self, command: str, interrupt_at: str | None = None) -> Done:
        """interrupt_at: Ctrl-C is pressed once a file is there that this matches."""
        endless = _ENDLESS.match(command) is not None
        if endless:
            self.stop_watching()
        output = self._kept / f"output-{time.monotonic_ns()}"
        process = self._start(command, output)
        try:
            if endless:
                self._await(process, output, lambda: "following" in said(output))
                self._watcher = command, process, output
                return Done(0, said(output))
            if interrupt_at is not None:
                pattern = interrupt_at
                self._await(process, output, lambda: any(self.folder.glob(pattern)))
                os.killpg(process.pid, signal.SIGINT)
            code = process.wait(timeout=LONGEST)
        except BaseException:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            raise
        return Done(code, said(output))

    def stop_watching(self) -> None:
        """As a service manager does; an agent that is asked to end says that all went well."""
        if self._watcher is None:
            return
        (command, process, output), self._watcher = self._watcher, None
        os.killpg(process.pid, signal.SIGTERM)
        try:
            code = process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        assert code == 0, f"{command}: exit code {code}: {said(output)}"

    def close(self) -> None:
        self.stop_watching()

    def _start(self, command: str, output: Path) -> subprocess.Popen[bytes]:
        script = "\n".join(
            (
                "set -o pipefail",
                f"source {self._kept}/variables",
                f'cd "$(cat {self._kept}/folder)"',
                _TRAP,
                command,
                "code=$?",
                f"pwd > {self._kept}/folder",
                f"export -p > {self._kept}/variables",
                "exit $code",
            )
        )
        with output.open("wb") as file:
            return subprocess.Popen(
                ["bash", "-c", script], stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                env=self._environment(), start_new_session=True,
            )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        """This one without what is metalog's; the programs beside this Python come first."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith("METALOG_")
        }
        return kept | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self._kept),
            "XDG_STATE_HOME": str(self.states),
            "OMP_NUM_THREADS": "1",
            "NO_COLOR": "1",
            "TERM": "dumb",
            "COLUMNS": "200",
        }

    def _await(
        self, process: "subprocess.Popen[bytes]", output: Path, condition: Callable[[], bool]
    ) -> None:
        end = time.monotonic() + LONGEST
        while not condition():
            assert process.poll() is None, f"ended with {process.returncode}: {said(output)}"
            assert time.monotonic() < end, f"waited in vain: {said(output)}"
            time.sleep(0.05)


def said(output: Path) -> str:
    return output.read_text(errors="replace")
