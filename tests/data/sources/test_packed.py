"""The file of a public data set: found plain, found packed, unpacked once, and what is said where it is not there."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from clickwise.data.sources.packed import Official, find_file
from clickwise.errors import InputError

OFFICIAL = Official("shop", ("train.csv", "train.gz"), ("shop*.zip", "shop*.tar.gz"), "download it from the shop")
TEXT = b"a,b\n1,2\n"


def zipped(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return path


def tarred(path: Path, **files: bytes) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"inner/{name.replace('_', '.')}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_a_plain_file_is_taken_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    inner = tmp_path / "shop" / "train.csv"
    inner.write_bytes(TEXT)
    assert find_file(OFFICIAL, tmp_path, None, tmp_path / "cache") == inner
    assert find_file(OFFICIAL, inner, None, tmp_path / "cache") == inner
    zipped(tmp_path / "shop.zip", train_csv=b"of no interest")
    assert find_file(OFFICIAL, tmp_path, None, tmp_path / "cache") == inner
    assert not (tmp_path / "cache").exists()


def test_browsers_unpack_what_they_fetch_and_keep_the_name(tmp_path: Path) -> None:
    (tmp_path / "train.gz").write_bytes(TEXT)
    assert find_file(OFFICIAL, tmp_path, None, tmp_path / "cache") == tmp_path / "train.gz"


@pytest.mark.parametrize("packing", ["gzip", "zip", "gzip in zip", "tar"])
def test_an_archive_is_unpacked_once(packing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if packing == "gzip":
        (tmp_path / "train.gz").write_bytes(gzip.compress(TEXT))
    elif packing == "zip":
        zipped(tmp_path / "shop-1.zip", test_csv=b"x", train_csv=TEXT)
    elif packing == "gzip in zip":
        zipped(tmp_path / "shop-1.zip", test_gz=b"x", train_gz=gzip.compress(TEXT))
    else:
        tarred(tmp_path / "shop-1.tar.gz", readme_txt=b"x", train_csv=TEXT, test_csv=b"y")
    cache = tmp_path / "cache"
    found = find_file(OFFICIAL, tmp_path, None, cache)
    assert found.read_bytes() == TEXT
    assert list(cache.iterdir()) == [found]
    monkeypatch.setattr("clickwise.data.sources.packed.shutil.copyfileobj", None)
    assert find_file(OFFICIAL, tmp_path, None, cache) == found


def test_another_archive_of_the_same_name_is_unpacked_anew(tmp_path: Path) -> None:
    first = find_file(OFFICIAL, zipped(tmp_path / "shop.zip", train_csv=TEXT), None, tmp_path / "cache")
    again = find_file(OFFICIAL, zipped(tmp_path / "shop.zip", train_csv=TEXT * 3), None, tmp_path / "cache")
    assert first != again
    assert (first.read_bytes(), again.read_bytes()) == (TEXT, TEXT * 3)


def test_the_users_cache_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "home" / name)
    found = find_file(OFFICIAL, zipped(tmp_path / "shop.zip", train_csv=TEXT), None, None)
    assert found.parent == tmp_path / "home" / "clickwise" / "unpacked"


def test_what_is_not_there_is_said_with_what_to_download(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"name the folder of its file \(--data-root\); download it from the shop"):
        find_file(OFFICIAL, None, None, None)
    with pytest.raises(InputError, match="nowhere: no such file or folder; download it from the shop"):
        find_file(OFFICIAL, tmp_path / "nowhere", None, None)
    with pytest.raises(InputError, match=r"holds no train.csv; download it from the shop"):
        find_file(OFFICIAL, tmp_path, None, None)


def test_one_of_several_is_chosen_by_name(tmp_path: Path) -> None:
    zipped(tmp_path / "shop-1.zip", train_csv=TEXT)
    zipped(tmp_path / "shop-2.zip", train_csv=TEXT * 2)
    with pytest.raises(InputError, match=r"holds shop-1.zip, shop-2.zip; choose one with the option 'file'"):
        find_file(OFFICIAL, tmp_path, None, tmp_path / "cache")
    with pytest.raises(InputError, match=r"shop-3.zip: no such file for the option 'file'; did you mean 'shop-\d.zip'"):
        find_file(OFFICIAL, tmp_path, "shop-3.zip", tmp_path / "cache")
    assert find_file(OFFICIAL, tmp_path, "shop-2.zip", tmp_path / "cache").read_bytes() == TEXT * 2


@pytest.mark.parametrize("name", ["shop.zip", "shop.tar.gz", "train.gz"])
def test_a_damaged_archive_leaves_nothing_behind(name: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 400
    path = tmp_path / name
    if name == "train.gz":
        path.write_bytes(gzip.compress(content))
    else:
        (zipped if name.endswith("zip") else tarred)(path, train_csv=content)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=rf"{name}: damaged archive \(.*\); download it from the shop") as caught:
        find_file(OFFICIAL, tmp_path, None, tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_archive_of_something_else(tmp_path: Path) -> None:
    for path in (zipped(tmp_path / "shop.zip", test_csv=TEXT), tarred(tmp_path / "shop.tar.gz", test_csv=TEXT)):
        with pytest.raises(InputError, match=rf"{path.name}: holds no train.csv; download it"):
            find_file(OFFICIAL, path, None, tmp_path / "cache")
