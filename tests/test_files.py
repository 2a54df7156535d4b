"""Files and folders that are whole or absent."""

import errno
from pathlib import Path

import pytest

from clickwise.errors import InputError
from clickwise.files import new_file, new_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_its_block_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    with new_file(path) as temporary:
        temporary.write_text("new")
        assert not path.exists() and temporary.parent == path.parent
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert names(path.parent) == ["a.txt"]


def test_a_file_stays_as_it_was_when_its_block_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), new_file(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_appears_when_its_block_succeeds(tmp_path: Path) -> None:
    with new_folder(tmp_path / "model") as temporary:
        (temporary / "a").write_text("a")
        assert names(tmp_path) == [temporary.name]
    assert names(tmp_path) == ["model"] and names(tmp_path / "model") == ["a"]
    assert (tmp_path / "model").stat().st_mode & 0o777 == 0o755


def test_an_empty_folder_is_used_and_a_full_one_is_not_touched(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    with new_folder(folder) as temporary:
        (temporary / "a").write_text("a")
    with pytest.raises(InputError, match="exists already"), new_folder(folder):
        pytest.fail("the block must not run")
    assert names(folder) == ["a"]


def test_a_folder_vanishes_when_its_block_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), new_folder(tmp_path / "model") as temporary:
        (temporary / "a").write_text("a")
        raise RuntimeError
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EACCES, "cannot write there"),
        (errno.EROFS, "cannot write there"),
    ],
)
@pytest.mark.parametrize("new", [new_file, new_folder])
def test_a_full_or_forbidden_disk_is_an_input_error(new, number: int, message: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=message) as caught, new(tmp_path / "a"):
        raise OSError(number, "as the system says")
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)
    assert names(tmp_path) == []


def test_a_full_disk_under_another_name_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the disk is full"), new_file(tmp_path / "a"):
        raise RuntimeError("I/O error: No space left on device (os error 28)")
    assert names(tmp_path) == []


def test_a_file_where_a_folder_should_be_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    with pytest.raises(InputError, match="cannot write there"), new_file(tmp_path / "a" / "b"):
        pytest.fail("the block must not run")


def test_other_errors_of_the_system_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), new_file(tmp_path / "a"):
        (tmp_path / "none").read_text()
