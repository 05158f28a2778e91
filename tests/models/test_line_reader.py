"""Reading lines by what is remembered of others, against taking each one apart."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.archive import read_lines
from models.events import DrainParameters, EventParser
from models.line_reader import LineReader, Reading
from models.lines import FORMATS, LineFormat, LineParser, text_format
from models.masks import DEFAULT_MASKS, Mask, Masker, key_mask
from models.quick_masks import WORTH_LEARNING
from models.session_rule import SessionRule
from models.sessions import Sessionizer
from trainer.datasets.raw import DEFAULT_RULES, masks_of

SHAPES = {
    "hdfs": [
        "08110# 20351# ### INFO dfs.DataNode$Xceiver: Receiving block blk_-### src: /10.#.#.1:#",
        "08110# 20351# ### INFO dfs.FSNamesystem: ask 10.0.0.# to delete blk_# blk_#",
        "081109 2035## 3# INFO dfs.DataNode: Starting thread",
        "at blk_## R0#-M#",
    ],
    "bgl": [
        "- 111783857# 2005.06.03 R0#-M1 2005-06-03-15.42.50.363779 R0#-M1 RAS KERNEL INFO ext# up",
        "- 111783857# 2005.06.03 R0#-M1 x R0#-M1 RAS KERNEL INFO at 0x@@@@@@@@, mask 0x@@",
        "- 111783857# 2005.06.03 R0#-M1 x R0#-M1 RAS KERNEL INFO fpr#=0x@@@@@@@@ @@@@@@@@",
        "KERNDTLB 111783857# 2005.06.03 R0#-M1 x R0#-M1 RAS KERNEL INFO at 0x0## and 1#x2",
        "111783857# 2005.06.03 R0#-M1 x R0#-M1 RAS KERNEL FATAL",
    ],
    "openstack": [
        "nova-compute.log.# 2017-05-16 00:00:0#.500 2931 INFO nova.compute.manager [req-3ea] "
        "[instance: b9000564-fe1a-409b-b8cc-1e88b294cd#d] VM Started #",
        " WARNING nova.virt [-] No disk at /opt/nova/instances/b900056#-fe1a-409b-b8cc-"
        "1e88b294cd1d/disk",
        "INFO nova.compute.manager [req-@2@@@@@@-1@@1-4@@@-@@@@-@@@@@@@@@@@@] "
        "[instance: @@@@@@@@-@@@@-@@@@-@@@@-@@@@@@@@@@@@] VM Started #",
        "INFO nova.virt [req-@@@@@@@@-@@@@-@@@@-@@@@-@@@@@@@@@@@@] Plugged 10.0.0.#",
        "INFO nova.virt [instance: @@@@@@@@-@@@@-@@@@-@@@@-@@@@@@@@@@@@] Deleting "
        "/nova/instances/@@@@@@@@-@@@@-@@@@-@@@@-@@@@@@@@@@@@_del",
        "INFO @@@@@@@@-@@@@-@@@@-@@@@-@@@@@@@@@@@@ x@@@@@@@@-@@@@-@@@@-@@@@-@@@@@@@@@@@@",
    ],
    "syslog": [
        "Jan 1# 03:0#:05 combo sshd[##]: session # opened for user#",
        "<34>1 200#-10-11T22:14:15.003Z mymachine su - ID4# - failed #",
        "2024-02-0#T10:00:00+02:00 host app: hello #",
    ],
    "jsonl": ['{"message": "took # ms", "ts": 170406720#, "host": "h#"}', '{"level": #}'],
    "text": [
        "session # of # \u00e9",
        "session ## of R#",
        "",
        "session # at 0x@@@@, mask 0x@@",
        "trace=@@@@@@@@@@@@ span=@@@@@@@@ session #",
        "@@@@@@@@ of session # is @@@@@@@@.@@@@@@@@g",
    ],
    "any": [
        "Jan 1# 03:0#:05 combo sshd[##]: session # opened for user#",
        "2024-02-0#T10:00:0#+02:00 host app: hello #",
        "[2024-02-0# 10:00:0#,123] ERROR app: 1 # of #",
        ' {"message": "session # took # ms", "ts": 170406720#, "host": "h#"}',
        '{"level": #}',
        "session # of R#",
    ],
}


def plainly(form: LineFormat, rule: SessionRule, lines: list[str]) -> list[Reading]:
    """The steps one by one."""
    parser, sessions = LineParser(form, now=lambda: 1.7e9), Sessionizer[int](rule)
    masker = Masker(masks_of(rule))
    readings = []
    for line in lines:
        keys = sessions.keys(line)
        belongs = sessions.belongs(keys)
        content, time, source, label, fits = parser.parse(line)
        message = masker.mask(content) if belongs else ""
        readings.append(Reading(keys, belongs, time, source, label, message, fits))
    return readings


Taken = tuple[list[tuple[object, ...]], int, int]


def read(reader: LineReader, lines: list[str]) -> Taken:
    """What sessions take, with its places among the lines, in the order of a Reading but for
    ``belongs`` and ``fits``; and how many lines no session takes or have another format."""
    read = reader.columns(lines, range(len(lines)))
    assert list(read.lines) == [lines[i] for i in read.offsets]
    columns = (read.offsets, read.keys, read.times, read.sources, read.labels, read.messages)
    return list(zip(*columns, strict=True)), read.strays, read.unfit


def taken(readings: list[Reading], lines: list[str]) -> Taken:
    """The same of readings one by one."""
    full = [(i, one) for i, one in enumerate(readings) if lines[i] and not lines[i].isspace()]
    found = [(i, one) for i, one in full if one.belongs]
    rows: list[tuple[object, ...]] = [
        (i, one.keys, one.time, one.source, one.label, one.message) for i, one in found
    ]
    return rows, len(full) - len(found), sum(not one.fits for _, one in found)


def messages_of(reader: LineReader, lines: list[str]) -> list[str]:
    return list(reader.columns(lines).messages)


@st.composite
def lines_of(draw: st.DrawFn) -> tuple[str, SessionRule, list[str]]:
    name = draw(st.sampled_from(sorted(SHAPES)))
    default = DEFAULT_RULES.get(name, SessionRule(key_regex=r"session (\d+)"))
    rule = draw(st.sampled_from([default, SessionRule(window=5), SessionRule(key_regex="(1)")]))
    lines = []
    for _ in range(draw(st.integers(1, 12))):
        shape = draw(st.sampled_from([*SHAPES[name], draw(st.text(max_size=20))]))
        line = ""
        for letter in shape:
            alike = {"#": "0123456789", "@": "09af"}.get(letter)
            line += draw(st.sampled_from(alike)) if alike else letter
        lines.append(line)
    return name, rule, lines


@given(lines_of(), st.sampled_from([1, 3, 1000]), st.sampled_from([1, 2, 5, 1000]))
def test_the_same_readings(
    drawn: tuple[str, SessionRule, list[str]], most: int, at_once: int
) -> None:
    name, rule, lines = drawn
    lines *= WORTH_LEARNING + 2
    expected = plainly(FORMATS[name], rule, lines)
    for quick in (True, False):
        reader = LineReader(
            FORMATS[name], rule, masks_of(rule), lambda: 1.7e9, quick=quick, most_skeletons=most
        )
        for start in range(0, len(lines), at_once):
            part = slice(start, start + at_once)
            assert read(reader, lines[part]) == taken(expected[part], lines[part])


@given(st.data(), st.sampled_from([(8, 1), (4, 2), (1, 5), (12, 1)]))
def test_masks_that_leave_a_part_of_an_id(data: st.DataObject, form: tuple[int, int]) -> None:
    length, number = form
    part = "-".join([f"[0-9a-f]{{{length}}}"] * number)
    masks = (Mask("PART", rf"\b{part}\b"), Mask("NUM", r"\d+"), Mask("A", "a+"))
    reader = LineReader(FORMATS["text"], SessionRule(window=5), masks)
    for _ in range(6):
        digits = data.draw(st.lists(st.sampled_from("09af"), min_size=32, max_size=32))
        line = "".join(digits.pop() if letter == "@" else letter for letter in f"on {_ID}, go")
        assert messages_of(reader, [line]) == [Masker(masks).mask(line)]


_ID = "@@@@@@@@-@@@@-@@@@-@@@@-@@@@@@@@@@@@"


def test_the_zone_is_noticed_in_lines_that_are_remembered() -> None:
    reader = LineReader(FORMATS["syslog"], SessionRule(window=5), DEFAULT_MASKS)
    for second in range(4):
        line = f"2024-02-01T10:00:0{second}+02:00 host app: hello"
        assert reader.columns([line]).times[0] is not None
    assert reader.zoned


def test_keys_of_one_shape_may_be_equal_or_not() -> None:
    rule = SessionRule(key_regex=r"job (\d+)")
    reader = LineReader(FORMATS["text"], rule, (key_mask(r"job (\d+)"),))
    lines = ["job 1 job 2", "job 3 job 4", "job 5 job 5", "job 6 job 7"]
    assert reader.columns(lines).keys == [("1", "2"), ("3", "4"), ("5",), ("6", "7")]


@pytest.mark.parametrize(
    ("pattern", "times"),
    [
        ("%d.%m.%Y %H:%M:%S", ["05.01.2024 10:30:07", "05.01.2024 10:30:59", "05.01.2024 10:30:60",
                               "05.01.2024 10:30:61", "05.01.2024 10:30:7", "05.01.2024 10:31:x"]),
        ("%Y%m%d%H%M%S", ["20240105103007", "20240105103008", "2024010510309", "202401051030"]),
        ("%y%m%d %H%M%S", ["240105 103007", "240105 103059", "240105 10309", "24015  103001",
                           "240105 1030 1", "240199 103001", "240199 103002"]),
        ("%H:%M:%S", ["10:30:07", "10:30:08"]),
    ],
)  # fmt: skip
def test_times_of_one_minute(pattern: str, times: list[str]) -> None:
    form = text_format(r"(?P<time>[^|]+)\|(?P<content>.*)", pattern)
    together = LineParser(form, now=lambda: 1.7e9)
    for time in [*times, *reversed(times)]:
        alone = LineParser(form, now=lambda: 1.7e9)
        assert together.parse(f"{time}|x").time == alone._parse_time(time)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("hdfs", "HDFS/raw_2pct/HDFS_2pct.log.gz"),
        ("bgl", "BGL/raw_samples/BGL_2k.log.gz"),
        ("thunderbird", "Thunderbird/raw_68min/Thunderbird_19k.log.gz"),
        ("openstack", "OpenStack/raw/openstack-nova-sample.log.gz"),
    ],
)
def test_the_same_on_real_logs_up_to_the_events(real_data: Path, name: str, file: str) -> None:
    rule = DEFAULT_RULES[name]
    lines = [line for line, _ in zip(read_lines(real_data / file), range(30_000), strict=False)]
    expected = plainly(FORMATS[name], rule, lines)
    reader = LineReader(FORMATS[name], rule, masks_of(rule))
    quick, plain = (
        EventParser((), masks_of(rule), DrainParameters(), quick=quick) for quick in (True, False)
    )
    for _ in range(2):
        messages = []
        for start in range(0, len(lines), 1000):
            part = slice(start, start + 1000)
            assert read(reader, lines[part]) == taken(expected[part], lines[part])
            messages += messages_of(reader, lines[part])
        assert quick.parse_masked(messages) == plain.parse_masked(messages)
    assert quick.templates == plain.templates


def test_what_makes_sessions_is_masked_whatever_the_masks_came_from() -> None:
    """Else each block of a bundle without keys, watched by --key-regex, has events of its own."""
    rule = SessionRule(key_regex=r"(blk_-?\d+)")
    reader = LineReader(FORMATS["any"], rule, DEFAULT_MASKS)
    assert messages_of(reader, ["Deleting block blk_17 now"]) == ["Deleting block <KEY> now"]
    assert masks_of(rule)[0] == key_mask(r"(blk_-?\d+)")
