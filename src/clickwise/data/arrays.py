"""``.npy`` files written in one pass and opened memory-mapped."""

from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from clickwise.errors import InputError


class ArrayWriter:
    """Writes a ``.npy`` file row block by row block, with plain writes, so that memory stays one block.

    Args:
        path: the file; its folder exists.
        dtype: of the array.
        shape: of the whole array; exactly ``shape[0]`` rows are to be written.
    """

    def __init__(self, path: Path, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> None:
        self.dtype = np.dtype(dtype)
        self._stream = path.open("wb")
        header = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._stream, header)

    def write(self, rows: npt.NDArray[Any]) -> None:
        """Append rows."""
        write_raw(self._stream, np.asarray(rows, dtype=self.dtype))

    def __enter__(self) -> "ArrayWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()


def write_raw(stream: BinaryIO, array: npt.NDArray[Any]) -> None:
    """Write the bytes of an array; unlike ``tofile``, a full disk is an ``OSError`` that says so."""
    if array.size:
        stream.write(np.ascontiguousarray(array).data.cast("B"))


def save_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write a whole array as ``.npy``."""
    with ArrayWriter(path, array.dtype, array.shape) as writer:
        writer.write(array)


def load_array(path: Path) -> npt.NDArray[Any]:
    """Open an array memory-mapped and read-only; one without elements cannot be mapped and is loaded."""
    try:
        with path.open("rb") as stream:
            np.lib.format.read_magic(stream)
            shape, _, _ = np.lib.format.read_array_header_1_0(stream)
        return np.load(path, mmap_mode="r" if np.prod(shape) else None, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise damaged(path, str(error)) from None


def damaged(path: Path, reason: str) -> InputError:
    """The error for a file of a prepared folder that is not as it was written."""
    return InputError(f"{path}: damaged: {reason}; prepare the log again")
