import os
from pathlib import Path

import pytest

from agent.follow import Kind, NotFollowableError, Selection
from agent.follow.patterns import matches
from agent.follow.rotation import age, live_name
from models.errors import UserError
from tests.agent.follow.harness import Bench, ListRecorder, as_nobody, open_folder


def names(selection: Selection, folder: Path) -> list[str]:
    found = selection.discover()
    assert found == sorted(set(found))
    return [path.relative_to(folder).as_posix() for path in found]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    for name in (
        "app.log",
        "app.log.1",
        "app.log-20260101",
        "app.log.2.gz",
        "app-2026-01-02.log",
        "syslog",
        "syslog.1",
        "settings.conf",
        ".hidden.log",
        "notes.txt",
        "web/access.log",
        "web/deep/error.log",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n")
    return tmp_path


def test_a_folder_gives_logs_and_files_without_suffix_and_their_rotations(logs: Path) -> None:
    recorder = ListRecorder()
    selection = Selection([str(logs)], recorder=recorder)
    for _ in range(2):
        assert names(selection, logs) == [
            "app-2026-01-02.log",
            "app.log",
            "app.log-20260101",
            "app.log.1",
            "syslog",
            "syslog.1",
        ]
    skipped = [Path(event.path).name for event in recorder.of(Kind.SKIPPED)]
    assert skipped == ["app.log.2.gz"]


def test_globs_files_and_folders_together_give_each_path_once(logs: Path) -> None:
    selection = Selection(
        [str(logs / "**" / "*.log"), str(logs / "web"), str(logs / "notes.txt"), str(logs / "no")]
    )
    assert names(selection, logs) == [
        "app-2026-01-02.log",
        "app.log",
        "notes.txt",
        "web/access.log",
        "web/deep/error.log",
    ]


def test_include_replaces_the_rule_for_folders_and_exclude_takes_away(logs: Path) -> None:
    selection = Selection([str(logs)], include=["*.txt", "app.*"], exclude=["*.1"])
    assert names(selection, logs) == ["app.log", "app.log-20260101", "notes.txt"]
    selection = Selection([str(logs / "**" / "*.log")], exclude=["web/**", "app-*"])
    assert names(selection, logs) == ["app.log"]
    selection = Selection([str(logs / "**" / "*.log")], exclude=[f"{logs}/web/*/*.log"])
    assert "web/deep/error.log" not in names(selection, logs)


def test_a_glob_over_folders(logs: Path) -> None:
    assert names(Selection([f"{logs}/w*/*.log"]), logs) == ["web/access.log"]
    assert names(Selection([f"{logs}/*/deep"]), logs) == ["web/deep/error.log"]


def test_a_link_in_a_circle_ends(logs: Path) -> None:
    (logs / "web" / "again").symlink_to(logs)
    (logs / "loop.log").symlink_to(logs / "loop.log")
    (logs / "dangling.log").symlink_to(logs / "nowhere")
    assert "web/access.log" in names(Selection([f"{logs}/**/*.log"]), logs)
    assert "loop.log" not in names(Selection([str(logs)]), logs)


def test_a_name_with_brackets_is_a_name_where_it_is_there(logs: Path) -> None:
    (logs / "app[1].log").write_text("x\n")
    assert names(Selection([str(logs / "app[1].log")]), logs) == ["app[1].log"]


def test_relative_paths_become_absolute(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(logs / "web")
    assert names(Selection(["../app.log", "*.log"]), logs) == ["app.log", "web/access.log"]


def test_what_can_never_be_followed_is_refused(logs: Path) -> None:
    with pytest.raises(NotFollowableError, match="metalog-agent score") as caught:
        Selection([str(logs / "app.log.2.gz")])
    assert caught.value.path == str(logs / "app.log.2.gz")
    os.mkfifo(logs / "pipe")
    with pytest.raises(NotFollowableError, match="neither a file nor a folder"):
        Selection([str(logs / "pipe")])
    for paths in ([], [""], ["a\0b"]):
        with pytest.raises(UserError):
            Selection(paths)


def test_a_binary_file_that_was_named_is_told_to_the_caller(logs: Path) -> None:
    binary = logs / "wtmp"
    binary.write_bytes(b"\x07\0\0\0tty1\n")
    selection = Selection([str(binary), str(logs / "app.log")])
    with pytest.raises(NotFollowableError, match="no text"):
        selection.check()
    selection.check("utf-16")
    Selection([str(logs)]).check()


def test_a_binary_file_in_a_folder_is_skipped_with_one_event(bench: Bench) -> None:
    bench.append("wtmp", b"\x07\0\0\0tty1\n")
    bench.append("app.log", "1\n")
    bench.follow(start="beginning")
    assert bench.read() == ["1"]
    bench.append("wtmp", b"\x07\0\0\0tty1\n")
    assert bench.read() == []
    assert [event.path for event in bench.recorder.of(Kind.SKIPPED)] == [str(bench.folder / "wtmp")]
    assert len(bench.follower.positions()) == 1


def test_a_folder_that_cannot_be_listed_is_told_once_until_it_heals() -> None:
    with open_folder() as home:
        closed = home / "closed"
        closed.mkdir()
        (closed / "app.log").write_text("x\n")
        recorder = ListRecorder()
        selection = Selection([str(closed)], recorder=recorder)
        closed.chmod(0o300)
        with as_nobody():
            assert selection.discover() == []
            assert selection.discover() == []
        assert len(recorder.of(Kind.PERMISSION_DENIED)) == 1
        closed.chmod(0o755)
        with as_nobody():
            assert selection.discover() == [closed / "app.log"]


@pytest.mark.parametrize(
    ("name", "live"),
    [
        ("app.log", None),
        ("app.log.1", "app.log"),
        ("app.log.12", "app.log"),
        ("app.log-20260101", "app.log"),
        ("app.log-20260101.1", "app.log"),
        ("app.log.2026-01-01", "app.log"),
        ("app.log.2026-01-01_12-30", "app.log"),
        ("app.log-1767225600", "app.log"),
        ("app.log.old", "app.log"),
        ("app-2026-01-01T12-30-00.000.log", "app.log"),
        ("0.log.20260101-123000", "0.log"),
        ("app.1.log", "app.log"),
        ("node-1", None),
        ("web-01.log", None),
        ("messages", None),
        ("messages.1", "messages"),
    ],
)
def test_names_of_rotations(name: str, live: str | None) -> None:
    assert live_name(name) == live


def test_the_age_of_rotations() -> None:
    assert sorted(["/a.log", "/a.log.1", "/a.log.10", "/a.log.2"], key=age) == [
        "/a.log.10",
        "/a.log.2",
        "/a.log.1",
        "/a.log",
    ]
    assert sorted(["/a.log", "/a.log-20260101", "/a.log-20251231"], key=age) == [
        "/a.log-20251231",
        "/a.log-20260101",
        "/a.log",
    ]


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("/var/log/a.log", "*.log", True),
        ("/var/log/a.log", "log/*.log", True),
        ("/var/log/a.log", "/var/*.log", False),
        ("/var/log/a.log", "/var/**/*.log", True),
        ("/var/log/a.log", "/var/log/**/*.log", True),
        ("/var/log/x/y/a.log", "/var/**/a.*", True),
        ("/var/log/x/y/a.log", "x/**", True),
        ("/var/log/a.log", "/*/*", False),
    ],
)
def test_patterns(path: str, pattern: str, expected: bool) -> None:
    assert matches(path, pattern) is expected
