"""The writer: ``python -m benchmarks.faults.writer FOLDER FILES LINES-A-SECOND SECONDS``.

Appends to all files in turn, half of the time in pieces that do not end with a line. Opens them
anew on SIGHUP, after the line that is under way. Prints how many sessions each file got.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from benchmarks.faults.lines import SESSIONS_A_FILE, WORDS, line

_TICK = 0.01
_MOST_LINES_A_WRITE = 12


class Log:
    """One file and what is still to be written of its last line."""

    def __init__(self, path: Path, first_session: int, rng: random.Random) -> None:
        self._path = path
        self._rng = rng
        self._first = first_session
        self._rest = b""
        self._descriptor = self._open()
        self.lines = 0

    @property
    def sessions(self) -> int:
        return self.lines // len(WORDS)

    def write(self, count: int) -> None:
        text = "".join(
            line(self._first + number // len(WORDS), number % len(WORDS))
            for number in range(self.lines, self.lines + count)
        )
        self.lines += count
        data = self._rest + text.encode()
        cut = self._rng.choice((len(data), self._rng.randint(0, len(data))))
        os.write(self._descriptor, data[:cut])
        self._rest = data[cut:]

    def finish(self) -> None:
        """To the end of the session."""
        self.write(-self.lines % len(WORDS))
        os.write(self._descriptor, self._rest)
        self._rest = b""

    def reopen(self) -> None:
        os.write(self._descriptor, self._rest)
        self._rest = b""
        os.close(self._descriptor)
        self._descriptor = self._open()

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def main() -> None:
    folder, files, rate, seconds = Path(sys.argv[1]), *map(int, sys.argv[2:])
    rng = random.Random(0)
    logs = [
        Log(folder / f"app{number:02}.log", number * SESSIONS_A_FILE, rng)
        for number in range(files)
    ]
    hangup = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal hangup
        hangup = True

    signal.signal(signal.SIGHUP, note)
    print("ready", flush=True)
    started = time.monotonic()
    written = turn = 0
    while (elapsed := time.monotonic() - started) < seconds:
        while written < elapsed * rate:
            count = rng.randint(1, _MOST_LINES_A_WRITE)
            logs[turn % files].write(count)
            written += count
            turn += 1
        if hangup:
            hangup = False
            for log in logs:
                log.reopen()
        time.sleep(_TICK)
    for log in logs:
        log.finish()
    print(json.dumps([log.sessions for log in logs]), flush=True)


if __name__ == "__main__":
    main()
