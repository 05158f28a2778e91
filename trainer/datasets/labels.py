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
    columns = 0
    for number, row in _rows(path):
        if not row or not row[0].strip():
            continue
        key = row[0].strip()
        label = ANOMALOUS if len(row) == 1 else LABEL_WORDS.get(row[1].strip().lower())
        if label is None and number == 1:
            continue
        if label is None:
            raise UserError(
                f"{path}, line {number}: label {row[1].strip()!r} is none; expected Normal or "
                "Anomaly, or 0 or 1"
            )
        # A line that lost its second column must not turn into an anomaly.
        if min(len(row), 2) != (columns or min(len(row), 2)):
            raise UserError(
                f"{path}, line {number}: {len(row)} columns, not as the lines before; expected "
                "`session key,label` everywhere, or the key of an anomalous session everywhere"
            )
        columns = min(len(row), 2)
        labels[key] = label
    if not labels:
        raise UserError(f"{path}: no labels in it; expected lines of `session key,label`")
    return labels


def lists_anomalous_only(path: Path) -> bool:
    """True for a file of one column, such as loghub's list of anomalous instances."""
    return all(len(row) <= 1 for _, row in _rows(path))


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of the line they end in."""
    reader = csv.reader(read_lines(path), strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: no CSV: {error}") from None
