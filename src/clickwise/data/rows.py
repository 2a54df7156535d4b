"""What every row has besides its fields: label, user and time."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.array_types import IntArray
from clickwise.data.columns import Values, read_label, read_user, read_values
from clickwise.data.numbers import NumberStatistics, bucket, read_number
from clickwise.data.times import read_time
from clickwise.schema import Field, Schema

Column = Callable[[str], pl.Series]  # reads a column of the raw table by its name


@dataclass(frozen=True)
class Rows:
    """All rows of a raw table, in file order.

    Attributes:
        label: ``int32 [rows]``; zeros where the table has no label.
        user: ``int64 [rows]``, dense codes in order of first appearance; the row itself where there is no user column.
        users: raw value of each code, or None.
        time: ``int64 [rows]``, Unix seconds; the position of the row where there is no time column.
    """

    label: npt.NDArray[np.int32]
    user: IntArray
    users: pl.Series | None
    time: IntArray

    def __len__(self) -> int:
        return len(self.user)

    def events(self, schema: Schema, kind: str) -> IntArray:
        """Rows that histories of such events collect, in file order: ``clicks`` by their label, or ``all``."""
        return np.flatnonzero(self.label >= schema.click_from) if kind == "clicks" else np.arange(len(self))

    def labels(self, chosen: IntArray) -> Values:
        """The labels of some rows, as values that a history collects."""
        return Values(pl.Series(self.label[chosen], dtype=pl.Int64))


def read_rows(column: Column, count: int, schema: Schema, origin: str, labelled: bool = True, first: int = 0) -> Rows:
    """Label, user and time of ``count`` rows; ``first`` is the time of the first where rows stand in for time."""
    label = read_label(column(schema.label), schema.classes, origin) if labelled else np.zeros(count, dtype=np.int32)
    user, users = read_user(column(schema.user), origin) if schema.user else (np.arange(count), None)
    time = read_time(column(schema.time), origin)[0] if schema.time else np.arange(first, first + count)
    return Rows(label, user, users, time)


def field_values(column: Column, spec: Field, statistics: NumberStatistics | None, origin: str) -> Values:
    """Values of an id field that is no history; a bucketed number needs its statistics."""
    values = column(spec.column)
    if statistics is None:
        return read_values(values, spec, origin)
    return Values(bucket(spec, read_number(values, origin), statistics))
