"""Files and folders that are whole or absent."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clickwise.errors import InputError
from clickwise.files import clear_abandoned, new_file, new_folder, write_json


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
        (errno.ENAMETOOLONG, "use a shorter name"),
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


@pytest.mark.parametrize("new", [new_file, new_folder])
def test_a_name_too_long_is_an_input_error(new, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for name in ("a" * 300, "a" * 250, "a" * 243):  # the last two are too long with what a temporary name has around it
        with pytest.raises(InputError, match=r"cannot write there \(File name too long\)"), new(tmp_path / name):
            pytest.fail("the block must not run")
    assert names(tmp_path) == []


def test_json_without_numbers_that_json_lacks(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "é", "value": [1, 0.5, None]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"name": "é", "value": [1, 0.5, None]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", float("nan"))
    assert json.loads((tmp_path / "a.json").read_text())["value"] == [1, 0.5, None]
    assert names(tmp_path) == ["a.json"]


WRITER = """
import sys
from pathlib import Path
from clickwise.files import new_file, new_folder
with {new}(Path(sys.argv[1])) as temporary:
    (temporary / "large" if temporary.is_dir() else temporary).write_text("half")
    print("begun", flush=True)
    sys.stdin.read()
"""


def begun(path: Path, new: str = "new_folder") -> "subprocess.Popen[str]":
    """A process that is in the midst of writing a folder or a file."""
    words = [sys.executable, "-c", WRITER.format(new=new), str(path)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    return process


def killed(process: "subprocess.Popen[str]") -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("new", ["new_file", "new_folder"])
def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(new: str, tmp_path: Path) -> None:
    living, dead = begun(tmp_path / "log-1", new), begun(tmp_path / "log-2", new)
    killed(dead)
    assert len(names(tmp_path)) == 2
    clear_abandoned(tmp_path, "log-*")
    (left,) = names(tmp_path)
    assert left.startswith(".log-1.")
    living.communicate("")
    assert names(tmp_path) == ["log-1"] and living.returncode == 0
    whole = tmp_path / "log-1"
    assert (whole / "large" if new == "new_folder" else whole).read_text() == "half"


def test_writing_a_folder_anew_removes_what_was_left_of_it(tmp_path: Path) -> None:
    killed(begun(tmp_path / "model [1]"))
    (tmp_path / ".model [1].mine").write_text("not ours")
    with new_folder(tmp_path / "model [1]"):
        pass
    assert names(tmp_path) == [".model [1].mine", "model [1]"]


def test_the_first_of_two_writers_wins(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="written by another process meanwhile"), new_folder(tmp_path / "a") as mine:
        (mine / "mine").write_text("late")
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "theirs").write_text("early")
    assert names(tmp_path) == ["a"] and names(tmp_path / "a") == ["theirs"]
