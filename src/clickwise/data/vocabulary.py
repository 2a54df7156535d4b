"""Values to ids: ``factorise`` a column, fit a ``Vocabulary`` on training counts, look values up.

Local ids are counted within one vocabulary and from 1, so that 0 stays padding: 1 unknown, 2 missing, 3 ... values.
Adding the vocabulary's offset minus 1 turns them into ids of the log.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from clickwise.array_types import CodeArray, IntArray
from clickwise.errors import InputError
from clickwise.schema import RESERVED

UNKNOWN, MISSING, FIRST_VALUE = 1, 2, 1 + RESERVED

TOO_WIDE = (pl.UInt64, pl.Int128, pl.UInt128)  # whole numbers that may not fit Int64 are compared as text


def clean(values: pl.Series) -> pl.Series:
    """Values as vocabularies compare them: Int64 where all are whole numbers, else String; null where missing.

    NaN and the empty text are missing. Truth values become ``"true"`` and ``"false"``.
    """
    if values.dtype == pl.Null:
        return values.cast(pl.Int64)
    if values.dtype.is_integer():
        return values.cast(pl.String if values.dtype in TOO_WIDE else pl.Int64)
    if values.dtype.is_float():
        return _clean_floats(values.cast(pl.Float64).fill_nan(None))
    texts = values.cast(pl.String)
    return texts.replace("", None) if (texts == "").any() else texts


def _clean_floats(values: pl.Series) -> pl.Series:
    whole = (values == values.floor()) & (values.abs() < 2**53)
    if whole.all():
        return values.cast(pl.Int64)
    as_whole = values.cast(pl.Int64, strict=False).cast(pl.String)
    return values.cast(pl.String).zip_with(~whole.fill_null(False), as_whole)


def as_text(values: pl.Series) -> pl.Series:
    """Cleaned values, as text."""
    return values.cast(pl.String)


def factorise(values: pl.Series) -> tuple[CodeArray, pl.Series]:
    """CodeArray and distinct values of a cleaned column.

    Returns:
        ``int32 [rows]``, positions in the second result; a missing value gets the code ``len(distinct)``.
        The distinct values, none of them null, in no promised order.
    """
    if values.dtype == pl.Int64 and values.null_count() < len(values):
        low, high = int(values.min()), int(values.max())  # type: ignore[arg-type]
        if high - low < 2 * len(values):
            return _factorise_range(values, low, high)
    if values.dtype == pl.String:
        categories = values.cast(pl.Categorical(pl.Categories.random()))  # fresh ones, numbered from 0 without gaps
        known = categories.drop_nulls().unique()
        distinct = known.cast(pl.String).gather(known.to_physical().arg_sort())
        codes = categories.to_physical()
    else:
        distinct = values.drop_nulls().unique()
        table = pl.DataFrame({"value": distinct, "code": np.arange(len(distinct), dtype=np.int32)})
        codes = values.to_frame("value").join(table, on="value", how="left", maintain_order="left")["code"]
    return codes.cast(pl.Int32).fill_null(len(distinct)).to_numpy(), distinct


def _factorise_range(values: pl.Series, low: int, high: int) -> tuple[CodeArray, pl.Series]:
    """Whole numbers in a narrow range need no hash table; the minimum, which stands in for nulls, does occur."""
    shifted = values.fill_null(low).to_numpy() - low
    seen = np.zeros(high - low + 1, dtype=bool)
    seen[shifted] = True
    codes = (np.cumsum(seen, dtype=np.int32) - 1)[shifted]
    distinct = pl.Series(np.flatnonzero(seen) + low, dtype=pl.Int64)
    if values.null_count():
        codes[values.is_null().to_numpy()] = len(distinct)
    return codes, distinct


def by_first_appearance(codes: CodeArray, distinct: pl.Series) -> tuple[IntArray, pl.Series]:
    """The same factorisation with codes in order of first appearance, as ``int64``; no value is missing."""
    first = np.empty(len(distinct), dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # of equal codes the last assignment, the first row, stays
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[codes], distinct.gather(order)


@dataclass(frozen=True)
class Vocabulary:
    """Values that have an id of their own, in id order, and how often training rows hold each.

    Attributes:
        values: distinct, Int64 or String.
        counts: ``int64 [values]``.
    """

    values: pl.Series
    counts: IntArray

    @property
    def size(self) -> int:
        """Ids, the unknown and the missing one included."""
        return RESERVED + len(self.values)

    def lookup(self, distinct: pl.Series) -> CodeArray:
        """Local id of each distinct value, and last the missing id: index it with the codes of ``factorise``."""
        wanted = match_type(distinct, self.values.dtype)
        table = pl.DataFrame(
            {"value": self.values, "id": np.arange(FIRST_VALUE, FIRST_VALUE + len(self.values), dtype=np.int32)}
        )
        found = wanted.to_frame("value").join(table, on="value", how="left", maintain_order="left")["id"]
        return np.append(found.fill_null(UNKNOWN).to_numpy(), np.int32(MISSING)).astype(np.int32)

    def encode(self, values: pl.Series) -> CodeArray:
        """Local ids of a cleaned column, ``int32 [rows]``."""
        codes, distinct = factorise(values)
        return self.lookup(distinct)[codes]

    def save(self, path: Path) -> None:
        """Write ``value`` and ``count`` in id order as Parquet."""
        pl.DataFrame({"value": self.values, "count": self.counts}).write_parquet(path)

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """The reverse of ``save``."""
        try:
            table = pl.read_parquet(path, columns=["value", "count"])
        except (OSError, pl.exceptions.PolarsError) as error:
            raise InputError(f"{path}: cannot read the vocabulary: {' '.join(str(error).split())[:200]}") from None
        return cls(table["value"], table["count"].to_numpy())


def fit_vocabulary(distinct: pl.Series, counts: IntArray, min_count: int) -> tuple[Vocabulary, CodeArray]:
    """The values counted at least ``min_count`` times, most frequent first, ties by value; and the local ids of all.

    Args:
        distinct: as ``factorise`` gives them.
        counts: ``int64 [distinct]``, how often training rows hold each.
        min_count: values counted less often, and values never counted, become the unknown id.

    Returns:
        The vocabulary, and what its ``lookup`` would say of ``distinct``.
    """
    kept = np.flatnonzero(counts >= max(min_count, 1))
    table = pl.DataFrame({"value": distinct.gather(kept), "count": counts[kept], "code": kept})
    table = table.sort("count", "value", descending=[True, False])
    local = np.full(len(distinct) + 1, UNKNOWN, dtype=np.int32)
    local[table["code"].to_numpy()] = np.arange(FIRST_VALUE, FIRST_VALUE + len(table), dtype=np.int32)
    local[-1] = MISSING
    return Vocabulary(table["value"], table["count"].to_numpy()), local


def match_type(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Values in a vocabulary's type; what has no such form becomes null, so unknown (``"07"`` is not the number 7)."""
    if values.dtype == dtype:
        return values
    numbers = values.cast(dtype, strict=False)
    if dtype != pl.Int64:
        return numbers
    return numbers.zip_with(numbers.cast(pl.String) == values, pl.Series([None], dtype=pl.Int64))


def globalise(local: CodeArray, offset: int) -> CodeArray:
    """Ids of the log for local ids of the vocabulary that starts at ``offset``; padding stays padding."""
    return np.where(local > 0, local + np.int32(offset - 1), np.int32(0)).astype(np.int32, copy=False)
