"""The section of docs/results.md that holds the paper's tables."""

from pathlib import Path

import pytest

from benchmarks.comparison.__main__ import HEADING
from benchmarks.comparison.__main__ import page as write_page
from benchmarks.comparison.comparisons import COMPARISONS
from benchmarks.comparison.measured import keep, read
from benchmarks.results.page import Page
from benchmarks.results.section import refresh
from models.errors import UserError
from tests.trainer.conftest import Demo
from tests.trainer.test_compare import compare


def test_what_was_compared_is_kept_and_shown(demo: Demo, tmp_path: Path) -> None:
    out, kept, docs = tmp_path / "out", tmp_path / "kept", tmp_path / "docs"
    for folder in (kept, docs):
        folder.mkdir()
    done = compare(demo, out, "--methods", "count-knn,keywords", "--sweep-seeds", 0)
    assert done.exit_code == 0, done.output
    keep(out, "hdfs-bgl", kept)
    assert "curves" not in read(kept, "hdfs-bgl")["table"]
    assert read(kept, "bgl-hdfs") == {}
    page = docs / "results.md"
    page.write_text(f"# Results\n\n{HEADING}\n\nwritten before\n\n## Cost\n\nthe rest\n")
    refresh(docs, HEADING, Page({}, comparisons=kept))
    text = page.read_text()
    assert "written before" not in text
    assert "rule: count-knn" in text
    assert "Not run yet: `python -m benchmarks.comparison run`." in text
    assert text.endswith("## Cost\n\nthe rest\n")
    (kept / "hdfs-bgl.json").write_text("{}")
    with pytest.raises(UserError, match=r"hdfs-bgl\.json: no JSON of `benchmarks.comparison`"):
        read(kept, "hdfs-bgl")
    with pytest.raises(UserError, match="holds no result"):
        write_page(tmp_path / "nothing", docs, kept)


def test_each_is_a_comparison_that_can_be_asked_for(demo: Demo, tmp_path: Path) -> None:
    places = dict.fromkeys(("hdfs", "bgl", "openstack", "thunderbird"), "nowhere")
    for one in COMPARISONS:
        done = compare(demo, tmp_path, *one.options(places))
        assert "nowhere" in str(done.exception), done.output
        assert one.anomaly_fraction is None or round(one.anomaly_fraction, 3) in (0.112, 0.48)
