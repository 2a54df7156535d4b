"""Prepared folders: round trip, memory maps, and every kind of damage."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clickwise.data.arrays import ArrayWriter
from clickwise.data.prepare import prepare
from clickwise.data.storage import PreparedLog, open_prepared
from clickwise.data.tables import from_frame
from clickwise.errors import InputError
from clickwise.schema import Field, Schema


@pytest.fixture
def log(tmp_path: Path) -> PreparedLog:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"label": rng.integers(0, 2, 200), "who": rng.integers(0, 9, 200), "x": rng.random(200)})
    schema = Schema((Field("who"), Field("x", kind="number")), user="who", keep=("x",))
    return prepare(from_frame(frame, "frame"), schema, "random-per-user", tmp_path / "log")


def test_array_writer_writes_what_numpy_reads(tmp_path: Path) -> None:
    rows = np.arange(12, dtype=np.int32).reshape(6, 2)
    with ArrayWriter(tmp_path / "a.npy", np.int32, (6, 2)) as writer:
        for part in np.array_split(rows, 4):
            writer.write(part)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), rows)


@pytest.mark.parametrize("verify", ["quick", "full"])
def test_round_trip(log: PreparedLog, verify: str) -> None:
    opened = open_prepared(log.folder, verify)  # type: ignore[arg-type]
    assert opened.schema == log.schema
    assert opened.manifest == log.manifest
    assert opened.train.users.equals(log.train.users)
    for name in ("ids", "numbers", "label", "user", "time", "row", "earlier"):
        array = getattr(opened.train, name)
        np.testing.assert_array_equal(array, getattr(log.train, name))
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable
    assert opened.manifest["rows"] == {name: len(getattr(opened, name)) for name in ("train", "valid", "test")}
    assert opened.manifest["users"] == 9
    with pytest.raises(InputError, match="verify must be"):
        open_prepared(log.folder, "slow")  # type: ignore[arg-type]


def edit(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        change(manifest)
        (folder / "manifest.json").write_text(json.dumps(manifest))

    return damage


def flip(folder: Path) -> None:
    content = bytearray((folder / "test" / "ids.npy").read_bytes())
    content[-1] ^= 1
    (folder / "test" / "ids.npy").write_bytes(content)


DAMAGE = [
    (lambda folder: (folder / "manifest.json").unlink(), r"manifest\.json is missing"),
    (
        lambda folder: (folder / "manifest.json").write_text('{"format": '),
        r"manifest\.json: not JSON: .*; prepare the log again",
    ),
    (lambda folder: (folder / "manifest.json").write_text("[]"), "not the manifest of a prepared log"),
    (edit(lambda manifest: manifest.update(version=99)), "version 99; this clickwise reads versions up to 1"),
    (edit(lambda manifest: manifest.pop("rows")), "entries are missing"),
    (lambda folder: (folder / "train" / "label.npy").unlink(), r"label\.npy: damaged: the file is missing"),
    (lambda folder: (folder / "valid" / "time.npy").write_bytes(b"short"), r"time\.npy: damaged: 5 bytes in place of"),
    (lambda folder: (folder / "users.parquet").unlink(), r"users\.parquet: damaged: the file is missing"),
    (flip, r"ids\.npy: damaged: its checksum differs"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGE)
def test_damage_is_one_line(log: PreparedLog, damage: Callable[[Path], None], message: str) -> None:
    damage(log.folder)
    with pytest.raises(InputError, match=message) as caught:
        open_prepared(log.folder)
    assert "\n" not in str(caught.value)
    assert str(log.folder) in str(caught.value)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        open_prepared(tmp_path / "nowhere")
    with pytest.raises(InputError, match="not a prepared log"):
        open_prepared(tmp_path)
