"""Debian's logrotate, run again and again."""

import shutil
import subprocess
from pathlib import Path
from typing import Literal

from models.errors import UserError

Mode = Literal["create", "copytruncate"]


class Logrotate:
    """Rotates all logs of a folder, keeping everything, so that it can be counted afterwards.

    writer: process that opens its files anew when it hears SIGHUP.
    """

    def __init__(self, folder: Path, home: Path, mode: Mode, writer: int) -> None:
        program = shutil.which("logrotate", path="/usr/sbin:/usr/bin:/sbin:/bin")
        if program is None:
            raise UserError("logrotate is not installed: apt-get install logrotate")
        script = f"postrotate\n kill -HUP {writer}\nendscript" if mode == "create" else ""
        configuration = home / "logrotate.conf"
        configuration.write_text(
            f'"{folder}/*.log" {{\n rotate 1000\n size 1\n nocompress\n missingok\n'
            f" sharedscripts\n {mode}\n {script}\n}}\n"
        )
        configuration.chmod(0o644)
        self._command = [program, "--state", str(home / "logrotate.status"), str(configuration)]
        self.runs = 0

    def rotate(self) -> None:
        subprocess.run(self._command, check=True, capture_output=True)
        self.runs += 1
