"""The floor of reading a log: rsyslog, a real process, from a file to /dev/null.

imfile reads the log by inotify, every line becomes a message and is written by omfile, unchanged.
Its queues are "Direct" and not rsyslog's own default, which costs it half as much again: the least
that it can do. Nothing is parsed, no session is kept, nothing is scored.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

# Debian has it where only root looks.
PROGRAM = shutil.which("rsyslogd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
_PATIENCE = 60.0
_CONFIG = """\
global(workDirectory="{folder}/work")
main_queue(queue.type="Direct")
module(load="imfile")
module(load="impstats" interval="1" format="json" log.syslog="off" log.file="{folder}/counts")
template(name="line" type="string" string="%msg%\\n")
ruleset(name="all" queue.type="Direct") {{
    action(type="omfile" name="written" file="/dev/null" template="line")
}}
input(type="imfile" file="{log}" tag="log" ruleset="all")
"""


def installed() -> str | None:
    """Its name and version, None where there is none."""
    if PROGRAM is None:
        return None
    said = subprocess.run([PROGRAM, "-v"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"rsyslogd\s+(\S+)", said)
    return f"rsyslog {version[1]}" if version else "rsyslog"


def seconds(log: Path, lines: int) -> float | None:
    """Processor time, user and system, of a process from its start until all ``lines`` of ``log``
    are written; None where it is not installed. Ends the program where they never are."""
    if PROGRAM is None:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "work").mkdir()
        config = folder / "rsyslog.conf"
        config.write_text(_CONFIG.format(folder=folder, log=log.absolute()))
        # In its own words no error is lost: with -n they come on stderr.
        process = subprocess.Popen(
            [PROGRAM, "-n", "-f", config, "-i", folder / "pid"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        deadline = time.monotonic() + _PATIENCE
        written = 0
        try:
            while (written := _written(folder / "counts")) < lines:
                if time.monotonic() > deadline or _over(process.pid):
                    break
                time.sleep(0.05)
        finally:
            process.send_signal(signal.SIGTERM)
            # Not process.wait: only this tells what that one child has used.
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert process.stderr is not None
        said = process.stderr.read().decode(errors="replace").strip()
        process.stderr.close()
    if written != lines:
        raise SystemExit(f"rsyslog wrote {written} of {lines} lines: {said or 'without a word'}")
    return used.ru_utime + used.ru_stime


def _written(counts: Path) -> int:
    """By its own count, which it writes every second."""
    if not counts.exists():
        return 0
    found = re.findall(r'"name": "written".*?"processed": (\d+)', counts.read_text())
    return int(found[-1]) if found else 0


def _over(process: int) -> bool:
    """Whether it has ended, without taking away what is still to be waited for."""
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
