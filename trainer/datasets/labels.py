"""Labels of sessions, from a file."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from models.archive import read_lines
from models.errors import UserError
from trainer.corpus import ANOMALOUS, NORMAL

LABEL_WORDS = {
    "0": NORMAL, "normal": NORMAL, "false": NORMAL, "no": NORMAL, "-": NORMAL, "success": NORMAL,
    "1": ANOMALOUS, "anomaly": ANOMALOUS, "anomalous": ANOMALOUS, "abnormal": ANOMALOUS,
    "true": ANOMALOUS, "yes": ANOMALOUS, "fail": ANOMALOUS,
}  # fmt: skip


def read_labels(path: Path) -> Mapping[str, int]:
    """Labels by session key, from a CSV (also .gz) with the key first and the label second.

    A header is recognised by its second field being no label. A file of one column lists the
    anomalous sessions and means that all others are normal; see ``lists_anomalous_only``.
    Raises UserError naming the line that cannot be read.
    """
    labels: dict[str, int] = {}
    for number, row in enumerate(_rows(path), start=1):
        if not row or not row[0].strip():
            continue
        key = row[0].strip()
        if len(row) == 1:
            labels[key] = ANOMALOUS
            continue
        label = LABEL_WORDS.get(row[1].strip().lower())
        if label is None:
            if number == 1:
                continue
            raise UserError(
                f"{path}, line {number}: label {row[1].strip()!r} is none; expected Normal or "
                "Anomaly, or 0 or 1"
            )
        labels[key] = label
    if not labels:
        raise UserError(f"{path}: no labels in it; expected lines of `session key,label`")
    return labels


def lists_anomalous_only(path: Path) -> bool:
    """True for a file of one column, such as loghub's list of anomalous instances."""
    return all(len(row) <= 1 for row in _rows(path))


def _rows(path: Path) -> Iterator[list[str]]:
    yield from csv.reader(read_lines(path))
