"""Columns of a raw table: sane ones, and those that somebody's export has one day."""

import datetime
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import polars as pl

from clickwise.schema import Field, Schema

Maker = Callable[[np.random.Generator, int], pl.Series]

SCHEMA = Schema(
    (
        Field("visitor", owner="user"),
        Field("article", owner="item"),
        Field("price", owner="item", kind="number"),
        Field("amount", kind="number", transform="quantile", buckets=4),
        Field("squared", kind="number", transform="log_square", column="amount"),
        Field("tags", owner="item", kind="bag", length=2, separator="|"),
        Field("hour", transform="hour", column="seen_at"),
        Field("clicked", owner="history", kind="sequence", of="article", vocabulary="article", length=3),
        Field("tagged", owner="history", kind="bag", of="tags", length=2),
        Field("answers", owner="history", kind="sequence", of="tapped", events="all", length=2),
    ),
    label="tapped",
    user="visitor",
    time="seen_at",
    item="article",
    keep=("extra",),
)

SANE: dict[str, Maker] = {
    "visitor": lambda rng, rows: pl.Series(rng.integers(0, 7, rows)).cast(pl.String),
    "article": lambda rng, rows: pl.Series(rng.integers(0, 5, rows)),
    "price": lambda rng, rows: pl.Series(rng.lognormal(2, 1, rows)),
    "amount": lambda rng, rows: pl.Series(rng.normal(size=rows)),
    "tags": lambda rng, rows: picked(rng, rows, ["a", "a|b", "", None]),
    "seen_at": lambda rng, rows: pl.Series(rng.integers(0, 10**6, rows)),
    "tapped": lambda rng, rows: pl.Series(rng.integers(0, 2, rows)),
    "extra": lambda rng, rows: pl.Series(rng.random(rows)),
}


def picked(rng: np.random.Generator, rows: int, values: list[object], dtype: pl.DataType | None = None) -> pl.Series:
    """Some of ``values``, a row each."""
    return pl.Series([values[int(place)] for place in rng.integers(0, len(values), rows)], dtype=dtype, strict=False)


def _of(*values: object, dtype: pl.DataType | type[pl.DataType] | None = None) -> Maker:
    return lambda rng, rows: picked(rng, rows, list(values), dtype)  # type: ignore[arg-type]


DAY = datetime.date(2024, 2, 29)
NOON = datetime.datetime(2024, 2, 29, 12)
FLAT: dict[str, Maker] = {  # what a CSV file can hold too
    "nulls here and there": _of(1, 0, None),
    "null everywhere": _of(None),
    "one value": _of(1),
    "0 and 1": _of(0, 1),
    "classes out of range": _of(0, 1, 2),
    "truth values": _of(True, False),
    "text": _of("a", "b", "c|d"),
    "emoji and empty text": _of("😀", "👩‍👩‍👧", "", "\u202e", " ", "|"),
    "quotes and line ends": _of('say "x"', "a\nb", "a,b", "'", "\t"),
    "numbers as text": _of("1", "0", "01", "1e3", "+1"),
    "words of missing": _of("NaN", "null", "None", "inf", "-"),
    "beyond int32": _of(2**31, 2**40, 5, -(2**33)),
    "ends of int64": _of(2**63 - 1, -(2**63), 0),
    "beyond int64 as text": _of(str(2**63), str(2**64 + 1), str(10**30)),
    "whole floats": _of(0.0, 1.0, 2.0**60),
    "negative": _of(-1, -5, 10**15),
    "not finite": _of(float("nan"), float("inf"), -float("inf"), 1.0),
    "NaN everywhere": _of(float("nan")),
    "largest floats": _of(1.7e308, -1.7e308),
    "larger than 32 bits hold": _of(1e39, 0.0),
    "largest of 32 bits": _of(3e38, -3e38),
    "smallest floats": _of(5e-324, 0.0),
    "one fraction": _of(0.1),
    "dates": _of(DAY, datetime.date(1, 1, 1), datetime.date(9999, 12, 31)),
    "times": _of(NOON, datetime.datetime(1969, 7, 20, 20, 17), None),
    "times as text": _of("2024-02-29T12:00:00Z", "2024-02-29 12:00:00+02:00", "1066-10-14"),
    "no times as text": _of("2024-02-30", "25:00", "yesterday"),
}
TYPED: dict[str, Maker] = {
    "int8": _of(0, 1, dtype=pl.Int8),
    "uint64": _of(2**64 - 1, 0, dtype=pl.UInt64),
    "int128": _of(2**100, 0, dtype=pl.Int128),
    "float32": _of(0.0, 1.0, None, dtype=pl.Float32),
    "decimal": _of(Decimal("0.5"), Decimal(1)),
    "categorical": _of("1", "0", dtype=pl.Categorical()),
    "enum": _of("1", "0", dtype=pl.Enum(["1", "0"])),
    "binary": _of(b"ab", b"\xff\xfe"),
    "duration": _of(datetime.timedelta(1)),
    "time of day": _of(datetime.time(12)),
    "with a zone": lambda rng, rows: picked(rng, rows, [NOON]).dt.replace_time_zone("Europe/Paris"),
    "times beyond the calendar": lambda rng, rows: picked(rng, rows, [2**62, -(2**62)]).cast(pl.Datetime("ms")),
    "days beyond the calendar": lambda rng, rows: picked(rng, rows, [2**30, -(2**30)]).cast(pl.Int32).cast(pl.Date),
    "lists": _of([1, 2, 3], [], None, [None]),
    "lists of text": _of(["a", "😀"], ["", "a"]),
    "lists of lists": _of([[1]], [[2], []]),
    "lists of nothing": _of([None], []),
    "lists of bytes": _of([b"\xff"]),
    "arrays": _of([1, 2], dtype=pl.Array(pl.Int64, 2)),
    "records": _of({"a": 1}, {"a": None}),
}
