"""Downloads: what the user is told when they fail, and that the bar follows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pooch
import pytest

from clickwise.data.sources.download import _ProgressBar, fetch
from clickwise.errors import InputError

URL = "https://files.example.org/sets/tiny.zip"


def retrieve(result: Callable[[Path], None]) -> Callable[..., str]:
    def fake(url: str, known_hash: str, fname: str, path: Path, downloader: Any) -> str:
        assert (url, known_hash, fname) == (URL, "md5:abc", "tiny.zip")
        assert isinstance(downloader, pooch.HTTPDownloader)
        result(path / fname)
        return str(path / fname)

    return fake


def test_file_goes_to_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooch, "retrieve", retrieve(lambda path: path.touch()))
    assert fetch(URL, "abc", tmp_path) == tmp_path / "tiny.zip"


def test_without_a_folder_it_goes_to_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / project)
    monkeypatch.setattr(pooch, "retrieve", retrieve(lambda path: None))
    assert fetch(URL, "abc", None) == tmp_path / "clickwise" / "tiny.zip"


def test_a_file_that_changes_has_no_checksum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(url: str, known_hash: str | None, fname: str, path: Path, downloader: Any) -> str:
        assert known_hash is None
        return str(path / fname)

    monkeypatch.setattr(pooch, "retrieve", fake)
    assert fetch(URL, None, tmp_path) == tmp_path / "tiny.zip"


def test_file_put_there_by_hand_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path)
    monkeypatch.setattr(pooch, "retrieve", None)
    (tmp_path / "tiny.zip").write_text("by hand")
    assert fetch(URL, "abc", None).read_text() == "by hand"


@pytest.mark.parametrize("failure", [ConnectionError("no route\nto host"), ValueError("MD5 hash does not match")])
def test_failure_says_what_to_fetch_by_hand(
    failure: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise failure

    monkeypatch.setattr(pooch, "retrieve", retrieve(fail))
    with pytest.raises(InputError) as error:
        fetch(URL, "abc", tmp_path)
    message = str(error.value)
    assert "\n" not in message
    assert URL in message
    assert f"put it at {tmp_path / 'tiny.zip'}" in message


def test_real_pooch_without_an_answer(tmp_path: Path) -> None:
    """A port where nobody listens: the real client's error becomes the one line, and no file is left."""
    with pytest.raises(InputError, match="fetch it by hand"):
        fetch("http://127.0.0.1:9/tiny.zip", "abc", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_progress_bar_follows_pooch() -> None:
    bar = _ProgressBar("tiny.zip")
    bar.total = 100
    bar.update(60)
    bar.reset()
    bar.update(100)
    bar.close()
    assert bar.total == 100
