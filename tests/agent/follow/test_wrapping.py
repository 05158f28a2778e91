"""Container logs: what CRI and Docker write around lines is taken off, long lines are joined."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.follow import Kind
from agent.follow.cursor import Cursor, Mark
from agent.follow.encoding import Encoding
from agent.follow.fingerprint import TAIL_BYTES
from agent.follow.lines import LineSplitter
from agent.follow.records import RecordJoiner
from models.wrapping import Part, Wrapping, cri_part, docker_part, unwrapped, unwrapper
from tests.agent.follow.harness import Bench

TIME = "2016-10-06T00:17:09.669794202Z"
Writer = Callable[[str, str, bool], str]


def cri(stream: str, content: str, last: bool) -> str:
    return f"{TIME} {stream} {'F' if last else 'P'} {content}\n"


def docker(stream: str, content: str, last: bool) -> str:
    log = content + ("\n" if last else "")
    # As Docker writes it: no spaces, UTF-8 as it is.
    fields = {"log": log, "stream": stream, "time": TIME}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n"


WRITERS = {Wrapping.cri: cri, Wrapping.docker: docker}


@pytest.mark.parametrize(
    ("line", "part"),
    [
        # The examples of the Kubernetes design document.
        (f"{TIME} stdout F The content of the log entry 1", ("The content of the log entry 1", 1)),
        (f"{TIME} stdout P First line of log entry 2", ("First line of log entry 2", 0)),
        (f"{TIME} stderr F ", ("", 1)),
        ("2023-03-01T10:00:00.1+02:00 stdout F  two spaces", (" two spaces", 1)),
        (f"{TIME} stdout F:tag2 tagged", ("tagged", 1)),
        (f"{TIME} stdout F", ("", 1)),
    ],
)
def test_lines_of_the_container_runtime_interface(line: str, part: tuple[str, int]) -> None:
    found = cri_part(line)
    assert found is not None
    assert (found.content, found.last) == part


@pytest.mark.parametrize(
    "line",
    [
        "",
        "stdout F no time",
        f"{TIME} stdin F of no stream",
        f"{TIME} stdout X of no tag",
        "06/10/2016 stdout F another time",
        f'{{"log":"a\\n","stream":"stdout","time":"{TIME}"}}',
    ],
)
def test_other_lines_are_none_of_the_interface(line: str) -> None:
    assert cri_part(line) is None


def test_lines_of_docker() -> None:
    assert docker_part(docker("stderr", 'say "hi" é', True)[:-1]) == Part(
        "stderr", 'say "hi" é', True
    )
    assert docker_part(docker("stdout", "x" * 16384, False)[:-1]) == Part(
        "stdout", "x" * 16384, False
    )
    assert docker_part('{"log":"a\\r\\n","stream":"stdout","attrs":{"a":"b"},"time":""}') == Part(
        "stdout", "a", True
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[1]",
        '{"log":"a"}',
        '{"log":1,"stream":"stdout","time":""}',
        '{"message":"x","time":"y"}',
        "{" * 100_000,
    ],
)
def test_other_lines_are_none_of_docker(line: str) -> None:
    assert docker_part(line) is None


@dataclass
class File:
    """Bytes of a container's log as they grow, and an agent that is killed now and then.

    The cursor is driven as a ``Tail`` does it, a KiB before the place where it goes on included.
    """

    wrapping: Wrapping
    start: str | None = None
    content: bytes = b""
    read: list[str] = field(default_factory=list)
    splitter: LineSplitter = field(
        default_factory=lambda: LineSplitter(Encoding.named("utf-8"), 65536)
    )

    def __post_init__(self) -> None:
        self.cursor = self._new()

    def _new(self) -> Cursor:
        joiner = None if self.start is None else RecordJoiner(self.start, 65536)
        return Cursor(joiner, unwrapper(self.wrapping, 65536))

    def grow(self, data: bytes) -> None:
        self.content += data
        place = self.cursor.read.offset
        window = self.cursor.read.before + self.content[place:]
        self.read += self.cursor.take(window, self.splitter).texts

    def restart(self) -> None:
        """Everything but what was handed out is forgotten."""
        place = self.cursor.handed.offset
        before = self.content[max(0, place - TAIL_BYTES) : place]
        known = self.cursor.handed.before
        assert before.endswith(known) and bool(known) == bool(place)
        self.cursor = self._new()
        self.cursor.go_to(Mark(place, before))

    def end(self) -> None:
        self.grow(b"")
        self.read += self.cursor.release(
            self.splitter, line=True, record=True, broken_characters=True
        ).texts
        assert self.cursor.handed.offset == len(self.content)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), max_size=12)
# A line of a stream and how it is split, and the order in which the parts of both streams come.
LINES = st.lists(
    st.tuples(st.sampled_from(["stdout", "stderr"]), st.lists(TEXTS, min_size=1, max_size=4)),
    max_size=12,
)


@st.composite
def interleaved(draw: st.DrawFn) -> list[tuple[int, str, str, bool]]:
    """Number of the line, stream, part, whether it is the last; streams keep their own order."""
    waiting: dict[str, list[tuple[int, str, str, bool]]] = {"stdout": [], "stderr": []}
    for number, (stream, parts) in enumerate(draw(LINES)):
        for i, part in enumerate(parts):
            waiting[stream].append((number, stream, part, i == len(parts) - 1))
    order = []
    while any(waiting.values()):
        stream = draw(st.sampled_from([name for name, left in waiting.items() if left]))
        order.append(waiting[stream].pop(0))
    return order


def whole_lines(parts: Sequence[tuple[int, str, str, bool]]) -> list[str]:
    """In the order in which they begin."""
    lines: dict[int, str] = {}
    for number, _, part, _ in parts:
        lines[number] = lines.get(number, "") + part
    return list(lines.values())


@given(
    wrapping=st.sampled_from(list(WRITERS)),
    told=st.booleans(),
    parts=interleaved(),
    steps=st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=30),
    start=st.sampled_from([None, "^a", "[0-9]"]),
)
@example(
    wrapping=Wrapping.cri,
    told=True,
    parts=[
        (0, "stdout", "o1", False),
        (1, "stderr", "a e1", False),
        (0, "stdout", "o2", True),
        (1, "stderr", "e2", True),
    ],
    steps=[(110, False), (30, True), (30, True)],
    start="^a",
)
def test_wrapped_lines_come_out_once_over_all_restarts(
    wrapping: Wrapping,
    told: bool,
    parts: list[tuple[int, str, str, bool]],
    steps: list[tuple[int, bool]],
    start: str | None,
) -> None:
    content = "".join(WRITERS[wrapping](*part[1:]) for part in parts).encode()
    file = File(wrapping if told else Wrapping.auto, start)
    place = 0
    for length, killed in steps:
        file.grow(content[place : place + length])
        place += length
        if killed:
            file.restart()
    file.grow(content[place:])
    file.end()
    # Records are lines that were joined by newlines.
    assert "\n".join(file.read) == "\n".join(whole_lines(parts))
    if start is None:
        assert file.read == whole_lines(parts)


@given(wrapping=st.sampled_from(list(WRITERS)), told=st.booleans(), parts=interleaved())
def test_whole_files_are_unwrapped_as_followed_ones(
    wrapping: Wrapping, told: bool, parts: list[tuple[int, str, str, bool]]
) -> None:
    write = WRITERS[wrapping]
    lines = [write(stream, part, last)[:-1] for _, stream, part, last in parts]
    asked = wrapping if told else Wrapping.auto
    assert list(unwrapped(iter(lines), asked, "/var/log/pods/x")) == whole_lines(parts)
    assert list(unwrapped(iter(lines), Wrapping.none, "")) == lines


def test_places_are_those_of_the_file(bench: Bench) -> None:
    bench.start(unwrap=Wrapping.cri)
    text = cri("stdout", "one", True) + cri("stdout", "tw", False) + cri("stdout", "o", True)
    bench.append("app.log", text)
    assert bench.read() == ["one", "two"]
    first = len(cri("stdout", "one", True))
    assert [batch.offsets for batch in bench.batches] == [[0, first]]
    assert [batch.ends for batch in bench.batches] == [[first, len(text)]]


def test_a_part_is_held_over_a_restart(bench: Bench) -> None:
    bench.start(unwrap=Wrapping.auto)
    bench.append("app.log", cri("stdout", "first", True) + cri("stdout", "ha", False))
    assert bench.read() == ["first"]
    assert bench.follower.drained()
    [position] = bench.follower.positions()
    assert position.offset == len(cri("stdout", "first", True))
    bench.follow(positions=[position], first_run=False, unwrap=Wrapping.auto)
    assert bench.read() == []
    bench.append("app.log", cri("stdout", "lf", True))
    assert bench.read() == ["half"]


def test_a_part_that_nobody_ends_is_handed_out_after_five_seconds(bench: Bench) -> None:
    bench.start(unwrap=Wrapping.docker, multiline_start="^")
    bench.append("app.log", docker("stdout", "no newline at the end", False))
    assert bench.read(4) == []
    assert bench.read(5) == ["no newline at the end"]


def test_the_first_lines_say_whether_it_is_a_container(bench: Bench) -> None:
    bench.start(unwrap=Wrapping.auto)
    bench.append("plain.log", "plain\n" * 20 + cri("stdout", "quoted by a plain log", True))
    bench.append("pod.log", "\n" + cri("stdout", "of a pod", True) + "odd\n")
    bench.append("docker.log", docker("stderr", "of docker", True))
    read = bench.read()
    assert cri("stdout", "quoted by a plain log", True).rstrip("\n") in read
    assert {"of a pod", "odd", "of docker"} <= set(read)


def test_what_is_asked_for_is_taken_off_only_where_it_is(bench: Bench) -> None:
    bench.start(unwrap=Wrapping.cri)
    foreign = docker("stdout", "x", True).rstrip("\n")
    bench.append("app.log", f"plain\n{foreign}\n" + cri("stdout", "wrapped", True))
    assert bench.read() == ["plain", foreign, "wrapped"]


@pytest.mark.parametrize("write", [cri, docker])
def test_a_line_of_megabytes_is_cut_once(bench: Bench, write: Writer) -> None:
    bench.start(unwrap=Wrapping.auto)
    parts = "".join(write("stdout", "x" * 16384, False) for _ in range(128))
    bench.append("app.log", parts + write("stdout", "end", True) + write("stdout", "next", True))
    read = bench.read()
    assert [len(line) for line in read] == [65536, 4]
    assert sum(event.count for event in bench.recorder.of(Kind.LINE_CUT)) == 1


def test_a_stream_without_an_end_does_not_hold_the_other_one_for_ever(bench: Bench) -> None:
    bench.start(unwrap=Wrapping.cri)
    bench.append("app.log", cri("stdout", "never ended", False))
    bench.append("app.log", "".join(cri("stderr", f"e{n}", True) for n in range(1500)))
    read = bench.read()
    assert read[0] == "never ended"
    assert read[1:] == [f"e{n}" for n in range(1500)]


def test_nothing_is_taken_off_unless_it_is_asked_for(bench: Bench) -> None:
    bench.start()
    bench.append("app.log", cri("stdout", "x", True))
    assert bench.read() == [cri("stdout", "x", True).rstrip("\n")]


def test_forms_are_found_anew_in_a_file_that_is_cut_off(bench: Bench) -> None:
    bench.start(unwrap=Wrapping.auto)
    path = bench.append("app.log", cri("stdout", "a", True) * 3)
    assert bench.read() == ["a"] * 3
    path.write_text(docker("stdout", "b", True))
    assert bench.read(3) == ["b"]


def test_a_record_that_began_long_before_its_last_part_is_known_again() -> None:
    file = File(Wrapping.cri, "^new")
    parts = [("old record", True), ("new " + "x" * 3000, False), ("y" * 3000, False), ("z", True)]
    for content, last in parts:
        file.grow(cri("stdout", content, last).encode())
    assert file.read == ["old record"]
    assert file.cursor.handed.offset == len(cri("stdout", "old record", True))
    file.restart()
    file.grow(b"")
    file.end()
    assert file.read == ["old record", "new " + "x" * 3000 + "y" * 3000 + "z"]
