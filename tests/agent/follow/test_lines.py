"""From bytes to lines: long, partial, broken, wide and joined ones."""

import codecs
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.follow import Follower, Kind, Selection
from agent.follow.encoding import Encoding
from agent.follow.lines import LineSplitter
from models.errors import UserError
from tests.agent.follow.harness import Bench


def test_offsets_and_ends_are_the_bytes_of_the_file(bench: Bench) -> None:
    bench.start(bytes_per_turn=7)
    content = "é\r\n\nzwei drei\nvier\n".encode()
    path = bench.append("app.log", content)
    assert bench.read() == ["é", "", "zwei drei", "vier"]
    assert path.read_bytes() == content
    for batch in bench.batches:
        assert batch.path == batch.source == str(path)
        for line, start, end in zip(batch.lines, batch.offsets, batch.ends, strict=True):
            raw = content[start:end]
            assert raw.endswith(b"\n")
            assert raw.decode().rstrip("\r\n") == line
    places = [place for batch in bench.batches for place in batch.offsets]
    assert [*places[1:], len(content)] == [end for batch in bench.batches for end in batch.ends]


def test_only_newlines_end_lines(bench: Bench) -> None:
    bench.start()
    bench.append("app.log", "a\u2028b\x0bc\x0cd\x85e\rf\n")
    assert bench.read() == ["a\u2028b\x0bc\x0cd\x85e\rf"]


def test_carriage_returns_are_taken_off(bench: Bench) -> None:
    bench.start()
    bench.append("app.log", "one\r\ntwo\r\n\r\nthree\r")
    assert bench.read() == ["one", "two", ""]
    bench.append("app.log", "\n")
    assert bench.read() == ["three"]


def test_a_partial_line_is_held_until_its_end_comes(bench: Bench) -> None:
    bench.start()
    bench.append("app.log", "hal")
    assert bench.read() == []
    assert bench.follower.drained()
    position = bench.follower.positions()[0]
    assert position.offset == 0
    bench.append("app.log", "f")
    assert bench.read(4) == []
    bench.append("app.log", "way\n")
    assert bench.read(4) == ["halfway"]


def test_a_partial_line_is_taken_after_five_seconds(bench: Bench) -> None:
    bench.start()
    bench.append("app.log", "half")
    assert bench.read() == []
    assert bench.read(4.9) == []
    assert bench.read(0.2) == ["half"]
    # The rest is a line of its own; a newline alone is none.
    bench.append("app.log", " rest\n")
    assert bench.read() == [" rest"]
    bench.append("app.log", "again")
    assert bench.read() == []
    assert bench.read(6) == ["again"]
    bench.append("app.log", "\nnext\n")
    assert bench.read() == ["next"]


def test_a_partial_line_does_not_end_within_a_character(bench: Bench) -> None:
    bench.start()
    bench.append("app.log", b"caf" + "é".encode()[:1])
    assert bench.read() == []
    assert bench.read(6) == ["caf"]
    assert bench.read(6) == []
    bench.append("app.log", "é".encode()[1:] + b"!\n")
    assert bench.read() == ["é!"]
    assert not bench.recorder.of(Kind.BAD_BYTES)


def test_flush_hands_out_what_is_held(bench: Bench) -> None:
    path = bench.append("app.log", "whole\nhalf")
    bench.follow(start="beginning")
    assert bench.read() == ["whole"]
    assert bench.flush() == ["half"]
    assert bench.flush() == []
    assert bench.follower.positions()[0].offset == path.stat().st_size
    assert bench.follower.lag() == {str(path): 0}


def test_a_long_line_is_cut_and_counted(bench: Bench) -> None:
    bench.start(maximum_line_bytes=10, bytes_per_turn=16)
    bench.append("app.log", "x" * 10 + "\n" + "y" * 11 + "\n" + "z" * 100 + "\nshort\n")
    assert bench.read() == ["x" * 10, "y" * 10, "z" * 10, "short"]
    assert sum(event.count for event in bench.recorder.of(Kind.LINE_CUT)) == 2
    assert bench.batches[-1].ends[-1] == (bench.folder / "app.log").stat().st_size


def test_a_long_line_is_cut_between_characters(bench: Bench) -> None:
    bench.start(maximum_line_bytes=10)
    bench.append("app.log", "é" * 4 + "x" + "é" * 9 + "\n")
    assert bench.read() == ["é" * 4 + "x"]
    assert not bench.recorder.of(Kind.BAD_BYTES)


def test_an_endless_line_takes_no_memory(bench: Bench) -> None:
    bench.start()
    with (bench.folder / "app.log").open("wb") as file:
        for _ in range(64):
            file.write(b"x" * (1 << 20))
    tracemalloc.start()
    try:
        assert bench.read() == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
    bench.append("app.log", "\nnext\n")
    assert bench.read() == ["x" * 65536, "next"]


def test_an_endless_line_without_growth_is_taken(bench: Bench) -> None:
    bench.start(maximum_line_bytes=10)
    bench.append("app.log", "x" * 100)
    assert bench.read() == []
    assert bench.read(6) == ["x" * 10]
    bench.append("app.log", "rest\nnext\n")
    assert bench.read() == ["rest", "next"]


def test_bad_bytes_are_replaced_and_counted(bench: Bench) -> None:
    bench.start()
    bench.append("app.log", b"good\nb\xffd\n\xc3\ngood again\n")
    assert bench.read() == ["good", "b\ufffdd", "\ufffd", "good again"]
    assert [event.count for event in bench.recorder.of(Kind.BAD_BYTES)] == [2]


def test_zeros_before_a_line_are_a_hole(bench: Bench) -> None:
    bench.start(maximum_line_bytes=100)
    bench.append("app.log", b"first\n")
    assert bench.read() == ["first"]
    bench.append("app.log", b"\0" * 1000)
    assert bench.read() == []
    bench.append("app.log", b"\0" * 1000 + b"after the crash\n")
    assert bench.read() == ["after the crash"]
    assert not bench.recorder.of(Kind.LINE_CUT)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "shift_jis", "utf-8-sig", "cp037"])
def test_other_encodings(bench: Bench, encoding: str) -> None:
    bench.start(encoding=encoding, bytes_per_turn=5)
    text = "eins\nzwei drei\n" + ("テスト\n" if encoding == "shift_jis" else "ende\n")
    bench.append("app.log", text.encode(encoding))
    assert bench.read() == text.splitlines()


@pytest.mark.parametrize(
    ("encoding", "mark", "codec"),
    [
        ("utf-16", codecs.BOM_UTF16_LE, "utf-16-le"),
        ("utf-16", codecs.BOM_UTF16_BE, "utf-16-be"),
        ("utf-16", b"", "utf-16-le"),
        ("utf-16-be", b"", "utf-16-be"),
        ("utf-32", codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_wide_encodings_byte_by_byte(bench: Bench, encoding: str, mark: bytes, codec: str) -> None:
    """U+0A0A and U+0D0A hold the bytes of newlines between and within code units."""
    bench.start(encoding=encoding)
    lines = ["zero \u0a0a\u0d0a", "", "\U0001f600 \u0a00", "end"]
    read: list[str] = []
    for byte in mark + "".join(line + "\r\n" for line in lines).encode(codec):
        bench.append("app.log", bytes([byte]))
        read += bench.read(1.0 if not read else 0.1)
    assert read == lines
    assert bench.follower.drained()


def test_utf_16_start_at_the_end_and_restart(bench: Bench) -> None:
    bench.append("app.log", "old\nhal".encode("utf-16"))
    bench.start(encoding="utf-16")
    bench.append("app.log", "f\nnext\n".encode("utf-16-le"))
    assert bench.read() == ["half", "next"]
    positions = bench.follower.positions()
    bench.append("app.log", "more\n".encode("utf-16-le"))
    bench.follow(encoding="utf-16", positions=positions, first_run=False)
    assert bench.read() == ["more"]


def test_unknown_encoding_and_expression_are_refused(bench: Bench) -> None:
    selection = Selection([str(bench.folder)])
    for name in ("no-such-thing", "rot13", "hex", ""):
        with pytest.raises(UserError, match="encoding"):
            Follower(selection, encoding=name)
    with pytest.raises(UserError, match="expression"):
        Follower(selection, multiline_start="(")
    with pytest.raises(UserError, match="maximum_open"):
        Follower(selection, maximum_open=0)


TRACE = "2026 ERROR boom\n  at a\n  at b\n"


def test_a_stack_trace_stays_one_record(bench: Bench) -> None:
    bench.start(multiline_start=r"^\d{4} ", bytes_per_turn=16)
    bench.append("app.log", TRACE + "2026 INFO fine\n2026")
    assert bench.read(1.0) == [TRACE[:-1]]
    assert bench.batches[-1].offsets == [0]
    assert bench.batches[-1].ends == [len(TRACE)]
    assert bench.follower.positions()[0].offset == len(TRACE)
    assert bench.read(0.9) == []
    assert bench.read(0.2) == ["2026 INFO fine"]
    bench.append("app.log", " INFO late\n")
    assert bench.read(0.1) == []
    assert bench.read(1.0) == ["2026 INFO late"]


def test_an_unfinished_record_is_read_again_after_a_kill(bench: Bench) -> None:
    bench.start(multiline_start=r"^\d{4} ")
    bench.append("app.log", "2026 one\n" + TRACE)
    assert bench.read() == ["2026 one"]
    positions = bench.follower.positions()
    bench.append("app.log", "  at c\n2026 end\n")
    bench.follow(positions=positions, first_run=False, multiline_start=r"^\d{4} ")
    assert bench.read() == [TRACE + "  at c"]
    assert bench.flush() == ["2026 end"]


def test_a_record_ends_where_the_file_has_rotated_away(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start(multiline_start="^#")
    bench.append("app.log", "# one\nmore\n")
    assert bench.read(1.0) == []
    log.rename(bench.folder / "app.log.1")
    bench.append("app.log", "# two\n")
    assert bench.read(0.95) == ["# one\nmore"] or bench.read(0.1) == ["# one\nmore"]


def test_a_wrong_expression_neither_fills_the_memory_nor_stops_the_lines(bench: Bench) -> None:
    bench.start(multiline_start="^never$", maximum_line_bytes=100)
    bench.append("app.log", "0123456789abcde\n" * 20)
    records = bench.read(1.0) + bench.read(2.0)
    assert "\n".join(records) == "\n".join(["0123456789abcde"] * 20)
    assert max(map(len, records)) < 100


@given(
    data=st.binary(max_size=200).map(lambda data: data.replace(b"\xff", b"\n")),
    unit=st.sampled_from(("utf-8", "latin-1", "utf-16-le", "utf-16-be", "utf-32-le")),
    limit=st.integers(4, 60),
)
def test_splitting_any_bytes(data: bytes, unit: str, limit: int) -> None:
    """Lines and places agree with the simplest possible way to cut at newlines."""
    encoding = Encoding.named(unit)
    splitter = LineSplitter(encoding, limit - limit % encoding.unit)
    data = data[: len(data) - len(data) % encoding.unit]
    block = data[: splitter.after_last_newline(data)]
    width = encoding.unit
    units = [block[at : at + width] for at in range(0, len(block), width)]
    expected: list[bytes] = []
    line = b""
    for piece in units:
        if piece == encoding.newline:
            expected.append(line)
            line = b""
        else:
            line += piece
    assert line == b""
    if not block:
        return
    lines = splitter.split(block, 1000)
    assert len(lines.texts) == len(expected)
    assert lines.ends[-1] == 1000 + len(block)
    for text, start, end, raw in zip(lines.texts, lines.starts, lines.ends, expected, strict=True):
        assert block[start - 1000 : end - 1000] == raw + encoding.newline
        if len(raw) <= splitter.limit and not raw.startswith(b"\0"):
            assert text == raw.decode(encoding.name, "replace").removesuffix("\r")
