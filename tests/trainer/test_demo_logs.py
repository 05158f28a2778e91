"""The demo logs: complete, repeatable, readable as they say, and honest about their faults."""

import csv
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig

from models.errors import UserError
from trainer.demo import DemoSession, DemoSystem, block_store, web_shop
from trainer.demo.order import CARDS, CARRIERS

SESSIONS = 1000
KINDS = {"error", "missing", "order", "count", "retry"}
PARAMETER = re.compile(rf"\d|^({'|'.join(CARDS + CARRIERS)})$")
SYSLOG_HEADER = re.compile(r"^[A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} shop-\d [a-z]+(\[\d+\])?: ")


@pytest.fixture(scope="module")
def source() -> DemoSystem:
    return block_store(SESSIONS, anomaly_share=0.08)


@pytest.fixture(scope="module")
def target() -> DemoSystem:
    return web_shop(SESSIONS, anomaly_share=0.08)


@pytest.fixture(scope="module", params=["source", "target"])
def system(request: pytest.FixtureRequest) -> DemoSystem:
    made = request.getfixturevalue(request.param)
    assert isinstance(made, DemoSystem)
    return made


def content_of(system: DemoSystem, line: str) -> str:
    if system.line_regex is None:
        header = SYSLOG_HEADER.match(line)
        assert header is not None, line
        return line[header.end() :]
    match = re.match(system.line_regex, line)
    assert match is not None, line
    return match["content"]


@cache
def event_of(content: str, key_regex: str) -> str:
    """The content with every word that is a parameter made one and the same."""
    words = re.sub(key_regex, "<0>", content).split()
    return " ".join("<*>" if PARAMETER.search(word) else word for word in words)


def events_of(system: DemoSystem, session: DemoSession) -> tuple[str, ...]:
    contents = (content_of(system, line) for _, line in session.lines)
    return tuple(event_of(content, system.key_regex) for content in contents)


def normals(system: DemoSystem) -> list[DemoSession]:
    return [session for session in system.sessions if session.fault is None]


def faulty(system: DemoSystem) -> list[tuple[str, DemoSession]]:
    return [(session.fault, session) for session in system.sessions if session.fault is not None]


def events_in(system: DemoSystem, sessions: list[DemoSession]) -> set[str]:
    return {event for session in sessions for event in events_of(system, session)}


def special_events(system: DemoSystem) -> set[str]:
    """Events that occur in faulty sessions only."""
    in_faults = events_in(system, [session for _, session in faulty(system)])
    return in_faults - events_in(system, normals(system))


def words_of(events: set[str]) -> set[str]:
    return {word.lower() for event in events for word in re.findall(r"[A-Z]?[a-z]{2,}", event)}


# Volume, seed, files.


@pytest.mark.parametrize("make", [block_store, web_shop])
def test_the_default_is_three_thousand_sessions_three_percent_faulty(
    make: Callable[..., DemoSystem],
) -> None:
    made = make()
    assert len(made.sessions) == 3000
    assert len(faulty(made)) == 90
    assert len({session.key for session in made.sessions}) == 3000
    assert 0 < len(made.background) < 0.02 * len(made.lines())


@pytest.mark.parametrize("make", [block_store, web_shop])
def test_a_seed_gives_the_same_bytes_in_another_process(
    make: Callable[..., DemoSystem], tmp_path: Path
) -> None:
    made = make(40, seed=7, anomaly_share=0.2)
    made.write(tmp_path / "here")
    program = (
        "import sys; from pathlib import Path; import trainer.demo as demo; "
        "getattr(demo, sys.argv[1])(40, seed=7, anomaly_share=0.2).write(Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", program, made.name.replace("-", "_"), str(tmp_path / "there")]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"}
    subprocess.run(command, check=True, cwd=root, env=environment)
    for suffix in (".log", ".labels.csv"):
        name = f"{made.name}{suffix}"
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()
    assert make(40, seed=8, anomaly_share=0.2).lines() != made.lines()


def test_nothing_heavy_is_imported() -> None:
    program = (
        "import sys; import trainer.demo; "
        "print([name for name in ('torch', 'onnx', 'gensim', 'drain3') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]"


def test_the_files_hold_every_line_and_every_label(system: DemoSystem, tmp_path: Path) -> None:
    system.write(tmp_path / "new" / "folder")
    log = (tmp_path / "new" / "folder" / f"{system.name}.log").read_bytes()
    assert log.decode("utf-8").split("\n") == [*system.lines(), ""]
    labels = (tmp_path / "new" / "folder" / f"{system.name}.labels.csv").read_bytes()
    assert b"\r" not in labels
    rows = list(csv.DictReader(labels.decode("utf-8").splitlines()))
    assert list(rows[0]) == ["session", "label", "fault"]
    assert [row["session"] for row in rows] == [session.key for session in system.sessions]
    for row, session in zip(rows, system.sessions, strict=True):
        assert row["label"] == ("Normal" if session.fault is None else "Anomaly")
        assert row["fault"] == (session.fault or "")


@pytest.mark.parametrize("make", [block_store, web_shop])
def test_five_faults_are_one_of_each_kind(make: Callable[..., DemoSystem]) -> None:
    kinds = [fault.partition("/")[0] for fault, _ in faulty(make(50, seed=3, anomaly_share=0.1))]
    assert sorted(kinds) == sorted(KINDS)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_none_or_all_can_be_faulty(share: float) -> None:
    assert len(faulty(web_shop(30, anomaly_share=share))) == 30 * share


@pytest.mark.parametrize(
    ("sessions", "seed", "share"), [(0, 0, 0.1), (10, -1, 0.1), (10, 0, 1.5), (10, 0, -0.1)]
)
def test_impossible_wishes_are_refused(sessions: int, seed: int, share: float) -> None:
    with pytest.raises(UserError, match="block-store"):
        block_store(sessions, seed, share)


# Lines.


def test_every_line_can_be_read_as_the_system_says(system: DemoSystem) -> None:
    timed = [line for session in system.sessions for line in session.lines]
    timed.extend(system.background)
    for seconds, line in timed:
        assert content_of(system, line)
        if system.line_regex is None:
            moment = datetime.fromtimestamp(seconds, UTC)
            assert line.startswith(f"Mar {moment.day:>2} {moment:%H:%M:%S} ")
        else:
            assert system.time_format is not None
            match = re.match(system.line_regex, line)
            assert match is not None
            stamp = datetime.strptime(match["time"], system.time_format).replace(tzinfo=UTC)
            assert stamp.timestamp() == seconds
            assert match["level"] in {"DEBUG", "INFO", "WARN", "ERROR"}


def test_a_session_line_has_its_own_key_and_a_background_line_none(system: DemoSystem) -> None:
    key = re.compile(system.key_regex)
    assert key.groups == 1
    for session in system.sessions:
        assert key.fullmatch(session.key)
        for _, line in session.lines:
            assert set(key.findall(line)) == {session.key}
    for _, line in system.background:
        assert not key.search(line)


def test_lines_come_in_time_order_with_many_sessions_open_at_once(system: DemoSystem) -> None:
    lines = system.lines()
    stamp = 23 if system.line_format == "text" else 15
    assert lines == sorted(lines, key=lambda line: line[:stamp])
    starts = [session.start for session in system.sessions]
    assert starts == sorted(starts)
    middle = starts[len(starts) // 2]
    assert sum(s.start <= middle <= s.lines[-1][0] for s in system.sessions) >= 3
    key = re.compile(system.key_regex)
    owners = [match[1] if (match := key.search(line)) else None for line in lines]
    changes = sum(owner != following for owner, following in pairwise(owners))
    assert changes > len(lines) / 2


def test_most_pauses_within_a_session_are_short(system: DemoSystem) -> None:
    pauses = [
        later[0] - earlier[0]
        for session in system.sessions
        for earlier, later in pairwise(session.lines)
    ]
    assert min(pauses) > 0
    assert max(pauses) <= 8.001
    assert sum(pause < 2 for pause in pauses) > 0.95 * len(pauses)


def test_a_template_miner_finds_the_events(system: DemoSystem) -> None:
    config = TemplateMinerConfig()
    config.drain_sim_th = 0.6
    config.masking_instructions = [
        MaskingInstruction(system.key_regex, "KEY"),
        MaskingInstruction(r"(?<![A-Za-z0-9])\d+(\.\d+)*(?![A-Za-z0-9])", "NUM"),
    ]
    miner = TemplateMiner(config=config)
    for line in system.lines():
        miner.add_log_message(content_of(system, line))
    assert 35 <= len(miner.drain.clusters) <= 90


# Honesty.


def test_every_kind_of_fault_is_there_and_most_have_variants(system: DemoSystem) -> None:
    variants: dict[str, set[str]] = {}
    for fault, _ in faulty(system):
        kind, _, variant = fault.partition("/")
        variants.setdefault(kind, set()).add(variant)
    assert set(variants) == KINDS
    assert all(len(names) >= 2 for names in variants.values())
    assert len(variants["error"]) >= 3


def test_normal_sessions_vary(system: DemoSystem) -> None:
    shapes = {events_of(system, session) for session in normals(system)}
    firsts = {shape[0] for shape in shapes}
    lasts = {shape[-1] for shape in shapes}
    assert len(shapes) > 100
    assert len(firsts | lasts) >= 5


def test_no_faulty_session_looks_like_a_normal_one(system: DemoSystem) -> None:
    shapes = {events_of(system, session) for session in normals(system)}
    for fault, session in faulty(system):
        assert events_of(system, session) not in shapes, fault


def test_missing_order_and_count_faults_show_no_event_of_their_own(system: DemoSystem) -> None:
    known = events_in(system, normals(system))
    subtle = 0
    for fault, session in faulty(system):
        if fault.startswith(("missing/", "order/", "count/")):
            assert set(events_of(system, session)) <= known, fault
            subtle += 1
    assert subtle > 0.4 * len(faulty(system))


def test_every_error_fault_shows_an_event_of_its_own(system: DemoSystem) -> None:
    special = special_events(system)
    for fault, session in faulty(system):
        if fault.startswith("error/"):
            assert special & set(events_of(system, session)), fault


def test_a_retry_storm_repeats_one_event_more_than_any_normal_session(system: DemoSystem) -> None:
    def longest_run(session: DemoSession) -> int:
        longest = run = 0
        before = ""
        for event in events_of(system, session):
            run = run + 1 if event == before else 1
            longest, before = max(longest, run), event
        return longest

    storms = [session for fault, session in faulty(system) if fault.startswith("retry/")]
    known = events_in(system, normals(system))
    assert any(set(events_of(system, session)) <= known for session in storms)
    assert min(map(longest_run, storms)) >= 5
    # Some normal loops are long too: the length of a run alone does not give a storm away.
    assert max(map(longest_run, normals(system))) >= 5


def test_a_warning_alone_is_not_the_answer(system: DemoSystem) -> None:
    warned = re.compile(r" WARN |: warning: ")
    benign = [s for s in normals(system) if any(warned.search(line) for _, line in s.lines)]
    quiet = [s for _, s in faulty(system) if not any(warned.search(line) for _, line in s.lines)]
    assert 0.05 * len(normals(system)) < len(benign) < 0.3 * len(normals(system))
    assert len(quiet) > len(faulty(system)) / 3


def test_normal_sessions_know_no_error_level(source: DemoSystem) -> None:
    assert not any(" ERROR " in line for s in normals(source) for _, line in s.lines)


def test_the_targets_faults_use_events_and_words_the_source_has_not(
    source: DemoSystem, target: DemoSystem
) -> None:
    special = special_events(target)
    assert len(special) >= 7
    source_events = events_in(source, list(source.sessions))
    assert not special & source_events
    new_words = words_of(special) - words_of(events_in(target, normals(target)))
    assert len(new_words) >= 25
    assert len(new_words & words_of(source_events)) <= 0.1 * len(new_words)


def test_the_systems_share_no_event(source: DemoSystem, target: DemoSystem) -> None:
    source_events = events_in(source, list(source.sessions))
    assert not source_events & events_in(target, list(target.sessions))


# History and future.


@pytest.mark.parametrize("fraction", [0.3, 0.5, 0.999])
def test_split_by_time_keeps_sessions_whole(system: DemoSystem, fraction: float) -> None:
    history, future = system.split_by_time(fraction)
    assert history.sessions + future.sessions == system.sessions
    assert history.background + future.background == system.background
    assert len(history.sessions) == min(round(fraction * SESSIONS), SESSIONS - 1)
    cut = future.sessions[0].start
    assert all(session.start <= cut for session in history.sessions)
    assert all(seconds < cut for seconds, _ in history.background)
    assert all(seconds >= cut for seconds, _ in future.background)
    assert sorted(history.lines() + future.lines()) == sorted(system.lines())
    assert history.key_regex == future.key_regex == system.key_regex


def test_sessions_open_at_the_cut_stay_in_the_history(system: DemoSystem) -> None:
    history, future = system.split_by_time(0.5)
    cut = future.sessions[0].start
    assert any(session.lines[-1][0] > cut for session in history.sessions)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0, float("nan")])
def test_a_split_needs_a_share_between_0_and_1(system: DemoSystem, fraction: float) -> None:
    with pytest.raises(UserError, match="between 0 and 1"):
        system.split_by_time(fraction)


def test_one_session_cannot_be_split() -> None:
    with pytest.raises(UserError, match="fewer than 2"):
        web_shop(1).split_by_time(0.5)
