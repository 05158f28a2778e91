"""Random lives of log files against a simple model of what must come out."""

import gzip
import itertools
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from agent.follow import LineBatch, Position
from tests.agent.follow.harness import Bench, ManualClock

NAMES = ("app.log", "db.log")
BANNER = "=== the same first line in every file === " * 30
KEPT = 3


@dataclass
class Line:
    """A line that was written: as a whole, or in pieces that a reader may see one by one."""

    text: str
    in_pieces: bool = False
    may_be_missing: bool = False


@dataclass
class Stream:
    """What a writer did to one name."""

    lines: list[Line] = field(default_factory=list)
    partial: Line | None = None
    owed: str = ""  # the end of the partial line that is not on disk yet
    seen: bool = False  # the reader has had a look since the file was made or cut off
    out: list[str] = field(default_factory=list)


class FollowedFiles(RuleBasedStateMachine):
    """Two logs with writers, whoever rotates them, and a reader with few handles.

    A step is one of: write whole lines and perhaps half of one; rotate by rename, or by copy and
    truncation with the reader looking at every moment of it, to numbers or to dates; compress what
    was rotated; truncate; delete; replace by another file; read after 0.125, 1 or 6 seconds; stop
    in the middle of a turn; save; stop; kill; start from what was saved; set the machine's clock.
    Inode numbers are reused as the file system likes. Files may open with the same KiB, lines are
    in UTF-8 or UTF-16, a read may be shorter than a line.

    After each step what came out of a stream is a beginning of what was written to it: nothing
    twice, nothing skipped, nothing late. In the end it is all of it. After a kill: all of it at
    least once, and first occurrences in the order of writing. A line that was split by a pause
    of 5 seconds comes in two pieces. Lines that were unread when their file was truncated, deleted
    or replaced may be missing: nothing else may.
    """

    done: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        self.bench = Bench(Path(self.home.name), ManualClock(time.time()))
        self.streams = {name: Stream() for name in NAMES}
        self.numbers = itertools.count()
        self.days = itertools.count()
        self.options: dict[str, Any] = {}
        self.running = False
        self.killed = False
        self.dated = False
        self.saved: list[Position] = []

    @initialize(
        maximum_open=st.integers(1, 4),
        bytes_per_turn=st.sampled_from((16, 100, 5000)),
        encoding=st.sampled_from(("utf-8", "utf-8", "utf-16-le")),
        dated=st.booleans(),
    )
    def begin(self, maximum_open: int, bytes_per_turn: int, encoding: str, dated: bool) -> None:
        self.options = {
            "maximum_open": maximum_open,
            "bytes_per_turn": bytes_per_turn,
            "encoding": encoding,
        }
        self.dated = dated
        self.bench.follow(start="beginning", **self.options)
        self.running = True

    def teardown(self) -> None:
        try:
            if self.options:
                if not self.running:
                    self._start(self.saved)
                for _ in range(3):
                    self._take(1.0)
                self._note(list(self.bench.follower.flush()))
                for name in NAMES:
                    self._check(name)
        finally:
            self.bench.stop()
            self.home.cleanup()

    # The writer.

    @rule(
        name=st.sampled_from(NAMES),
        count=st.integers(1, 4),
        banner=st.booleans(),
        half=st.booleans(),
    )
    def write(self, name: str, count: int, banner: bool, half: bool) -> None:
        stream = self.streams[name]
        path = self.bench.folder / name
        text = ""
        # Not after a truncation: where we are still within the banner, equal bytes hide that, and
        # all comes, but not in the order of writing.
        if banner and stream.partial is None and not path.exists():
            text = BANNER + "\n"
        if stream.partial is not None:
            text += stream.owed + "\n"
            stream.partial = None
        for _ in range(count):
            line = self._line(name)
            stream.lines.append(line)
            text += line.text + "\n"
        if half:
            line = self._line(name)
            line.in_pieces = True
            stream.lines.append(line)
            stream.partial = line
            text, stream.owed = text + line.text[:6], line.text[6:]
        self.bench.append(name, text.encode(self.options["encoding"]))
        self.done["write"] += 1

    @rule(name=st.sampled_from(NAMES))
    def rotate_by_rename(self, name: str) -> None:
        path = self.bench.folder / name
        if path.exists() and self._make_room(name):
            path.rename(self._rotated(name))
            self.streams[name].seen = False
            self.done["rename"] += 1

    @rule(
        name=st.sampled_from(NAMES),
        look_between=st.booleans(),
        look_at_half_a_copy=st.booleans(),
    )
    def rotate_by_copy(self, name: str, look_between: bool, look_at_half_a_copy: bool) -> None:
        path = self.bench.folder / name
        if not path.exists() or not path.stat().st_size or not self._make_room(name):
            return
        copy = self._rotated(name)
        # A copy of a file that was never seen itself is a file like any other.
        look_between &= self.streams[name].seen and self.running
        look_at_half_a_copy &= self.streams[name].seen and self.running
        if look_at_half_a_copy:
            content = path.read_bytes()
            copy.write_bytes(content[: len(content) // 2])
            self._take(1.0)
        shutil.copyfile(path, copy)
        if look_between:
            self._take(1.0)
        with path.open("r+b") as file:
            file.truncate(0)
        self.streams[name].seen = False
        self.done["copytruncate"] += 1

    @precondition(lambda self: self.running)
    @rule(name=st.sampled_from(NAMES))
    def compress(self, name: str) -> None:
        rotated = [path for path in self.bench.folder.glob(f"{name}[.-]*") if path.suffix != ".gz"]
        if rotated:
            self._catch_up()
            self._take(6.0)  # or the half line at the end of it is in memory only
            self._save()
            for path in rotated:
                with gzip.open(f"{path}.gz", "wb") as archive:
                    archive.write(path.read_bytes())
                path.unlink()
            self.done["compress"] += 1

    @rule(name=st.sampled_from(NAMES), unread=st.booleans())
    def delete(self, name: str, unread: bool) -> None:
        if self._may_vanish(name, unread):
            (self.bench.folder / name).unlink()
            self.done["delete"] += 1

    @rule(name=st.sampled_from(NAMES), unread=st.booleans())
    def truncate(self, name: str, unread: bool) -> None:
        if self._may_vanish(name, unread):
            with (self.bench.folder / name).open("r+b") as file:
                file.truncate(0)
            self.done["truncate"] += 1

    @rule(name=st.sampled_from(NAMES), unread=st.booleans())
    def replace(self, name: str, unread: bool) -> None:
        """What an editor does: another file is moved over it."""
        if self._may_vanish(name, unread):
            line = self._line(name)
            self.streams[name].lines.append(line)
            other = self.bench.append(".other", f"{line.text}\n".encode(self.options["encoding"]))
            other.rename(self.bench.folder / name)
            self.done["replace"] += 1

    # The reader.

    # Seconds without a rounding error: a look is due after one of them, not after 0.9999999.
    @precondition(lambda self: self.running)
    @rule(seconds=st.sampled_from((0.125, 1.0, 1.0, 6.0)))
    def read(self, seconds: float) -> None:
        self._take(seconds)

    @precondition(lambda self: self.running)
    @rule(batches=st.integers(0, 2))
    def stop_in_the_middle_of_a_turn(self, batches: int) -> None:
        self.bench.clock.advance(1.0)
        turn = self.bench.follower.poll()
        self._note(list(itertools.islice(turn, batches)))
        turn.close()  # type: ignore[attr-defined]
        self.done["stop in a turn"] += 1

    @precondition(lambda self: self.running)
    @rule()
    def save(self) -> None:
        self._save()

    @precondition(lambda self: self.running)
    @rule()
    def stop(self) -> None:
        self._save()
        self.bench.stop()
        self.running = False
        self.done["restart"] += 1

    @precondition(lambda self: self.running)
    @rule()
    def kill(self) -> None:
        self.bench.stop()
        self.running = False
        self.killed = True
        self.done["kill"] += 1

    @precondition(lambda self: not self.running)
    @rule()
    def start_again(self) -> None:
        self._start(self.saved)

    @rule(seconds=st.sampled_from((-86400.0 * 400, -5.0, 3600.0, 86400.0 * 30)))
    def set_the_clock(self, seconds: float) -> None:
        self.bench.clock.jump(seconds)
        self.done["clock"] += 1

    @invariant()
    def nothing_is_skipped(self) -> None:
        self.done["steps"] += 1
        if self.running and not self.killed:
            for name in NAMES:
                self._matched(name, to_the_end=False)

    # How it is done.

    def _line(self, name: str) -> Line:
        """A line that is like no other, nor are its first six characters or the rest of it."""
        number = next(self.numbers)
        return Line(f"{number:06} {name} {number:06}")

    def _start(self, positions: list[Position]) -> None:
        again = [Position.from_json(position.to_json()) for position in positions]
        self.bench.follow(positions=again, first_run=False, **self.options)
        self.running = True

    def _save(self) -> None:
        self.saved = self.bench.follower.positions()

    def _take(self, seconds: float) -> None:
        self.bench.clock.advance(seconds)
        self._note(self.bench.take())
        for name in NAMES:
            # Names are looked for once a second.
            path = self.bench.folder / name
            self.streams[name].seen |= seconds >= 1.0 and path.exists() and path.stat().st_size > 0

    def _note(self, batches: list[LineBatch]) -> None:
        for batch in batches:
            assert len(batch.lines) == len(batch.offsets) == len(batch.ends)
            name = Path(batch.source).name
            # Of a file that was deleted, a piece of it may come.
            self.streams[name].out += [line for line in batch.lines if line[:3] != BANNER[:3]]

    def _rotated(self, name: str) -> Path:
        path = self.bench.folder / name
        return Path(f"{path}-{20260101 + next(self.days)}" if self.dated else f"{path}.1")

    def _make_room(self, name: str) -> bool:
        if self.dated:
            return True
        path = self.bench.folder / name
        last = Path(f"{path}.{KEPT}")
        if last.exists():
            if not self.running:
                return False
            self._catch_up()
            last.unlink()
        for age in range(KEPT - 1, 0, -1):
            old = Path(f"{path}.{age}")
            if old.exists():
                old.rename(f"{path}.{age + 1}")
        return True

    def _catch_up(self) -> None:
        self._take(1.0)
        self._take(1.0)
        self._save()

    def _may_vanish(self, name: str, unread: bool) -> bool:
        """Whether there is a file to take away; its lines that are unread may be missing then."""
        stream = self.streams[name]
        if not (self.bench.folder / name).exists() or not (unread or self.running):
            return False
        if unread:
            # Whether its handle is open is nobody's business.
            seen = set(stream.out)
            for line in stream.lines:
                line.may_be_missing |= line.text not in seen
        else:
            self._take(1.0)
            self._save()
        if stream.partial is not None:
            stream.partial.may_be_missing = True
            stream.partial = None
        stream.seen = False
        return True

    def _check(self, name: str) -> None:
        if not self.killed:
            self._matched(name, to_the_end=True)
            return
        stream = self.streams[name]
        seen = set(stream.out)
        firsts = list(dict.fromkeys(stream.out))
        for line in stream.lines:
            if line.may_be_missing or line is stream.partial or line.text in seen:
                continue
            assert line.in_pieces, f"{line} was lost; out came {stream.out}"
            assert line.text[:6] in seen and line.text[6:] in seen, f"{line} was lost"
        whole = [line.text for line in stream.lines if not line.in_pieces]
        known = set(whole)
        assert [text for text in firsts if text in known] == [
            text for text in whole if text in seen
        ], "the order was changed"

    def _matched(self, name: str, *, to_the_end: bool) -> None:
        """Every line once, in the order in which they were written, and nothing else."""
        stream = self.streams[name]
        missing = [line.text for line in stream.lines if line.may_be_missing]
        # Pieces of them, as had been read when their file was deleted, may come at any time.
        out = [
            text
            for text in reversed(stream.out)
            if text in missing
            or not any(line.startswith(text) or line[6:] == text for line in missing)
        ]
        for line in stream.lines:
            if out and out[-1] == line.text:
                out.pop()
            elif out and line.in_pieces and out[-1] == line.text[:6]:
                out.pop()
                if out and out[-1] == line.text[6:]:
                    out.pop()
                elif line is not stream.partial and not line.may_be_missing:
                    assert not out and not to_the_end, f"{line} lost its end: {stream.out}"
            elif line.may_be_missing or line is stream.partial:
                continue
            else:
                assert not out and not to_the_end, f"{line} was lost or is late: {stream.out}"
                return
        assert not out, f"too many came out: {out[::-1]} of {stream.out}"


TestFollowedFiles = FollowedFiles.TestCase
TestFollowedFiles.settings = settings(
    max_examples=600,
    stateful_step_count=40,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def test_the_model_did_everything_often() -> None:
    """A machine whose rules do nothing proves nothing."""
    done = FollowedFiles.done
    if not done:
        pytest.skip("TestFollowedFiles was not run")
    assert done["steps"] > 5000
    rare = {name: count for name, count in done.items() if count < 20}
    assert not rare
    assert set(done) == {
        "clock", "compress", "copytruncate", "delete", "kill", "rename", "replace", "restart",
        "steps", "stop in a turn", "truncate", "write",
    }  # fmt: skip
