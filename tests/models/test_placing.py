"""Files and folders appear whole or not at all."""

import os
from pathlib import Path

import pytest

from models.errors import UserError
from models.placing import check_free, placed_file, placed_folder


def listing(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_folder_appears_when_the_block_ends(tmp_path: Path) -> None:
    with placed_folder(tmp_path / "a" / "new", kind="corpus") as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_text("x")
        assert not (tmp_path / "a" / "new").exists()
    assert (tmp_path / "a" / "new" / "inner" / "file").read_text() == "x"
    assert listing(tmp_path / "a") == {"new"}
    assert (tmp_path / "a" / "new").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "a" / "new" / "inner" / "file").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("error", [RuntimeError, UserError, KeyboardInterrupt])
def test_an_error_leaves_nothing_of_a_folder(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), placed_folder(tmp_path / "new", kind="corpus") as folder:
        (folder / "half").write_text("x")
        raise error
    assert listing(tmp_path) == set()


def test_an_error_leaves_the_old_folder(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / "corpus.json").write_text("precious")
    with pytest.raises(RuntimeError), placed_folder(old, kind="corpus", replace=True) as folder:
        (folder / "half").write_text("x")
        raise RuntimeError
    assert listing(tmp_path) == {"old"}
    assert (old / "corpus.json").read_text() == "precious"


def test_a_full_folder_is_replaced_only_on_demand(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / "corpus.json").write_text("old")
    with pytest.raises(UserError, match=r"not empty.*--force"), placed_folder(old, kind="corpus"):
        pass
    with placed_folder(old, kind="corpus", replace=True, marker="corpus.json") as folder:
        (folder / "corpus.json").write_text("new")
        assert (old / "corpus.json").read_text() == "old"
    assert (old / "corpus.json").read_text() == "new"
    assert listing(tmp_path) == {"old"}


def test_force_does_not_replace_what_is_something_else(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("precious")
    with (
        pytest.raises(UserError, match="no corpus"),
        placed_folder(home, kind="corpus", replace=True, marker="corpus.json"),
    ):
        pass
    assert listing(home) == {"thesis.tex"}


def test_an_empty_folder_is_free_and_a_file_is_not(tmp_path: Path) -> None:
    check_free(tmp_path / "absent", kind="corpus")
    check_free(tmp_path, kind="corpus")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="is a file"):
        check_free(tmp_path / "file", kind="corpus", replace=True)


def test_a_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "figures.json"
    with placed_file(path) as file:
        file.write_text("{}")
        assert not path.exists()
    assert path.read_text() == "{}"
    assert listing(path.parent) == {"figures.json"}


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    path.write_text("old")
    with pytest.raises(RuntimeError), placed_file(path) as file:
        file.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert listing(tmp_path) == {"figures.json"}


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "below", tmp_path / "file" / "deep" / "below"):
        with pytest.raises(UserError, match="cannot be written"), placed_file(path):
            pass
        with pytest.raises(UserError, match="cannot be written"), placed_folder(path, kind="run"):
            pass
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot be written"), placed_file(tmp_path / "folder"):
        pass
    assert listing(tmp_path) == {"file", "folder"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot be written"), placed_file(tmp_path / "x"):
        pass
    tmp_path.chmod(0o700)
