"""Encoded columns on disk while a log is being prepared, and the blocks of rows that are read back from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from clickwise.array_types import CodeArray
from clickwise.data.arrays import write_raw
from clickwise.data.vocabulary import globalise
from clickwise.schema import Schema


@dataclass(frozen=True)
class ColumnFile:
    """A column on disk: ``[rows, width]`` values of one type, nothing else."""

    path: Path
    dtype: type[np.generic]
    width: int

    def read(self, start: int, stop: int) -> npt.NDArray[np.generic]:
        """Rows ``start`` to ``stop``, ``[stop - start, width]``."""
        offset = start * self.width * np.dtype(self.dtype).itemsize
        count = (stop - start) * self.width
        return np.fromfile(self.path, self.dtype, count, offset=offset).reshape(-1, self.width)


def write_column(path: Path, values: npt.NDArray[np.generic]) -> ColumnFile:
    """Write ``[rows, width]`` values."""
    with path.open("wb") as stream:
        write_raw(stream, values)
    return ColumnFile(path, values.dtype.type, values.shape[1])


def column_block(columns: Mapping[str, ColumnFile], schema: Schema, start: int, stop: int) -> CodeArray:
    """``int32 [stop - start, width]``: global ids of all fields but histories, whose slots stay padding."""
    block = np.zeros((stop - start, schema.width), dtype=np.int32)
    for spec in schema.id_fields:
        if spec.owner != "history":
            local = columns[spec.name].read(start, stop).astype(np.int32, copy=False)
            block[:, schema.slots(spec.name)] = globalise(local, schema.offsets[spec.vocabulary])
    return block
