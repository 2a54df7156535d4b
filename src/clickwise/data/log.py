"""``ClickLog``, the encoded log, and ``Batch``, some rows of it as tensors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor

from clickwise.array_types import BoolArray, IntArray
from clickwise.errors import InputError
from clickwise.schema import Schema

Rows = IntArray | BoolArray | slice


@dataclass(frozen=True)
class Batch:
    """Rows of a log.

    Models and losses read ``ids``, ``numbers`` and ``label``; ``user`` and ``time`` are there for methods of one's own.

    Attributes:
        ids: ``int32 [batch, width]``; 0 is padding.
        numbers: ``float32 [batch, number_width]``.
        label: ``int32 [batch]``, 0 or 1, or a class.
        user: ``int64 [batch]``, the log's code of the user.
        time: ``int64 [batch]``, Unix seconds.
        row: ``int64 [batch]``, position of each row in the log that it was taken from, or None where it was not.
    """

    ARRAYS: ClassVar[tuple[str, ...]] = ("ids", "numbers", "label", "user", "time")
    """What is taken from a log, array by array."""

    ids: Tensor
    numbers: Tensor
    label: Tensor
    user: Tensor
    time: Tensor
    row: Tensor | None = None

    @classmethod
    def of(cls, log: "ClickLog", rows: IntArray | slice) -> "Batch":
        """The rows of a log at the places named, in that order; a slice of arrays in memory gives views."""
        row = torch.arange(*rows.indices(len(log))) if isinstance(rows, slice) else _tensor(rows)
        return cls(**{name: _tensor(_entries(getattr(log, name), rows)) for name in cls.ARRAYS}, row=row)

    @classmethod
    def join(cls, parts: Sequence["Batch"]) -> "Batch":
        """Batches end to end; ``row`` is None where one of them has none."""
        if len(parts) == 1:
            return parts[0]
        rows = [part.row for part in parts if part.row is not None]
        joined = {name: torch.cat([getattr(part, name) for part in parts]) for name in cls.ARRAYS}
        return cls(**joined, row=torch.cat(rows) if len(rows) == len(parts) else None)

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, index: Tensor) -> "Batch":
        """The rows at the places ``index``, in that order."""
        return self._each(lambda values: values.index_select(0, index))

    def with_ids(self, ids: Tensor) -> "Batch":
        """The same rows with other ids, for example numbered within the rows of the table that this batch touches."""
        return replace(self, ids=ids)

    def to(self, device: torch.device) -> "Batch":
        """The same rows on ``device``."""
        return self._each(lambda values: values.to(device, non_blocking=True))

    def _each(self, function: Callable[[Tensor], Tensor]) -> "Batch":
        return Batch(**{name: function(value) for name, value in vars(self).items() if value is not None})


def _entries(array: npt.NDArray[Any], rows: Rows) -> npt.NDArray[Any]:
    """Some entries of an array, which need not be in memory; a slice gives a view."""
    array = np.asarray(array)  # indexing a memory map itself costs five times as much
    if isinstance(rows, slice) or np.asarray(rows).dtype == np.bool_:
        return array[rows]
    return array.take(rows, axis=0)  # of a matrix, four times as fast as indexing


def _tensor(array: npt.NDArray[Any]) -> Tensor:
    """A view of a writable array, a copy of a read-only (memory-mapped) one or of one whose rows lie apart."""
    flags = array.flags
    return torch.from_numpy(array if flags.writeable and flags.c_contiguous else array.copy())


@dataclass(frozen=True, eq=False)
class ClickLog:
    """One part (train, validation or test) of an encoded log. Arrays may be memory-mapped and are never written to.

    Attributes:
        schema: the fitted schema.
        ids, numbers, label, user, time: as in ``Batch``, for all rows.
        row: ``int64 [rows]``, number of the row in the raw table.
        earlier: ``int32 [rows]``, number of strictly earlier rows of the same user, in parts not later than its own.
        counts: ``int64 [schema.size]``, how often each id stands in the training rows.
        users: raw value of each user code, or None where the schema names no user.
        extras: the raw columns that the schema keeps, ``float32 [rows]`` each.
        labelled: False where the raw rows had no labels, and zeros stand in their place.
    """

    ARRAYS: ClassVar[tuple[str, ...]] = (*Batch.ARRAYS, "row", "earlier")
    """What holds one entry a row; besides, there are the extras."""

    schema: Schema
    ids: npt.NDArray[np.int32]
    numbers: npt.NDArray[np.float32]
    label: npt.NDArray[np.int32]
    user: npt.NDArray[np.int64]
    time: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    earlier: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int64]
    users: pl.Series | None = None
    extras: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    labelled: bool = True

    def require_labels(self, who: str) -> None:
        """Raise where the rows have no labels; ``who`` needs them."""
        if not self.labelled:
            raise InputError(f"{who} needs labels, and these rows were encoded without; give rows that have them")

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Rows) -> "ClickLog":
        """The rows at the places named, in that order, or the rows marked; a slice gives views."""
        arrays: dict[str, Any] = {name: _entries(getattr(self, name), rows) for name in self.ARRAYS}
        extras = {name: _entries(values, rows) for name, values in self.extras.items()}
        return replace(self, **arrays, extras=extras)
