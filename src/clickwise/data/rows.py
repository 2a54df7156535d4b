"""What every row has besides its fields: label, user and time."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.array_types import BoolArray, IntArray
from clickwise.data.columns import Values, has_value, read_label, read_user, read_values
from clickwise.data.numbers import NumberStatistics, bucket, read_number
from clickwise.data.times import read_time
from clickwise.schema import Field, Schema

Column = Callable[[str], pl.Series]  # reads a column of the raw table by its name


@dataclass(frozen=True)
class Rows:
    """All rows of a raw table, in file order.

    Attributes:
        label: ``int32 [rows]``; zeros where there is no label.
        user: ``int64 [rows]``, dense codes in order of first appearance; the row itself where there is no user column.
        users: raw value of each code, null for one that is missing; or None.
        time: ``int64 [rows]``, Unix seconds; the position of the row where there is no time column.
        labelled: ``bool [rows]``, which rows have a label; None where all have.
    """

    label: npt.NDArray[np.int32]
    user: IntArray
    users: pl.Series | None
    time: IntArray
    labelled: BoolArray | None = None

    def __len__(self) -> int:
        return len(self.user)

    def events(self, schema: Schema, kind: str) -> IntArray:
        """Rows that histories of such events collect, in file order: ``clicks`` by their label, or ``all``.

        Rows without a label are no events, of any kind: what came of them is not known.
        """
        if kind == "clicks":
            return np.flatnonzero(self.label >= schema.click_from)
        return np.arange(len(self)) if self.labelled is None else np.flatnonzero(self.labelled)

    def labels(self, chosen: IntArray) -> Values:
        """The labels of some rows, as values that a history collects."""
        return Values(pl.Series(self.label[chosen], dtype=pl.Int64))


def read_rows(
    column: Column,
    count: int,
    schema: Schema,
    origin: str,
    labelled: bool = True,
    first: int = 0,
    complete: bool = True,
) -> Rows:
    """Label, user and time of some rows.

    Args:
        column: reads a column by its name.
        count: of the rows.
        schema: of the log.
        origin: how errors call the table.
        labelled: whether the table has a column of labels.
        first: the time of the first row where rows stand in for time.
        complete: every row must have its label, where there are labels, and its user.
    """
    label, known = np.zeros(count, dtype=np.int32), None
    if not labelled:
        known = np.zeros(count, dtype=np.bool_)
    else:
        labels = column(schema.label)
        known = None if complete else has_value(labels)
        label = read_label(labels, schema.classes, origin, known)
    user, users = read_user(column(schema.user), origin, complete) if schema.user else (np.arange(count), None)
    time = read_time(column(schema.time), origin)[0] if schema.time else np.arange(first, first + count)
    return Rows(label, user, users, time, known)


def field_values(column: Column, spec: Field, statistics: NumberStatistics | None, origin: str) -> Values:
    """Values of an id field that is no history; a bucketed number needs its statistics."""
    values = column(spec.column)
    if statistics is None:
        return read_values(values, spec, origin)
    return Values(bucket(spec, read_number(values, origin), statistics))
