"""Columns of a raw table as typed arrays: label, user, kept extras, and the values of a field."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.array_types import BoolArray, IntArray
from clickwise.data.times import check_calendar, read_time, time_part
from clickwise.data.vocabulary import by_first_appearance, clean, factorise
from clickwise.errors import InputError, nearest
from clickwise.schema import TIME_TRANSFORMS, Field, Schema


@dataclass(frozen=True)
class Values:
    """Values of a field: one a row, or ``lengths[row]`` of them.

    Attributes:
        flat: Int64 or String, null where missing.
        lengths: ``int64 [rows]``, or None where every row has exactly one value.
    """

    flat: pl.Series
    lengths: IntArray | None = None

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.flat) if self.lengths is None else len(self.lengths)

    def positions(self, rows: IntArray) -> IntArray:
        """Where the values of the given rows stand in ``flat``."""
        if self.lengths is None:
            return rows
        starts = np.cumsum(self.lengths) - self.lengths
        return spread(starts[rows], self.lengths[rows])

    def take(self, rows: IntArray) -> "Values":
        """The values of the given rows, in that order."""
        lengths = None if self.lengths is None else self.lengths[rows]
        return Values(self.flat.gather(self.positions(rows)), lengths)


def spread(starts: IntArray, lengths: IntArray) -> IntArray:
    """``starts[0], starts[0] + 1, ... (lengths[0] of them), starts[1], ...``."""
    ends = np.cumsum(lengths)
    return np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(starts - (ends - lengths), lengths)


def resolve(schema: Schema, columns: tuple[str, ...], origin: str, label: bool = True) -> Schema:
    """The schema with the columns of its time transforms settled; every column it reads is in ``columns``.

    A time transform reads its own column, or else the schema's time column.
    """
    fields = []
    for spec in schema.fields:
        if spec.transform in TIME_TRANSFORMS and spec.column == spec.name and spec.name not in columns and schema.time:
            spec = replace(spec, column=schema.time)
        fields.append(spec)
    schema = replace(schema, fields=tuple(fields))
    for use, column in _uses(schema, label):
        if column not in columns:
            raise InputError(
                f"{origin}: no column {column!r}, which the schema names as {use}{nearest(column, columns)}"
            )
    return schema


def needed_columns(schema: Schema, label: bool = True) -> list[str]:
    """Columns of the raw table that the schema reads, each once; ``keep`` is left to the caller."""
    return list(dict.fromkeys(column for _, column in _uses(schema, label)))


def _uses(schema: Schema, label: bool) -> list[tuple[str, str]]:
    own = [("its label", schema.label)] if label else []
    own += [("its user", schema.user)] if schema.user else []
    own += [("its time", schema.time)] if schema.time else []
    return own + [(f"the column of field {f.name!r}", f.column) for f in schema.fields if f.owner != "history"]


def has_value(values: pl.Series) -> BoolArray:
    """``bool [rows]``: what is neither null nor NaN nor the empty text."""
    known = values.is_not_null()
    if values.dtype == pl.String:
        known &= (values != "").fill_null(False)
    elif values.dtype.is_float():
        known &= values.is_not_nan().fill_null(False)
    return known.to_numpy()


def read_label(values: pl.Series, classes: int, origin: str, wanted: BoolArray | None = None) -> npt.NDArray[np.int32]:
    """``int32 [rows]``; anything but a whole number in ``0 .. classes - 1`` (or a truth value) raises InputError.

    Args:
        values: the column.
        classes: how many there are.
        origin: how errors call the table.
        wanted: ``bool [rows]``, the rows that are read, others being 0; None for all.
    """
    if values.dtype.is_temporal() or values.dtype.is_nested():
        raise InputError(f"{origin}: label column {values.name!r} holds {values.dtype}, not classes")
    if values.dtype == pl.String:
        values = values.replace({"true": "1", "false": "0", "True": "1", "False": "0"}).alias(values.name)
    try:
        numbers = values.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    except pl.exceptions.PolarsError:
        raise InputError(f"{origin}: label column {values.name!r} holds {values.dtype}, not classes") from None
    if wanted is not None:
        numbers = np.where(wanted, numbers, 0)
    bad = ~((numbers >= 0) & (numbers < classes) & (numbers == np.floor(numbers)))
    if bad.any():
        row = int(np.argmax(bad))
        allowed = "0 or 1" if classes == 2 else f"a class 0..{classes - 1}"
        raise InputError(
            f"{origin}: label column {values.name!r}, data row {row + 1}: {values[row]!r} is not {allowed}"
        )
    return numbers.astype(np.int32)


def read_user(values: pl.Series, origin: str, required: bool = True) -> tuple[IntArray, pl.Series]:
    """Dense codes ``int64 [rows]`` in order of first appearance, and the raw value of each code.

    Args:
        values: the column.
        origin: how errors call the table.
        required: raise where a user is missing; else each such row is a user of its own, whose raw value is null.
    """
    cleaned = _comparable(values, origin, f"user column {values.name!r}")
    missing = cleaned.is_null().to_numpy()
    if not missing.any():
        return by_first_appearance(*factorise(cleaned))
    if required:
        raise InputError(
            f"{origin}: user column {values.name!r}, data row {int(np.argmax(missing)) + 1}: the user is missing; "
            "leave such rows out, or give each an id of its own"
        )
    codes, distinct = factorise(cleaned)
    codes = codes.copy()
    codes[missing] = len(distinct) + np.arange(np.count_nonzero(missing), dtype=np.int32)
    nobody = pl.Series(distinct.name, [None] * int(np.count_nonzero(missing)), dtype=distinct.dtype)
    return by_first_appearance(codes, pl.concat([distinct, nobody]))


def _comparable(values: pl.Series, origin: str, what: str) -> pl.Series:
    """``clean``, or the line that says which column holds what has no text."""
    check_calendar(values, origin)
    try:
        return clean(values)
    except pl.exceptions.PolarsError:
        raise InputError(
            f"{origin}: {what} holds {values.dtype} that cannot be read as text; use text, whole numbers or dates"
        ) from None


def read_extra(values: pl.Series, origin: str) -> npt.NDArray[np.float32]:
    """A kept column, ``float32 [rows]``, NaN where missing."""
    if not (values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null)):
        raise InputError(f"{origin}: column {values.name!r} of 'keep' holds {values.dtype}; only numbers are kept")
    return values.cast(pl.Float32).fill_null(np.nan).to_numpy()


def read_values(values: pl.Series, spec: Field, origin: str) -> Values:
    """Cleaned values of a category, bag or sequence field, cut to its length.

    A bag keeps its first ``length`` values and holds one missing value where it has none; a sequence keeps its last
    ``length`` values and may be empty. Missing values inside a list are dropped.
    """
    if spec.transform in TIME_TRANSFORMS:
        return Values(time_part(spec, *read_time(values, origin, required=False)))
    nested = isinstance(values.dtype, pl.List | pl.Array)
    if spec.kind == "category":
        if nested or isinstance(values.dtype, pl.Struct):
            raise InputError(
                f"{origin}: column {spec.column!r} of category field {spec.name!r} holds {values.dtype}; use a bag"
            )
        return Values(_comparable(values, origin, f"column {spec.column!r}"))
    if not nested:
        values = _cut_text(_comparable(values, origin, f"column {spec.column!r}"), spec, origin)
    lists = values.cast(pl.List(values.dtype.inner)) if isinstance(values.dtype, pl.Array) else values
    lengths = lists.list.len().fill_null(0).cast(pl.Int64).to_numpy()
    flat = lists.filter(pl.Series(lengths > 0)).explode(empty_as_null=False, keep_nulls=False)
    flat = _comparable(flat, origin, f"a list of column {spec.column!r}")
    return _cut_lists(flat, lengths, spec)


def _cut_text(values: pl.Series, spec: Field, origin: str) -> pl.Series:
    """Cleaned values as lists of text; a number stands alone in its cell."""
    texts = values.cast(pl.String)
    if spec.separator:
        return texts.str.split(spec.separator)
    if values.dtype == pl.String and (known := texts.drop_nulls()).len():
        raise InputError(
            f"{origin}: column {spec.column!r} of {spec.kind} field {spec.name!r} holds text such as "
            f"{known[0][:40]!r}; name the 'separator' of its values, or make it a category"
        )
    return texts.reshape((-1, 1)).cast(pl.List(pl.String))


def _cut_lists(flat: pl.Series, lengths: IntArray, spec: Field) -> Values:
    rows = len(lengths)
    row = np.repeat(np.arange(rows), lengths)
    known = flat.is_not_null().to_numpy()
    flat, row = flat.filter(pl.Series(known)), row[known]
    lengths = np.bincount(row, minlength=rows).astype(np.int64)
    place = np.arange(len(row)) - (np.cumsum(lengths) - lengths)[row]
    if spec.kind == "sequence":
        keep = place >= (lengths - spec.length)[row]
        return Values(flat.filter(pl.Series(keep)), np.minimum(lengths, spec.length))
    flat, lengths = flat.filter(pl.Series(place < spec.length)), np.minimum(lengths, spec.length)
    filled = np.maximum(lengths, 1)
    positions = spread(np.cumsum(lengths) - lengths, filled)
    empty = np.repeat(lengths == 0, filled)
    padded = pl.concat([flat, pl.Series(flat.name, [None], dtype=flat.dtype)])  # the last one stands in for 'missing'
    return Values(padded.gather(np.where(empty, len(flat), positions)), filled)
