"""Reading logs from their beginning to their end."""

import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.archive import LONGEST_LINE, read_lines
from models.errors import UserError


def lines_of(path: Path, content: bytes) -> list[str]:
    path.write_bytes(content)
    return list(read_lines(path))


@given(st.lists(st.text().map(lambda t: t.replace("\n", " ").replace("\0", " ")), min_size=1))
def test_only_a_newline_ends_a_line(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("log") / "app.log"
    content = "".join(f"{text}\n" for text in texts).encode("utf-8", "replace")
    expected = [text.encode("utf-8", "replace").decode().removesuffix("\r") for text in texts]
    assert lines_of(path, content) == expected
    assert lines_of(path, gzip.compress(content)) == expected


def test_separators_within_a_line_stay(tmp_path: Path) -> None:
    content = "a\u2028b\x0cc\x85d\u2029e\rf\n".encode()
    assert lines_of(tmp_path / "log", content) == ["a\u2028b\x0cc\x85d\u2029e\rf"]


def test_windows_line_ends_and_a_last_line_without_one(tmp_path: Path) -> None:
    assert lines_of(tmp_path / "log", b"one\r\n\r\ntwo\nthree\r") == ["one", "", "two", "three"]


def test_bytes_that_are_no_utf_8_are_replaced(tmp_path: Path) -> None:
    assert lines_of(tmp_path / "log", b"caf\xe9 \xff\n") == ["caf\ufffd \ufffd"]
    assert list(read_lines(tmp_path / "log", encoding="latin-1")) == ["café ÿ"]


@pytest.mark.parametrize("size", [LONGEST_LINE - 1, LONGEST_LINE, LONGEST_LINE + 1, 5 << 20])
def test_a_long_line_is_cut_and_the_next_one_is_whole(tmp_path: Path, size: int) -> None:
    first, second, third = lines_of(tmp_path / "log", b"short\n" + b"x" * size + b"\nnext")
    assert first == "short"
    assert second == "x" * min(size, LONGEST_LINE)
    assert third == "next"


def test_gzip_is_known_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    assert lines_of(tmp_path / "app.log", gzip.compress(b"one\ntwo\n")) == ["one", "two"]
    assert lines_of(tmp_path / "app.log.gz", b"plain\n") == ["plain"]
    joined = gzip.compress(b"one\nt") + gzip.compress(b"wo\n")
    assert lines_of(tmp_path / "joined.gz", joined) == ["one", "two"]


def test_progress_ends_at_the_size_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "app.log.gz"
    path.write_bytes(gzip.compress(os.urandom(3 << 20).replace(b"\0", b"\n")))
    seen: list[int] = []
    assert sum(1 for _ in read_lines(path, seen.append)) > 1000
    assert seen == sorted(seen)
    assert seen[-1] == path.stat().st_size


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (gzip.compress(b""), "is empty"),
        (b"\x7fELF\0\0\0", "is binary"),
        ("utf-16".encode("utf-16"), "is binary"),
        (gzip.compress(b"a\0b"), "is binary"),
        (gzip.compress(os.urandom(5000).replace(b"\0", b"1"))[:-9], "damaged gzip"),
        (gzip.compress(b"line\n" * 99)[:30] + b"\xff" * 20, "damaged gzip"),
        (gzip.compress(b"line\n") + b"trailing rubbish", "damaged gzip"),
        (b"\x1f\x8b", "damaged gzip"),
    ],
)
def test_what_is_no_log(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "app.log"
    with pytest.raises(UserError, match=message) as caught:
        lines_of(path, content)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_there_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        list(read_lines(tmp_path / "absent.log"))
    with pytest.raises(UserError, match="is a folder"):
        list(read_lines(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("secret\n")
    path.chmod(0)
    with pytest.raises(UserError, match="cannot be read"):
        list(read_lines(path))
