"""Logs of before, to learn from at once what a warm-up would take its time for."""

import glob
import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from agent.detector import LINES_AT_ONCE, Detector
from agent.judging import Judging, Knowledge
from agent.verdict import Verdict
from agent.warm_up import WarmUp
from models.archive import read_lines
from models.bundle import Bundle
from models.errors import UserError
from models.wrapping import Wrapping, unwrapped

# The threshold comes from half of them, and is to leave one of 200 above it.
_FEW_SESSIONS = 100

log = logging.getLogger("metalog")


def found(patterns: Sequence[str], option: str = "--history") -> list[Path]:
    """Files by name or glob, of each pattern the oldest first. Raises UserError."""
    files = []
    for pattern in patterns:
        if Path(pattern).exists():
            files.append(Path(pattern))
            continue
        names = glob.glob(pattern, recursive=True)  # noqa: PTH207 - it may be absolute
        some = [path for path in map(Path, names) if path.is_file()]
        if not some:
            raise UserError(f"{option} {pattern}: no such file")
        files += sorted(some, key=lambda path: (path.stat().st_mtime, path.name))
    return files


def learn(
    files: Sequence[Path],
    bundle: Bundle,
    judging: Judging,
    known: Knowledge,
    unwrap: Wrapping = Wrapping.none,
) -> Knowledge:
    """What is known of the host once these are read, too. Raises UserError."""
    if bundle.history is None:
        raise UserError(
            f"--history: the network of bundle {bundle.manifest.name} reads no statistics of its "
            "host; leave --history out"
        )
    detector = Detector(
        bundle,
        rule=judging.rule(bundle),
        threshold=judging.threshold,
        provider=judging.provider,
        host_templates=known.host,
        line_time_is_clock=True,
        now=judging.now,
        learning=True,
        epoch=known.epoch,
        keep_lines=False,
        explain=False,
        budget=judging.budget(bundle, replace(known, tuning={})),
        warm_up=WarmUp(seconds=math.inf, sessions=math.inf),
    )
    span = _Span()
    for file in files:
        lines = unwrapped(iter(read_lines(file)), unwrap, str(file.absolute()))
        while some := list(islice(lines, LINES_AT_ONCE)):
            span.add(detector.add(file.name, some, 0.0))
    detector.close()
    span.add(detector.take())
    if not detector.sessions_scored:
        raise UserError(
            f"--history {files[0]}: no session in {detector.lines_read} lines; do --key-regex or "
            "--window fit it?"
        )
    log.info("learning from %d lines of %d old logs", detector.lines_read, len(files))
    if detector.sessions_scored < _FEW_SESSIONS:
        log.warning(
            "--history: %d sessions say little of what is usual here; give more old logs, or leave "
            "--history out for a warm-up",
            detector.sessions_scored,
        )
    rule = detector.rule
    if not span.known and rule.key_regex and rule.end_regex is None and rule.idle is not None:
        # Whole sessions would be what is usual, and parts of them what comes.
        log.warning(
            "--history: its lines state no time that is understood, so its sessions are whole; "
            "live ones are over after %g s without a line: give --idle what a session may pause",
            rule.idle,
        )
    detector.end_warm_up(span.seconds)
    return Knowledge(detector.events.host, detector.take_epoch(), detector.tuning(), fresh=True)


class _Span:
    """From the first to the last line of sessions, by the time that they state."""

    def __init__(self) -> None:
        self._first, self._last = math.inf, -math.inf

    def add(self, verdicts: Sequence[Verdict]) -> None:
        for one in verdicts:
            if one.first_time is not None and one.last_time is not None:
                self._first = min(self._first, one.first_time)
                self._last = max(self._last, one.last_time)

    @property
    def known(self) -> bool:
        """Whether any line has a time."""
        return math.isfinite(self._first)

    @property
    def seconds(self) -> float:
        """0 where no line has a time."""
        return max(0.0, self._last - self._first)
