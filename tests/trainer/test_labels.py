"""Labels from a file."""

import gzip
from pathlib import Path

import pytest

from models.errors import UserError
from trainer.datasets.labels import lists_anomalous_only, read_labels


def labels_of(tmp_path: Path, text: str) -> dict[str, int]:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return dict(read_labels(path))


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("BlockId,Label\nblk_1,Normal\nblk_2,Anomaly\n", {"blk_1": 0, "blk_2": 1}),
        ("blk_1,Normal\r\nblk_2,anomaly\r\n", {"blk_1": 0, "blk_2": 1}),
        ("a,0\nb,1\nc, FALSE\nd ,true,why not\n", {"a": 0, "b": 1, "c": 0, "d": 1}),
        ('session,label,fault\n"a,b",Anomaly,"x ""y"""\n\n', {"a,b": 1}),
        ("a\nb\n\n  \nc", {"a": 1, "b": 1, "c": 1}),
        ("a,0\na,1\n", {"a": 1}),
        ("a,-\nb,success\nc,fail", {"a": 0, "b": 0, "c": 1}),
    ],
)
def test_labels(tmp_path: Path, text: str, labels: dict[str, int]) -> None:
    assert labels_of(tmp_path, text) == labels
    (tmp_path / "labels.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert read_labels(tmp_path / "labels.csv.gz") == labels


def test_a_single_column_lists_the_anomalous_ones(tmp_path: Path) -> None:
    labels_of(tmp_path, "a\nb\n")
    assert lists_anomalous_only(tmp_path / "labels.csv")
    labels_of(tmp_path, "a,1\nb,0\n")
    assert not lists_anomalous_only(tmp_path / "labels.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("key,label\na,Normal\nb,perhaps\n", "line 3: label 'perhaps'"),
        ("a,Normal\n\n\nb,2\n", "line 4: label '2'"),
        ('a,0\n"b\nc",0\nd,odd\n', "line 4: label 'odd'"),
        ("a,Normal\nb\n", "line 2: 1 columns"),
        ("a\nb,Normal\n", "line 2: 2 columns"),
        ('a,Normal\nb",Anomaly\nc,"Normal\n', "line 3: no CSV"),
        ('"a,Normal\nb,Anomaly\n', "no CSV"),
        ("key,label\n", "no labels in it"),
        ("\n\n", "no labels in it"),
        ("", "is empty"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        labels_of(tmp_path, text)
    assert "labels.csv" in str(caught.value)
