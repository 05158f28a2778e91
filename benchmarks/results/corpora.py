"""The systems of the experiments, prepared once from a folder of real logs."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.archive import read_lines
from models.errors import UserError
from models.placing import placed_file
from trainer.corpus import DESCRIPTION
from trainer.datasets.prepare import PrepareOptions, prepare


@dataclass(frozen=True)
class Recipe:
    """How a corpus is made; paths are within the data folder. labels: a CSV; labels_of: in its
    place, a file of sessions whose ids and labels are written to one first."""

    name: str
    logs: tuple[str, ...]
    format: str
    labels: str | None = None
    labels_of: str | None = None

    @property
    def command(self) -> str:
        """As a reader would type it in the data folder."""
        labels = self.labels or (f"{self.name}.csv" if self.labels_of else None)
        given = f" --labels {labels}" if labels else ""
        logs = " ".join(self.logs)
        return f"metalog-train prepare {logs} --format {self.format}{given} -o {self.name}"

    def prepared(self, data: Path, folder: Path) -> Path:
        """The corpus below ``folder``, made unless it is there. Raises UserError."""
        corpus = folder / self.name
        if (corpus / DESCRIPTION).exists():
            return corpus
        for part in (*self.logs, self.labels, self.labels_of):
            if part is not None and not (data / part).exists():
                raise UserError(f"{data / part}: is not there; --data names the folder of logs")
        labels = data / self.labels if self.labels else None
        if self.labels_of:
            labels = folder / f"{self.name}.csv"
            _write_labels(data / self.labels_of, labels)
        prepare(
            PrepareOptions(
                logs=tuple(data / log for log in self.logs),
                format=self.format,
                output=corpus,
                labels=labels,
                name=self.name,
            )
        )
        return corpus


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "hdfs",
            ("HDFS/raw_2pct/HDFS_2pct.log.gz",),
            "hdfs",
            labels="HDFS/raw_2pct/labels.csv.gz",
        ),
        Recipe("hdfs-sessions", ("HDFS/sessions",), "sessions"),
        Recipe("bgl", ("BGL/sessions",), "sessions"),
        # In the order of its authors: of an instance in two files the first decides the label.
        Recipe(
            "openstack",
            (
                "OpenStack/raw/openstack-nova-sample.log.gz",
                "OpenStack/raw/openstack-nova-dhcpoff.log.gz",
                "OpenStack/raw/openstack-vm-destroy-immediately-after-create.log.gz",
            ),
            "openstack",
            labels_of="OpenStack/raw/sessions.jsonl.gz",
        ),
        Recipe("thunderbird", ("Thunderbird/raw_68min/sessions.jsonl.gz",), "sessions"),
    )
}

Preparer = Callable[[str], Path]


def preparer(data: Path, folder: Path) -> Preparer:
    """A function from the name of a system to its corpus."""
    return lambda name: RECIPES[name].prepared(data, folder)


def _write_labels(sessions: Path, labels: Path) -> None:
    """A CSV of id and label of each session of a sessions.jsonl[.gz]."""
    with placed_file(labels) as file, file.open("w", encoding="utf-8", newline="") as opened:
        rows = csv.writer(opened)
        rows.writerow(("id", "label"))
        for line in read_lines(sessions):
            session = json.loads(line)
            rows.writerow((session["id"], session["label"]))
