"""From what a user names (a source, a file, a prepared folder) to an encoded log."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from clickwise.data.prepare import prepare, prepare_cached
from clickwise.data.sources import SOURCES, open_table
from clickwise.data.storage import MANIFEST, PreparedLog, open_prepared
from clickwise.data.tables import RawTable, read_table, table_of
from clickwise.errors import InputError, nearest
from clickwise.files import user_cache
from clickwise.folders import refuse_as_table
from clickwise.schema import Schema

SPLIT = "chronological"
PREPARED = "prepared"  # folder of the user's cache in which prepared logs are kept


def load(
    name: str,
    root: Path | str | None = None,
    *,
    split: str = SPLIT,
    seed: int = 0,
    fractions: Sequence[float] | None = None,
    cache: Path | None = None,
    **options: Any,
) -> PreparedLog:
    """An encoded log of a named source; ``train, valid, test = load(...)`` unpacks its parts.

    Args:
        name: a name in ``clickwise.data.sources.SOURCES``.
        root: folder that holds the official files, or receives the download; None for the user's cache.
        split: a name in ``clickwise.data.splits.SPLITS``.
        seed: of the split.
        fractions: shares of train, valid and test, which add up to 1; None for those of the split.
        cache: where prepared logs are kept; None for the user's cache.
        options: the source's own, for example ``label="stars"`` for MovieLens.

    Raises:
        InputError: an unknown name or option, or files that cannot be had or read.
    """
    table, schema = open_table(name, None if root is None else Path(root), **options)
    return prepare_cached(table, schema, split, seed, cache or user_cache(PREPARED), fractions)


def read_log(
    source: pl.DataFrame | Path | str,
    schema: Schema | Path | str,
    *,
    split: str = SPLIT,
    seed: int = 0,
    fractions: Sequence[float] | None = None,
    cache: Path | None = None,
) -> PreparedLog:
    """An encoded log of one's own table: CSV, TSV, Parquet or JSON lines, a folder of such files, or a frame.

    Args:
        source: the file or folder, or the rows as a frame of Polars (``polars.from_pandas`` makes one).
        schema: what its columns mean, or the YAML or JSON file that says so.
        split: a name in ``clickwise.data.splits.SPLITS``.
        seed: of the split.
        fractions: shares of train, valid and test, which add up to 1; None for those of the split.
        cache: where prepared logs are kept; None for the user's cache.

    Raises:
        InputError: a file, column, row or value that cannot be used.
    """
    if not isinstance(schema, Schema):
        schema = Schema.load(Path(schema))
    return prepare_cached(table_of(source), schema, split, seed, cache or user_cache(PREPARED), fractions)


def raw_table(source: str, schema: Path | None, root: Path | None, options: dict[str, Any]) -> tuple[RawTable, Schema]:
    """The raw table and schema behind the SOURCE argument of a command: a named source or a path with ``--schema``."""
    if source in SOURCES:
        if schema is not None:
            raise InputError(f"--schema: the source {source!r} brings its own schema")
        return open_table(source, root, **options)
    if not os.path.exists(source):  # also where the name is too long
        raise InputError(f"{source}: no such file, folder or named source{nearest(source, SOURCES)}")
    _refuse(f"{source}: is a file or folder of yours and no named source; leave out", {"--data-root": root}, options)
    if schema is None:
        refuse_as_table(Path(source))  # before advice that holds for raw files
        raise InputError(
            f"{source}: say what its columns mean with --schema FILE; `clickwise infer {source}` writes a first one"
        )
    return read_table(source), Schema.load(schema)


def _refuse(why: str, given: Mapping[str, object], options: Mapping[str, object]) -> None:
    """Raise for what a log does not read; options of a source are given by ``--set``, or by an option of their name."""
    if useless := [option for option, value in given.items() if value is not None] + [f"source.{o}" for o in options]:
        raise InputError(f"{why} {' and '.join(useless)}")


def open_source(
    source: str,
    schema: Path | None = None,
    root: Path | None = None,
    split: str | None = None,
    split_seed: int | None = None,
    cache: Path | None = None,
    options: dict[str, Any] | None = None,
) -> PreparedLog:
    """The encoded log behind the SOURCE argument of a command; a prepared folder is opened as it is."""
    if os.path.isfile(Path(source) / MANIFEST):
        given = {"--split": split, "--split-seed": split_seed, "--schema": schema, "--data-root": root}
        _refuse(f"{source}: is prepared already, with its own split and schema; leave out", given, options or {})
        return open_prepared(source)
    table, found = raw_table(source, schema, root, options or {})
    return prepare_cached(table, found, split or SPLIT, split_seed or 0, cache or user_cache(PREPARED))


def prepare_source(
    source: str,
    out: Path,
    schema: Path | None = None,
    root: Path | None = None,
    split: str | None = None,
    split_seed: int = 0,
    fractions: Sequence[float] | None = None,
    options: dict[str, Any] | None = None,
) -> PreparedLog:
    """Write the encoded log behind SOURCE into the folder ``out``."""
    table, found = raw_table(source, schema, root, options or {})
    return prepare(table, found, split or SPLIT, out, split_seed, fractions)
