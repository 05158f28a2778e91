"""Raw logs with labels, as a host would have written them."""

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

import numpy as np

from models.archive import read_lines
from models.errors import UserError
from trainer.datasets.labels import read_labels
from trainer.datasets.raw import DEFAULT_RULES

# The session rule of the default bundle, where a system has no keys.
WINDOW = 20
# Where a sample's share of anomalies is its sampler's, sessions are left out until it is this.
MOST_ANOMALOUS = 0.05
_HOUR = 3600.0


@dataclass(frozen=True)
class LabelledLog:
    """Lines in the order in which the host wrote them.

    seconds: when, ascending. sessions: which session each is of, "" for none that has a label;
    labels: 1 for an anomalous one. key_regex: what names sessions; None: windows of ``WINDOW``
    lines. idle: seconds without a line after which a session is over.
    """

    name: str
    lines: tuple[str, ...]
    seconds: tuple[float, ...]
    sessions: tuple[str, ...]
    labels: dict[str, int]
    key_regex: str | None
    idle: float

    @property
    def anomalous(self) -> int:
        return sum(self.labels.values())

    @property
    def days(self) -> float:
        return (self.seconds[-1] - self.seconds[0]) / 86_400

    def session_of(self, key: str, place: str) -> str:
        """Of a session that the agent judged. place: of its first line, ending in its number."""
        return key if self.key_regex else self.sessions[int(place.rpartition(":")[2])]

    def thinned(self, seed: int, share: float = MOST_ANOMALOUS) -> "LabelledLog":
        """Without so many anomalous sessions, drawn at random and left out with all their lines,
        that no more than ``share`` are anomalous."""
        anomalous = sorted(name for name, label in self.labels.items() if label)
        normal = len(self.labels) - len(anomalous)
        kept = math.floor(share / (1 - share) * normal + 0.5)
        order = np.random.default_rng([seed, 11]).permutation(len(anomalous))
        return self._without({anomalous[place] for place in order[kept:]})

    def split(self, share: float) -> "tuple[LabelledLog, LabelledLog]":
        """The host's past, in which this share of the sessions began, and the rest. Sessions with
        lines in both are left out."""
        begins = list(dict.fromkeys(name for name in self.sessions if name))
        border = self.sessions.index(begins[int(share * len(begins))])
        straddling = (set(self.sessions[:border]) & set(self.sessions[border:])) - {""}
        whole = self._without(straddling)
        cut = sum(name not in straddling for name in self.sessions[:border])
        return whole.part(slice(None, cut)), whole.part(slice(cut, None))

    def part(self, lines: slice) -> "LabelledLog":
        sessions = self.sessions[lines]
        found = set(sessions)
        return replace(
            self,
            lines=self.lines[lines],
            seconds=self.seconds[lines],
            sessions=sessions,
            labels={name: label for name, label in self.labels.items() if name in found},
        )

    def at(self, seconds: Sequence[float], idle: float) -> "LabelledLog":
        """On another clock."""
        return replace(self, seconds=tuple(seconds), idle=idle)

    def _without(self, left_out: set[str]) -> "LabelledLog":
        kept = [place for place, name in enumerate(self.sessions) if name not in left_out]
        return replace(
            self,
            lines=tuple(self.lines[place] for place in kept),
            seconds=tuple(self.seconds[place] for place in kept),
            sessions=tuple(self.sessions[place] for place in kept),
            labels={name: one for name, one in self.labels.items() if name not in left_out},
        )


def by_key(
    name: str,
    lines: Sequence[str],
    seconds: Iterable[float],
    labels: dict[str, int],
    key_regex: str,
    idle: float,
) -> LabelledLog:
    """Sessions are named by a key; of a line with several the first with a label counts."""
    find = re.compile(key_regex).findall
    sessions = [next((key for key in find(line) if key in labels), "") for line in lines]
    found = set(sessions)
    known = {key: label for key, label in labels.items() if key in found}
    return LabelledLog(
        name, tuple(lines), tuple(seconds), tuple(sessions), known, key_regex, idle
    )  # fmt: skip


def by_window(
    name: str, lines: Sequence[str], seconds: Iterable[float], odd: Sequence[bool], idle: float
) -> LabelledLog:
    """A window is anomalous when one of its lines is odd."""
    sessions = [str(number // WINDOW) for number in range(len(lines))]
    labels = dict.fromkeys(sessions, 0)
    labels |= {session: 1 for session, one in zip(sessions, odd, strict=True) if one}
    return LabelledLog(name, tuple(lines), tuple(seconds), tuple(sessions), labels, None, idle)


def evenly(lines: Sequence[str], pause: float) -> list[float]:
    """A clock for lines that state no time: one every ``pause`` seconds."""
    return [number * pause for number in range(len(lines))]


# The systems.


def hdfs(data: Path) -> LabelledLog:
    """Blocks of 38 hours, in their order. Hours lie between a block's writing and its deletion: a
    session is over after twelve (99 % of the blocks pause no longer)."""
    lines = _lines(data / "HDFS/raw_2pct/HDFS_2pct.log.gz")
    labels = read_labels(_there(data / "HDFS/raw_2pct/labels.csv.gz"))
    times = accumulate((_hdfs_time(line) for line in lines), max)
    return by_key("hdfs", lines, times, dict(labels), _key("hdfs"), 12 * _HOUR)


def openstack(data: Path) -> LabelledLog:
    """Instances of three experiments, as if they had run side by side: no line states its time, so
    the files are merged evenly, a line every ten seconds."""
    files = openstack_files(data)
    placed = [
        (number / len(lines), file, number)
        for file, lines in enumerate(files)
        for number in range(len(lines))
    ]
    lines = [files[file][number] for _, file, number in sorted(placed)]
    labels = openstack_labels(data)
    return by_key("openstack", lines, evenly(lines, 10.0), labels, _key("openstack"), 3 * _HOUR)


def openstack_files(data: Path) -> list[list[str]]:
    names = ("nova-sample", "nova-dhcpoff", "vm-destroy-immediately-after-create")
    return [_lines(data / f"OpenStack/raw/openstack-{name}.log.gz") for name in names]


def openstack_labels(data: Path) -> dict[str, int]:
    rows = map(json.loads, read_lines(_there(data / "OpenStack/raw/sessions.jsonl.gz")))
    return {row["id"]: row["label"] for row in rows}


def bgl(data: Path) -> LabelledLog:
    """Two samples, a window of loghub's 2,000 lines after every five of BGL's first 10,000: the
    first 10,000 hold no alert, and the others alone are too few. A line every ten seconds, as the
    pauses are the sampler's."""
    calm, mixed = bgl_samples(data)
    lines: list[str] = []
    while calm or mixed:
        lines += [*calm[: 5 * WINDOW], *mixed[:WINDOW]]
        calm, mixed = calm[5 * WINDOW :], mixed[WINDOW:]
    texts, odd = without_label_columns(lines)
    return by_window("bgl", texts, evenly(texts, 10.0), odd, _HOUR)


def bgl_samples(data: Path) -> tuple[list[str], list[str]]:
    """Lines with their label: BGL's first 10,000 and loghub's sample of the whole."""
    folder = data / "BGL/raw_samples"
    return _lines(folder / "BGL_first10k.log.gz"), _lines(folder / "BGL_2k.log.gz")


def thunderbird(data: Path) -> LabelledLog:
    """68 minutes of syslog, of which each lasts an hour here: a budget is of days."""
    lines = _lines(data / "Thunderbird/raw_68min/Thunderbird_19k.log.gz")
    times = accumulate((60 * float(line.split(" ", 2)[1]) for line in lines), max)
    texts, odd = without_label_columns(lines)
    return by_window("thunderbird", texts, times, odd, _HOUR)


SYSTEMS: dict[str, Callable[[Path], LabelledLog]] = {
    "hdfs": hdfs,
    "bgl": bgl,
    "openstack": openstack,
    "thunderbird": thunderbird,
}
# The share of the sessions that is a host's past. The first 60 % of Thunderbird hold no alert, and
# hardly an anomalous instance of OpenStack's first 30 % ends there: none could be labelled.
PAST = {"hdfs": 0.3, "bgl": 0.6, "openstack": 0.5, "thunderbird": 0.7}


def without_label_columns(lines: Iterable[str]) -> tuple[list[str], list[bool]]:
    """BGL and Thunderbird: the lines as the system wrote them, without the four columns that the
    data's authors put in front (label, epoch, date, node), and which have an alert's label."""
    parts = [line.split(" ", 4) for line in lines]
    return [part[4] for part in parts], [part[0] != "-" for part in parts]


def _key(name: str) -> str:
    regex = DEFAULT_RULES[name].key_regex
    assert regex is not None
    return regex


def _hdfs_time(line: str) -> float:
    return datetime.strptime(line[:13], "%y%m%d %H%M%S").replace(tzinfo=UTC).timestamp()


def _lines(path: Path) -> list[str]:
    # A blank line is no session's.
    return [line for line in read_lines(_there(path)) if line.strip()]


def _there(path: Path) -> Path:
    if not path.exists():
        raise UserError(f"{path}: is not there; --data names the folder of logs")
    return path
