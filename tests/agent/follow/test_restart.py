"""Going on from saved positions: after a stop, after a kill, after what happened in between."""

import os
import shutil

from agent.follow import Kind
from tests.agent.follow.harness import Bench


def test_goes_on_where_it_was(bench: Bench) -> None:
    bench.start()
    bench.append("app.log", "1\n2\n")
    assert bench.read() == ["1", "2"]
    bench.append("app.log", "3\n")
    bench.restart()
    assert bench.read() == ["3"]
    assert bench.recorder.of(Kind.RESUMED)


def test_a_kill_reads_again_what_was_not_saved(bench: Bench) -> None:
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    saved = bench.follower.positions()
    bench.append("app.log", "2\n")
    assert bench.read() == ["2"]
    bench.append("app.log", "3\n")
    bench.restart(positions=saved)
    assert bench.read() == ["2", "3"]


def test_positions_cover_only_what_was_handed_out(bench: Bench) -> None:
    bench.start(bytes_per_turn=4)
    bench.append("app.log", "1\n2\n3\n4\n")
    bench.append("b.log", "a\nb\n")
    bench.clock.advance(1)
    turn = bench.follower.poll()
    assert {position.offset for position in bench.follower.positions()} <= {0}
    assert next(turn).lines == ["1", "2"]
    saved = bench.follower.positions()
    bench.restart(positions=saved)
    assert sorted(bench.read()) == ["3", "4", "a", "b"]


def test_rotated_while_it_was_down(bench: Bench) -> None:
    log = bench.append("app.log", "")
    for paths in ((bench.folder,), (log,)):
        bench.start(*paths)
        bench.append("app.log", "1\n")
        assert bench.read() == ["1"]
        bench.append("app.log", "2\n")
        log.rename(bench.folder / "app.log.1")
        bench.append("app.log", "3\n")
        bench.restart(*paths)
        assert bench.read_by_source() == [("app.log", "2"), ("app.log", "3")]
        # Once more: the rotated file is not among the selected ones, if one was named outright.
        bench.append("app.log.1", "4\n")
        bench.restart(*paths)
        assert bench.read_by_source() == [("app.log", "4")]


def test_rotated_sibling_known_by_its_bytes(bench: Bench) -> None:
    """Copied to another inode, as by a backup or a move between file systems."""
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    bench.append("app.log", "2\n")
    bench.follower.close()
    shutil.copy(log, bench.folder / "app.log.1")
    log.unlink()
    (bench.folder / "takes the inode").write_text("")
    bench.append("app.log", "3\n")
    bench.restart()
    assert bench.read() == ["2", "3"]


def test_copytruncate_while_it_was_down(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    bench.append("app.log", "2\n")
    saved = bench.follower.positions()
    shutil.copy(log, bench.folder / "app.log.1")
    log.write_text("3\n4\n5\n")
    bench.restart(positions=saved)
    assert bench.read() == ["2", "3", "4", "5"]


def test_copytruncate_while_it_was_down_between_copy_and_truncation(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    shutil.copy(log, bench.folder / "app.log.1")
    assert bench.read() == []
    bench.restart()
    assert bench.read() == []
    bench.append("app.log", "2\n")
    bench.append("app.log.1", "2\n")
    log.write_text("3\n")
    assert bench.read() == ["2", "3"]


def test_rotated_again_while_it_looks_for_its_files(bench: Bench) -> None:
    """A name that was listed is another file's by the time it is opened."""
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    (bench.folder / "app.log").rename(bench.folder / "app.log.1")
    bench.append("app.log", "2\n")
    assert bench.read() == ["2"]
    bench.append("app.log", "3\n")
    saved = bench.follower.positions()

    def rotate() -> None:
        (bench.folder / "app.log.1").rename(bench.folder / "app.log.2")
        (bench.folder / "app.log").rename(bench.folder / "app.log.1")
        bench.append("app.log", "4\n")

    bench.at_the_next_listing(rotate)
    bench.restart(positions=saved)
    assert bench.read() == ["3", "4"]


def test_a_copy_is_renamed_while_it_looks_for_its_files(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    shutil.copy(log, bench.folder / "app.log.1")
    assert bench.read() == []
    saved = bench.follower.positions()
    (bench.folder / "app.log.1").touch()
    bench.at_the_next_listing(
        lambda: (bench.folder / "app.log.1").rename(bench.folder / "app.log.2")
    )
    bench.restart(positions=saved)
    assert bench.read() == []
    bench.append("app.log", "2\n")
    assert bench.read() == ["2"]


def test_a_file_of_the_same_inode_and_size_that_is_old_is_opened(bench: Bench) -> None:
    """Idle files are not opened at the start, but only those that nobody touched since."""
    log = bench.append("app.log", "1\n")
    bench.follow(start="beginning")
    assert bench.read() == ["1"]
    log.write_text("2\n")
    old = bench.clock.wall() - 5 * 86400
    os.utime(log, (old, old))
    bench.restart()
    assert bench.read() == ["2"]


def test_truncated_while_it_was_down(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n2\n")
    assert bench.read() == ["1", "2"]
    log.write_text("3\n")
    bench.restart()
    assert bench.read() == ["3"]


def test_deleted_and_made_again_while_it_was_down(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    log.unlink()
    bench.append("app.log", "2\n3\n")
    bench.restart()
    assert bench.read() == ["2", "3"]


def test_inode_reused_by_another_log_while_it_was_down(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "the same banner\n")
    assert bench.read() == ["the same banner"]
    saved = bench.follower.positions()
    bench.stop()
    log.unlink()
    bench.append("db.log", "the same banner\n1\n")
    bench.follow(positions=saved, first_run=False)
    assert bench.read_by_source() == [("db.log", "the same banner"), ("db.log", "1")]


def test_a_file_system_that_is_mounted_later(bench: Bench) -> None:
    home = bench.folder / "mount"
    home.mkdir()
    bench.start(home)
    bench.append("mount/app.log", "1\n")
    assert bench.read() == ["1"]
    away = home.rename(bench.folder / "unmounted")
    bench.restart(home)
    assert bench.read(60) == []
    bench.restart(home)
    assert bench.read() == []
    away.rename(home)
    bench.append("mount/app.log", "2\n")
    assert bench.read() == ["2"]


def test_positions_of_files_that_never_return_are_dropped(bench: Bench) -> None:
    log = bench.append("app.log", "")
    bench.start()
    bench.append("app.log", "1\n")
    assert bench.read() == ["1"]
    log.unlink()
    bench.restart()
    assert bench.read() == []
    assert len(bench.follower.positions()) == 1
    bench.clock.advance(8 * 86400)
    bench.restart()
    assert bench.read() == []
    assert bench.follower.positions() == []


def test_the_clock_jumps(bench: Bench) -> None:
    bench.start()
    for number, jump in enumerate((400 * 86400.0, -900 * 86400.0, 500 * 86400.0)):
        bench.append("app.log", f"{number}\n")
        assert bench.read() == [str(number)]
        bench.clock.jump(jump)
        bench.restart()
        assert bench.read() == []


def test_positions_stay_the_same_objects_while_nothing_changes(bench: Bench) -> None:
    bench.start()
    bench.append("app.log", "1\n")
    bench.append("b.log", "1\n")
    assert bench.read() == ["1", "1"]
    before = {position.path: position for position in bench.follower.positions()}
    bench.append("b.log", "2\n")
    assert bench.read() == ["2"]
    after = {position.path: position for position in bench.follower.positions()}
    assert after[str(bench.folder / "app.log")] is before[str(bench.folder / "app.log")]
    assert after[str(bench.folder / "b.log")].offset == 4


def test_a_file_idle_for_a_day_is_not_opened_until_it_changes(bench: Bench) -> None:
    idle = bench.append("idle.log", "old\n")
    os.utime(idle, (bench.clock.wall() - 2 * 86400,) * 2)
    bench.append("busy.log", "old\n")
    bench.start()
    assert [event.path for event in bench.recorder.of(Kind.OPENED)] == [
        str(bench.folder / "busy.log")
    ]
    bench.restart()
    assert bench.read() == []
    bench.append("idle.log", "new\n")
    assert bench.read() == ["new"]
