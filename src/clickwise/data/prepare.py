"""Raw table to encoded log on disk: split, fit on the training rows, encode, write, rename into place."""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.data.arrays import save_array
from clickwise.data.columns import needed_columns, read_extra, resolve
from clickwise.data.fitting import fit_encoder
from clickwise.data.parts import write_parts
from clickwise.data.rows import Rows, read_rows
from clickwise.data.splits import PARTS, assign, find_split
from clickwise.data.storage import (
    FORMAT_VERSION,
    MANIFEST,
    PreparedLog,
    open_prepared,
    open_unverified,
    read_manifest,
    write_manifest,
)
from clickwise.data.tables import POLARS_ERRORS, RawTable
from clickwise.errors import InputError, nearest
from clickwise.files import clear_abandoned, is_taken, new_folder
from clickwise.schema import Schema
from clickwise.version import __version__

logger = logging.getLogger(__name__)

IN_MEMORY_BYTES = 1 << 27  # smaller files are parsed into memory, which is faster than through a file on disk


def prepare(
    source: RawTable, schema: Schema, split: str, out: Path, seed: int = 0, fractions: Sequence[float] | None = None
) -> PreparedLog:
    """Encode a raw table into the folder ``out``, which appears only when it is complete.

    Args:
        source: the raw rows.
        schema: what its columns mean.
        split: name of a protocol in ``SPLITS``.
        out: the folder to write; an identical prepared log there is opened, anything else there is an error.
        seed: of the split.
        fractions: shares of train, valid and test; by default those of the split.

    Raises:
        InputError: input that cannot be used, an ``out`` that holds something else, or a disk that is full.
    """
    out = Path(out)
    key = prepared_key(source, schema, split, seed, fractions)
    if not is_taken(out):
        return _prepare(source, schema, split, out, seed, fractions, key)
    if (found := _finished(out, key)) is None:
        raise InputError(f"{out}: exists and holds something else; name a new folder, or move this one away")
    return found


def prepare_cached(
    source: RawTable, schema: Schema, split: str, seed: int, cache: Path, fractions: Sequence[float] | None = None
) -> PreparedLog:
    """As ``prepare``, into a folder of ``cache`` that is named by what the log comes from; a sound one is reused."""
    key = prepared_key(source, schema, split, seed, fractions)
    folder = Path(cache) / f"log-{key[:24]}"
    if folder.exists():
        try:
            return open_prepared(folder)
        except InputError as error:
            logger.warning("%s: the cached log is prepared again (%s)", folder, error)
            shutil.rmtree(folder)
    clear_abandoned(Path(cache), "log-*")
    return _prepare(source, schema, split, folder, seed, fractions, key)


def prepared_key(source: RawTable, schema: Schema, split: str, seed: int, fractions: Sequence[float] | None) -> str:
    """SHA-256 over everything that a prepared log depends on."""
    parts = {
        "source": source.checksum(),
        "schema": schema.to_dict(),
        "split": split,
        "seed": seed,
        "fractions": None if fractions is None else [float(share) for share in fractions],
        "format": FORMAT_VERSION,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _prepare(
    source: RawTable, schema: Schema, split: str, out: Path, seed: int, fractions: Sequence[float] | None, key: str
) -> PreparedLog:
    facts = {"clickwise": __version__, "key": key, "source": source.name, "split": split, "seed": seed}
    try:
        with new_folder(out) as folder:
            work = folder / "work"
            work.mkdir()
            manifest = _build(source, schema, split, seed, fractions, folder, work, facts)
    except InputError:
        if (found := _finished(out, key)) is None:
            raise
        return found  # another process has prepared the same log meanwhile
    return open_unverified(out, manifest)


def _finished(folder: Path, key: str) -> PreparedLog | None:
    """The prepared log in ``folder``, or None where that is not the one of ``key``."""
    if os.path.isfile(folder / MANIFEST) and read_manifest(folder)["key"] == key:
        return open_prepared(folder)
    return None


def _build(
    source: RawTable,
    schema: Schema,
    split: str,
    seed: int,
    fractions: Sequence[float] | None,
    folder: Path,
    work: Path,
    facts: dict[str, Any],
) -> dict[str, Any]:
    find_split(split, users=bool(schema.user))  # before rows are read, which may take long
    schema = resolve(schema, source.columns, source.name)
    for name in schema.keep:
        if name not in source.columns:
            raise InputError(f"{source.name}: no column {name!r}, which 'keep' names{nearest(name, source.columns)}")
    columns = list(dict.fromkeys([*needed_columns(schema), *schema.keep]))
    spool = work / "raw.parquet" if sum(file.stat().st_size for file in source.files) > IN_MEMORY_BYTES else None
    frame = source.load(columns, _cut_columns(schema), spool)
    count = _count(source, frame)
    dtypes = frame.collect_schema()
    text = tuple(name for name in columns if dtypes[name] == pl.String)

    def column(name: str) -> pl.Series:
        try:
            return frame.select(name).collect()[name]
        except POLARS_ERRORS as error:
            raise source.explained(error) from None

    rows = read_rows(column, count, schema, source.name)
    if (rows.label == rows.label[0]).all():
        raise InputError(f"{source.name}: every label is {rows.label[0]}; a model needs rows of more than one class")
    part = assign(split, rows.user, rows.time, seed, fractions)
    _check_classes(split, part, rows)
    fitted = fit_encoder(column, schema, rows, part, work, source.name, text)
    extras = {name: read_extra(column(name), source.name) for name in schema.keep}
    counts = write_parts(folder, fitted, rows, part, extras)
    save_array(folder / "counts.npy", counts)
    fitted.encoder.schema.save(folder / "schema.json")
    fitted.encoder.save(folder / "encoder")
    if rows.users is not None:
        pl.DataFrame({"user": rows.users}).write_parquet(folder / "users.parquet")
    shutil.rmtree(work)
    sizes = np.bincount(part, minlength=len(PARTS)).tolist()
    users = int(rows.user.max()) + 1
    return write_manifest(folder, {**facts, "rows": dict(zip(PARTS, sizes, strict=True)), "users": users})


def _count(source: RawTable, frame: pl.LazyFrame) -> int:
    """Rows of a table, of which there must be some."""
    try:
        count = int(frame.select(pl.len()).collect().item())
    except POLARS_ERRORS as error:
        raise source.explained(error) from None
    if not count:
        raise InputError(f"{source.name}: the table has no rows")
    return count


def _cut_columns(schema: Schema) -> set[str]:
    """Columns of text that is cut at a separator; a list of one number must not be read as that number."""
    return {spec.column for spec in schema.fields if spec.separator and spec.owner != "history"}


def _check_classes(split: str, part: npt.NDArray[np.int8], rows: Rows) -> None:
    for code, name in enumerate(PARTS):
        labels = rows.label[part == code]
        if (labels == labels[0]).all():
            raise InputError(
                f"split {split!r} leaves a single class ({labels[0]}) in the {name} part of {len(labels)} rows; "
                "use more rows, another split, or prepare other fractions"
            )
