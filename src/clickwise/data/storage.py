"""The prepared folder: arrays written in one pass and opened memory-mapped, with a manifest that tells damage."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise import folders
from clickwise.data.arrays import damaged, load_array
from clickwise.data.encoder import Encoder
from clickwise.data.splits import PARTS
from clickwise.documents import check_format, read_document
from clickwise.errors import InputError, one_line
from clickwise.files import fingerprint, fingerprints, is_listing, name_of_file, write_json
from clickwise.schema import Schema

if TYPE_CHECKING:
    from clickwise.data.log import ClickLog

FORMAT = "clickwise-log"
FORMAT_VERSION = 1
MANIFEST = folders.PREPARED
QUICK_BYTES = 1 << 30


@dataclass(frozen=True, eq=False)
class PreparedLog:
    """An encoded log on disk.

    Attributes:
        train, valid, test: its parts, memory-mapped.
        schema: the fitted schema.
        encoder: encodes further raw rows the same way.
        manifest: where the log came from, its rows, and the checksums of its files.
        folder: where it lies.
    """

    train: "ClickLog"
    valid: "ClickLog"
    test: "ClickLog"
    schema: Schema
    encoder: Encoder
    manifest: dict[str, Any]
    folder: Path

    def __iter__(self) -> Iterator["ClickLog"]:
        """``train, valid, test = log``."""
        return iter((self.train, self.valid, self.test))


def extra_path(name: str) -> str:
    """File of a kept column, within a part's folder."""
    return f"extras/{name_of_file(name)}.npy"


def write_manifest(folder: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """Write the manifest, with size and checksum of every file that lies in the folder."""
    listed = fingerprints(folder, besides=[MANIFEST])
    manifest = {"format": FORMAT, "version": FORMAT_VERSION, **values, "files": listed}
    write_json(folder / MANIFEST, manifest)
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a prepared folder; InputError where there is none that this version reads."""
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(f"{folder}: not a prepared log: {MANIFEST} is missing")
    try:
        manifest: dict[str, Any] = read_document(path, "manifest")
    except InputError as error:
        raise InputError(f"{error}; prepare the log again") from None
    check_format(manifest, path, "the manifest of a prepared log", FORMAT, FORMAT_VERSION)
    if not {"key", "rows", "users", "files", "source", "split", "seed"} <= manifest.keys():
        raise damaged(path, "entries are missing")
    rows = manifest["rows"]
    if not isinstance(rows, dict) or set(rows) != set(PARTS) or not all(isinstance(n, int) for n in rows.values()):
        raise damaged(path, "'rows' does not name a number for each part")
    if not is_listing(manifest["files"]):
        raise damaged(path, "'files' does not name size and checksum of each file")
    return manifest


def open_prepared(folder: Path | str, verify: Literal["quick", "full"] = "quick") -> PreparedLog:
    """Open a prepared folder, its arrays memory-mapped read-only.

    Args:
        folder: written by ``prepare``.
        verify: ``quick`` checks all sizes, and all checksums where the folder is under 1 GiB; ``full`` all checksums.

    Raises:
        InputError: the folder is missing, damaged, or of a newer version.
    """
    if verify not in ("quick", "full"):
        raise InputError(f"verify must be 'quick' or 'full', not {verify!r}")
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    manifest = read_manifest(folder)
    _verify(folder, manifest, verify)
    return open_unverified(folder, manifest)


def open_unverified(folder: Path, manifest: dict[str, Any]) -> PreparedLog:
    """Open a folder whose files are known to be sound, for example because this process just wrote them."""
    schema = Schema.load(folder / "schema.json")
    encoder = Encoder.load(folder / "encoder", schema)
    counts = load_array(folder / "counts.npy")
    users = _read_users(folder / "users.parquet") if schema.user else None
    parts = (_open_part(folder / part, schema, counts, users, manifest["rows"][part]) for part in PARTS)
    train, valid, test = parts
    return PreparedLog(train, valid, test, schema, encoder, manifest, folder)


def _read_users(path: Path) -> pl.Series:
    try:
        return pl.read_parquet(path, columns=["user"])["user"]
    except (OSError, pl.exceptions.PolarsError) as error:
        raise damaged(path, one_line(error)) from None


def _open_part(
    folder: Path, schema: Schema, counts: npt.NDArray[np.int64], users: pl.Series | None, rows: int
) -> "ClickLog":
    from clickwise.data.log import ClickLog

    arrays: dict[str, Any] = {name: load_array(folder / f"{name}.npy") for name in ClickLog.ARRAYS}
    extras = {name: load_array(folder / extra_path(name)) for name in schema.keep}
    shapes = {"ids": (rows, schema.width), "numbers": (rows, schema.number_width)}
    for name, array in {**arrays, **extras}.items():
        if array.shape != shapes.get(name, (rows,)):
            raise damaged(folder / f"{name}.npy", f"shape {array.shape}")
    return ClickLog(schema, **arrays, counts=counts, users=users, extras=extras)


def _verify(folder: Path, manifest: dict[str, Any], verify: str) -> None:
    files: dict[str, dict[str, int]] = manifest["files"]
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            raise damaged(path, "the file is missing")
        if (size := path.stat().st_size) != expected["bytes"]:
            raise damaged(path, f"{size} bytes in place of {expected['bytes']}")
    if verify == "full" or sum(expected["bytes"] for expected in files.values()) < QUICK_BYTES:
        for name, expected in files.items():
            if fingerprint(folder / name)["crc32"] != expected["crc32"]:
                raise damaged(folder / name, "its checksum differs")
