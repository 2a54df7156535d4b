"""Whose a folder is."""

import json
from pathlib import Path

import pytest

from clickwise.claims import claimed, require_stamp, stamp
from clickwise.errors import InputError
from clickwise.version import __version__

IDENTITY = {"log": "abc", "epochs": 3}


def write(path: Path, values: object) -> None:
    path.write_text(json.dumps(values), encoding="utf-8")


def test_a_free_folder_is_nobodys(tmp_path: Path) -> None:
    assert claimed(tmp_path / "new" / "plan.json", IDENTITY, False, "job") is None
    (tmp_path / ".plan.json.x1y2.half").write_text("half")  # of a process that was killed
    assert claimed(tmp_path / "plan.json", IDENTITY, False, "job") is None
    assert list(tmp_path.iterdir()) == []


def test_a_job_is_gone_on_with_where_that_is_asked_for_and_it_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    write(path, {**IDENTITY, "more": [1]})
    assert claimed(path, IDENTITY, True, "job") == {**IDENTITY, "more": [1]}
    with pytest.raises(InputError, match="holds a job already; add --resume"):
        claimed(path, IDENTITY, False, "job")
    with pytest.raises(InputError, match="was started with another 'epochs'; resume with the same options"):
        claimed(path, {**IDENTITY, "epochs": 4}, True, "job")


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    for resume in (False, True):
        with pytest.raises(InputError, match="exists and holds something else; name another --out"):
            claimed(tmp_path / "plan.json", IDENTITY, resume, "job")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "\ufeff{"])
@pytest.mark.parametrize("resume", [False, True])
def test_a_damaged_file(text: str, resume: bool, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"plan\.json: (not JSON|damaged)"):
        claimed(tmp_path / "plan.json", IDENTITY, resume, "job")


def test_only_the_version_that_began_goes_on(tmp_path: Path) -> None:
    assert stamp(2) == {"version": 2, "clickwise": __version__}
    require_stamp(tmp_path / "plan.json", {**IDENTITY, **stamp(2)}, stamp(2))
    for found in (IDENTITY, {**IDENTITY, **stamp(1)}, {**stamp(2), "clickwise": "0.0.1"}):
        with pytest.raises(InputError, match="was begun by another version of clickwise"):
            require_stamp(tmp_path / "plan.json", found, stamp(2))
