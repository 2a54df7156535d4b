"""``ClickLog``, the encoded log, and ``Batch``, some rows of it as tensors."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor

from clickwise.schema import Schema


@dataclass(frozen=True)
class Batch:
    """Rows of a log.

    Attributes:
        ids: ``int32 [batch, width]``; 0 is padding.
        numbers: ``float32 [batch, number_width]``.
        label: ``int32 [batch]``, 0 or 1, or a class.
        user: ``int64 [batch]``, the log's code of the user.
        time: ``int64 [batch]``, Unix seconds.
        row: ``int64 [batch]``, position of each row in its log (for error messages and weights a row), or None.
        weight: ``float32 [batch]`` where rows are padded or weighted, else None.
    """

    ids: Tensor
    numbers: Tensor
    label: Tensor
    user: Tensor
    time: Tensor
    row: Tensor | None = None
    weight: Tensor | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def with_ids(self, ids: Tensor) -> "Batch":
        """The same rows with other ids, for example numbered within the rows of the table that this batch touches."""
        return replace(self, ids=ids)

    def to(self, device: torch.device) -> "Batch":
        """The same rows on ``device``."""
        moved = {name: value.to(device, non_blocking=True) for name, value in vars(self).items() if value is not None}
        return Batch(**moved)


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
    """

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

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: npt.NDArray[np.int64] | slice) -> "ClickLog":
        """The rows named, in that order; a slice gives views."""
        names = ("ids", "numbers", "label", "user", "time", "row", "earlier")
        return replace(
            self,
            **{name: getattr(self, name)[rows] for name in names},
            extras={name: values[rows] for name, values in self.extras.items()},
        )
