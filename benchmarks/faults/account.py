"""Who has which line: the writer, the disk, the agent."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.faults.lines import SESSIONS_A_FILE, WORDS, read


class Ledger:
    """How often each line was met. sessions: of each file, as the writer says."""

    def __init__(self, sessions: Sequence[int]) -> None:
        self.written = np.zeros((len(sessions), max(sessions), len(WORDS)), np.uint8)
        for file, count in enumerate(sessions):
            self.written[file, :count] = 1
        self.on_disk = np.zeros_like(self.written)
        self.scored = np.zeros_like(self.written)
        self.pieces_on_disk = 0
        self.strange = 0
        self.alerts = 0
        self.alerts_again = 0
        self.alerts_changed = 0

    def take_files(self, paths: Iterable[Path]) -> None:
        for path in paths:
            for raw in path.read_bytes().splitlines():
                found = read(raw)
                if found is None:
                    self.pieces_on_disk += 1
                else:
                    session, word = found
                    self.on_disk[session // SESSIONS_A_FILE, session % SESSIONS_A_FILE, word] += 1

    def take_alerts(self, paths: Iterable[Path]) -> None:
        """Alerts with the same id are one alert; what a kill cut in half is none."""
        seen: dict[str, tuple[str, int]] = {}
        for path in paths:
            with path.open() as file:
                for raw in file:
                    if not raw.endswith("\n"):
                        continue
                    alert = json.loads(raw)
                    content = alert["key"], alert["lines"]
                    if alert["id"] in seen:
                        self.alerts_again += 1
                        self.alerts_changed += seen[alert["id"]] != content
                        continue
                    seen[alert["id"]] = content
                    self._score(alert["key"], alert["events"])
        self.alerts = len(seen)

    def _score(self, key: str, events: Sequence[dict[str, object]]) -> None:
        session = int(key.removeprefix("ord-"))
        file, number = session // SESSIONS_A_FILE, session % SESSIONS_A_FILE
        for event in events:
            word = str(event["template"]).rpartition(" ")[2]
            count = int(str(event["count"]))
            if word in WORDS and file < len(self.scored) and number < self.scored.shape[1]:
                self.scored[file, number, WORDS.index(word)] += count
            else:
                self.strange += count


@dataclass(frozen=True, slots=True)
class Outcome:
    """Numbers of lines, but for the alerts."""

    written: int
    on_disk: int
    lost_by_rotation: int
    of_these_scored: int
    lost_by_agent: int
    doubled_by_agent: int
    pieces: int
    alerts: int
    alerts_again: int
    alerts_changed: int

    @classmethod
    def of(cls, ledger: Ledger) -> "Outcome":
        def count(mask: NDArray[np.bool_]) -> int:
            return int(mask.sum())

        gone = (ledger.written > 0) & (ledger.on_disk == 0)
        return cls(
            written=count(ledger.written > 0),
            on_disk=int(ledger.on_disk.sum()),
            lost_by_rotation=count(gone),
            of_these_scored=count(gone & (ledger.scored > 0)),
            lost_by_agent=count((ledger.on_disk > 0) & (ledger.scored == 0)),
            doubled_by_agent=int(np.maximum(ledger.scored.astype(int) - 1, 0).sum()),
            pieces=ledger.pieces_on_disk,
            alerts=ledger.alerts,
            alerts_again=ledger.alerts_again,
            alerts_changed=ledger.alerts_changed,
        )
