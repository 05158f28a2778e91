"""Files that are renamed, copied, cut off, deleted and made again."""

import gzip
import shutil
from pathlib import Path

import pytest

from agent.follow import Kind
from tests.agent.follow.harness import Bench


def test_end_on_the_first_run_and_beginning_for_later_files(bench: Bench) -> None:
    bench.append("app.log", "old\n")
    bench.start()
    bench.append("app.log", "one\n")
    bench.append("later.log", "two\n")
    assert bench.read() == ["one", "two"]


def test_start_at_the_beginning(bench: Bench) -> None:
    bench.append("app.log", "old\n")
    bench.follow(start="beginning")
    assert bench.read() == ["old"]


def test_start_at_the_end_keeps_a_line_that_is_being_written_whole(bench: Bench) -> None:
    bench.append("app.log", "old\nhal")
    bench.start()
    bench.append("app.log", "f\n")
    assert bench.read() == ["half"]


def test_later_runs_read_unknown_files_from_the_beginning(bench: Bench) -> None:
    bench.append("app.log", "old\n")
    bench.follow(first_run=False)
    assert bench.read() == ["old"]


@pytest.mark.parametrize("named", ["folder", "glob", "file"])
def test_rename_finishes_the_old_file_then_reads_the_new(bench: Bench, named: str) -> None:
    log = bench.append("app.log", "")
    bench.start({"folder": bench.folder, "glob": bench.folder / "*.log", "file": log}[named])
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    bench.append("app.log", "2\n")
    rotated = log.rename(bench.folder / "app.log.1")
    bench.append("app.log", "4\n")
    with rotated.open("a") as slow_writer:
        slow_writer.write("3\n")
    assert bench.read_by_source() == [("app.log", "2"), ("app.log", "3"), ("app.log", "4")]
    # A writer that did not notice the rotation yet.
    bench.append("app.log.1", "5\n")
    assert bench.read_by_source() == [("app.log", "5")]
    assert bench.batches[-1].path == str(rotated)


def test_rename_rotation_through_a_chain(bench: Bench) -> None:
    bench.start()
    for number in range(6):
        bench.append("app.log", f"{number}a\n{number}b\n")
        assert bench.read() == [f"{number}a", f"{number}b"]
        bench.append("app.log", f"{number}c\n")
        for age in (3, 2, 1):
            old = bench.folder / f"app.log.{age}"
            if old.exists():
                old.rename(bench.folder / f"app.log.{age + 1}")
        (bench.folder / "app.log").rename(bench.folder / "app.log.1")
        assert bench.read_by_source() == [("app.log", f"{number}c")]


def test_two_rotations_between_two_looks(bench: Bench) -> None:
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    (bench.folder / "app.log").rename(bench.folder / "app.log.2")
    bench.append("app.log.1", "2\n")
    bench.append("app.log", "3\n")
    assert bench.read_by_source() == [("app.log", "2"), ("app.log", "3")]


def test_a_last_line_without_newline_is_taken_when_the_file_has_rotated_away(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "whole\nhalf")
    assert bench.read() == ["whole"]
    log.rename(bench.folder / "app.log.1")
    bench.append("app.log", "next\n")
    assert bench.read() == ["half", "next"]


def test_copytruncate_without_loss_when_the_copy_is_found(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n2\n")
    assert bench.read() == ["1", "2"]
    bench.append("app.log", "3\n")
    shutil.copy(log, bench.folder / "app.log.1")
    log.write_text("4\n")
    assert bench.read_by_source() == [("app.log", "3"), ("app.log", "4")]
    assert bench.recorder.of(Kind.TRUNCATED)
    assert bench.read() == []


def test_copytruncate_of_a_file_that_was_named_outright(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start(log)
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    bench.append("app.log", "2\n")
    shutil.copy(log, bench.folder / "app.log-20260101")
    log.write_text("3\n")
    assert bench.read() == ["2", "3"]


def test_copytruncate_seen_between_copy_and_truncation(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    bench.append("app.log", "2\n")
    shutil.copy(log, bench.folder / "app.log.1")
    assert bench.read() == ["2"]
    log.write_text("3\n")
    assert bench.read() == ["3"]
    assert [event.path for event in bench.recorder.of(Kind.COPY)] == [
        str(bench.folder / "app.log.1")
    ] * 2


def test_copytruncate_seen_while_the_copy_is_made(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n2\n3\n")
    assert bench.read() == ["1", "2", "3"]
    bench.append("app.log.1", "1\n2")
    assert bench.read() == []
    bench.append("app.log.1", "\n3\n")
    assert bench.read() == []
    bench.append("app.log", "4\n")
    bench.append("app.log.1", "4\n")
    log.write_text("5\n")
    assert bench.read() == ["4", "5"]


def test_copytruncate_when_the_first_bytes_repeat(bench: Bench) -> None:
    banner = "banner " * 300 + "\n"
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", banner + "1\n")
    assert bench.read() == [banner[:-1], "1"]
    # Refilled beyond the place where we were, with an equal first KiB.
    log.write_text(banner + "2\n3\n4\n")
    assert bench.read() == [banner[:-1], "2", "3", "4"]


def test_copytruncate_refilled_to_the_very_same_length(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    log.write_text("2\n")
    assert bench.read() == ["2"]


def test_copytruncate_hole_left_by_a_writer_that_does_not_append(bench: Bench) -> None:
    log = bench.append("app.log", "")
    with log.open("r+b", buffering=0) as writer:
        bench.start(maximum_line_bytes=100)
        writer.write(b"x" * 300 + b"\n")
        assert bench.read() == ["x" * 100]
        with log.open("r+b") as other:
            other.truncate(0)
        writer.write(b"after\n")
        assert bench.read() == ["after"]


def test_copytruncate_of_a_file_that_was_never_opened_because_it_was_idle(bench: Bench) -> None:
    log = bench.append("app.log", "old\nolder\n")
    bench.clock.advance(3 * 86400)
    bench.start()
    shutil.copy(log, bench.folder / "app.log.1")
    log.write_text("")
    assert bench.read() == []
    bench.append("app.log", "new\n")
    assert bench.read() == ["new"]


def test_copytruncate_twice(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    for number in range(4):
        bench.append("app.log", f"{number}a\n")
        assert bench.read() == [f"{number}a"]
        bench.append("app.log", f"{number}b\n")
        if (bench.folder / "app.log.1").exists():
            (bench.folder / "app.log.1").rename(bench.folder / f"app.log.{number + 1}")
        shutil.copy(log, bench.folder / "app.log.1")
        log.write_text("")
        assert bench.read() == [f"{number}b"]


def test_copytruncate_twice_between_two_looks(bench: Bench) -> None:
    """The first filling is in a copy that nobody has seen: it comes before the second one."""
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "0\n")
    assert bench.read() == ["0"]
    shutil.copy(log, bench.folder / "app.log.1")
    log.write_text("")
    assert bench.read(0.1) == []
    bench.append("app.log", "1\n")
    (bench.folder / "app.log.1").rename(bench.folder / "app.log.2")
    shutil.copy(log, bench.folder / "app.log.1")
    log.write_text("2\n")
    assert bench.read(0.1) == ["1", "2"]


def test_truncated_without_a_copy(bench: Bench) -> None:
    """``> app.log``: what was unread is nowhere; what was held comes, and what is new."""
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n2\nhal")
    assert bench.read() == ["1", "2"]
    bench.append("app.log", "never read\n")
    log.write_text("3\n")
    assert bench.read() == ["hal", "3"]
    log.write_text("")
    assert bench.read() == []
    bench.append("app.log", "4\n")
    assert bench.read() == ["4"]


def test_replaced_by_a_file_that_was_moved_over_it(bench: Bench) -> None:
    """What an editor does when it saves: the lines that were there already come again."""
    bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    bench.append("app.log", "2\n")
    bench.append(".app.log.swp", "1\n2\n3\n").rename(bench.folder / "app.log")
    assert bench.read() == ["2", "1", "2", "3"]


def test_moved_away_and_back(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    away = log.rename(bench.folder / "hidden.conf")
    assert bench.read() == []
    away.rename(log)
    bench.append("app.log", "2\n")
    assert bench.read() == ["2"]


def test_a_change_that_was_seen_and_not_read_before_the_handle_was_closed(bench: Bench) -> None:
    bench.start(maximum_open=1)
    log = bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    bench.append("app.log", "2\n")
    assert bench.follower.lag() == {str(log): 2}
    bench.append("a.log", "other\n")
    bench.clock.advance(1.0)
    assert next(bench.follower.poll()).lines == ["other"]  # which takes the only handle
    assert bench.read() == ["2"]


def test_a_backup_copy_beside_the_log_is_not_read(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n2\n")
    assert bench.read() == ["1", "2"]
    shutil.copy(log, bench.folder / "app.log.old")
    bench.append("app.log", "3\n")
    assert bench.read() == ["3"]


def test_deleted_and_made_again(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    bench.append("app.log", "2\n")
    log.unlink()
    bench.append("app.log", "3\n")
    assert bench.read() == ["2", "3"]
    assert bench.read(120) == []
    assert [event.path for event in bench.recorder.of(Kind.DELETED)] == [str(log)]
    assert len(bench.follower.positions()) == 1


def test_reused_inode_is_another_file(bench: Bench) -> None:
    log = bench.append("app.log", "")
    other = bench.append("other.log", "")
    bench.start(maximum_open=1)
    bench.append("app.log", "1\n2\n")
    assert bench.read() == ["1", "2"]
    bench.append("other.log", "a\n")
    assert bench.read() == ["a"]  # its handle is the one that stays open
    inode = log.stat().st_ino
    log.unlink()
    # Most file systems give the number to the next file; a hard link would not be another file.
    reused = next(
        (
            path
            for path in (bench.append(f"new{number}.log", "") for number in range(50))
            if path.stat().st_ino == inode
        ),
        None,
    )
    if reused is None:
        pytest.skip("this file system does not reuse inodes at once")
    bench.append(reused.name, "3\n4\n5\n")
    assert bench.read_by_source() == [(reused.name, "3"), (reused.name, "4"), (reused.name, "5")]
    assert other.exists()


def test_the_inode_of_an_emptied_file_is_another_file(bench: Bench) -> None:
    """Of a file that was emptied before it vanished nothing is known that could tell it."""
    log = bench.append("app.log", "")
    bench.start(maximum_open=1)
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    inode = log.stat().st_ino
    log.write_text("")
    assert bench.read() == []
    bench.append(".new", "2\n").rename(log)
    assert bench.read() == ["2"]
    bench.append("app.log", "3\n")
    assert bench.read() == ["3"]
    copy = bench.folder / "app.log.1"
    shutil.copy(log, copy)
    if copy.stat().st_ino != inode:
        pytest.skip("this file system does not reuse inodes at once")
    assert bench.read() == []
    log.write_text("4\n")
    assert bench.read() == ["4"]


def test_two_files_with_the_same_first_line_are_two_files(bench: Bench) -> None:
    bench.start()
    first = "same " * 400 + "\n"
    bench.append("a.log", first + "a\n")
    bench.append("b.log", first + "b\n")
    assert bench.read() == [first[:-1], "a", first[:-1], "b"]
    bench.append("b.log", "b2\n")
    bench.append("a.log", "a2\n")
    assert sorted(bench.read_by_source()) == [("a.log", "a2"), ("b.log", "b2")]


def test_a_new_file_begins_like_the_rotated_one(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "banner\n1\n")
    assert bench.read() == ["banner", "1"]
    log.rename(bench.folder / "app.log.1")
    bench.append("app.log", "banner\n")
    assert bench.read() == ["banner"]
    bench.append("app.log", "2\n")
    assert bench.read() == ["2"]


def test_a_compressed_rotation_is_skipped(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    rotated = log.rename(bench.folder / "app.log.1")
    with gzip.open(bench.folder / "app.log.1.gz", "wb") as archive:
        archive.write(rotated.read_bytes())
    rotated.unlink()
    bench.append("app.log", "2\n")
    assert bench.read() == ["2"]
    assert bench.read() == []
    assert [Path(event.path).name for event in bench.recorder.of(Kind.SKIPPED)] == ["app.log.1.gz"]


def test_a_link_to_a_link_whose_target_is_replaced(bench: Bench, tmp_path: Path) -> None:
    """What kubelet does: containers/x.log -> pods/0.log -> docker/json.log."""
    docker, pods = tmp_path / "docker", tmp_path / "pods"
    docker.mkdir()
    pods.mkdir()
    target = docker / "json.log"
    target.write_text("")
    (pods / "0.log").symlink_to(target)
    (bench.folder / "x.log").symlink_to(pods / "0.log")
    bench.start()
    target.write_text("1\n")
    assert bench.read() == ["1"]
    # The runtime rotates the target.
    with target.open("a") as file:
        file.write("2\n")
    target.rename(docker / "json.log.1")
    target.write_text("3\n")
    assert bench.read_by_source() == [("x.log", "2"), ("x.log", "3")]
    # The container starts again: the first link leads elsewhere.
    with target.open("a") as file:
        file.write("4\n")
    second = docker / "second.log"
    second.write_text("5\n")
    (pods / "1.log").symlink_to(second)
    (bench.folder / "x.log").unlink()
    (bench.folder / "x.log").symlink_to(pods / "1.log")
    assert bench.read_by_source() == [("x.log", "4"), ("x.log", "5")]


def test_the_same_file_through_two_names_is_read_once(bench: Bench) -> None:
    log = bench.append("app.log", "")
    (bench.folder / "current.log").symlink_to(log)
    (bench.folder / "hard.log").hardlink_to(log)
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    log.unlink()
    bench.append("hard.log", "2\n")
    assert bench.read() == ["2"]


def test_a_folder_that_appears_later(bench: Bench) -> None:
    folder = bench.folder / "later"
    bench.start(folder, bench.folder / "deep" / "**" / "*.log")
    folder.mkdir()
    bench.append("later/app.log", "1\n")
    (bench.folder / "deep" / "a" / "b").mkdir(parents=True)
    bench.append("deep/a/b/x.log", "2\n")
    assert sorted(bench.read()) == ["1", "2"]


def test_a_folder_that_is_deleted_and_made_again(bench: Bench) -> None:
    folder = bench.folder / "logs"
    folder.mkdir()
    bench.start(folder)
    for number in range(3):
        bench.append("logs/app.log", f"{number}a\n")
        assert bench.read() == [f"{number}a"]
        bench.append("logs/app.log", f"{number}b\n")
        shutil.rmtree(folder)
        assert bench.read() == [f"{number}b"]
        folder.mkdir()


def test_a_link_to_a_folder_that_is_switched(bench: Bench, tmp_path: Path) -> None:
    """What a deployment does: current -> releases/1, then current -> releases/2."""
    for release in ("1", "2"):
        (tmp_path / release).mkdir()
    current = tmp_path / "current"
    current.symlink_to(tmp_path / "1")
    bench.start(current)
    (tmp_path / "1" / "app.log").write_text("1\n")
    assert bench.read() == ["1"]
    with (tmp_path / "1" / "app.log").open("a") as old_release:
        old_release.write("2\n")
        old_release.flush()
        current.unlink()
        current.symlink_to(tmp_path / "2")
        (tmp_path / "2" / "app.log").write_text("3\n")
        assert bench.read() == ["2", "3"]
        old_release.write("4\n")
    assert bench.read() == ["4"]


def test_an_empty_file(bench: Bench) -> None:
    bench.append("app.log", "")
    bench.follow(start="beginning")
    assert bench.read() == []
    assert bench.read(10) == []
    assert bench.follower.lag() == {str(bench.folder / "app.log"): 0}
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]


def test_a_file_that_vanishes_between_listing_and_opening(bench: Bench) -> None:
    bench.start(maximum_open=1)
    bench.append("a.log", "1\n")
    bench.append("b.log", "2\n")
    bench.append("c.log", "3\n")
    bench.clock.advance(1)
    turn = bench.follower.poll()
    lines = next(turn).lines
    for path in bench.folder.iterdir():
        path.unlink()
    lines += [line for batch in turn for line in batch.lines]
    lines += bench.read()
    assert set(lines) <= {"1", "2", "3"}
    assert bench.read() == []


def test_a_file_renamed_between_listing_and_opening_is_read(bench: Bench) -> None:
    bench.start(maximum_open=1)
    bench.append("a.log", "1\n")
    bench.append("b.log", "2\n")
    bench.append("c.log", "3\n")
    bench.clock.advance(1)
    turn = bench.follower.poll()
    lines = next(turn).lines
    for path in sorted(bench.folder.iterdir()):
        path.rename(path.with_name(path.name + ".1"))
    lines += [line for batch in turn for line in batch.lines]
    lines += bench.read(0)
    assert sorted(lines) == ["1", "2", "3"]


def test_a_file_moved_out_of_sight_is_finished(bench: Bench, tmp_path: Path) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    with log.open("a") as writer:
        log.rename(tmp_path / "elsewhere")
        assert bench.read() == []
        writer.write("2\n")
    assert bench.read() == ["2"]
