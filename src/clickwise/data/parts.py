"""Write the arrays of the train, validation and test folders, some rows at a time."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt

from clickwise.array_types import CodeArray, IntArray
from clickwise.data.arrays import ArrayWriter, save_array
from clickwise.data.column_files import column_block
from clickwise.data.fitting import Fitted, history_columns
from clickwise.data.history import HistoryColumn, Moments, earlier_range
from clickwise.data.rows import Rows
from clickwise.data.splits import PARTS, PartArray
from clickwise.data.storage import extra_path
from clickwise.schema import Schema

CHUNK = 1 << 17  # rows encoded at a time


def write_parts(
    folder: Path, fitted: Fitted, rows: Rows, part: PartArray, extras: dict[str, npt.NDArray[np.float32]]
) -> IntArray:
    """Write all arrays of the parts; returns how often each id stands in training rows, ``int64 [schema.size]``."""
    schema = fitted.encoder.schema
    moments = fitted.moments or (Moments.of(rows.user, rows.time) if schema.user else None)
    for code, name in enumerate(PARTS):
        place = np.flatnonzero(part == code)
        (folder / name / "extras").mkdir(parents=True)
        save_array(folder / name / "label.npy", rows.label[place])
        save_array(folder / name / "user.npy", rows.user[place])
        save_array(folder / name / "time.npy", rows.time[place])
        save_array(folder / name / "row.npy", place)
        save_array(folder / name / "earlier.npy", _earlier(moments, part, place, code))
        for extra, values in extras.items():
            save_array(folder / name / extra_path(extra), values[place])
    _write_numbers(folder, fitted, part)
    return _write_ids(folder, fitted, part)


def _write_numbers(folder: Path, fitted: Fitted, part: PartArray) -> None:
    schema = fitted.encoder.schema
    with ExitStack() as stack:
        writers = _writers(stack, folder, "numbers", np.float32, schema.number_width, part)
        for start in range(0, len(part) if schema.number_fields else 0, CHUNK):
            stop = min(start + CHUNK, len(part))
            pairs = [fitted.columns[spec.name].read(start, stop) for spec in schema.number_fields]
            block = np.concatenate(pairs, axis=1)
            for code, writer in enumerate(writers):
                writer.write(block[part[start:stop] == code])


def _write_ids(folder: Path, fitted: Fitted, part: PartArray) -> IntArray:
    schema = fitted.encoder.schema
    counts = np.zeros(schema.size, dtype=np.int64)
    histories = [history_columns(fitted, code) for code in range(len(PARTS))]
    with ExitStack() as stack:
        writers = _writers(stack, folder, "ids", np.int32, schema.width, part)
        for start in range(0, len(part), CHUNK):
            stop = min(start + CHUNK, len(part))
            block = column_block(fitted.columns, schema, start, stop)
            for code, writer in enumerate(writers):
                inside = np.flatnonzero(part[start:stop] == code)
                ids = block[inside]
                for events, known in histories[code]:
                    assert fitted.moments is not None
                    _fill_histories(ids, schema, fitted.moments, start + inside, events, known)
                writer.write(ids)
                if code == 0:
                    counts += np.bincount(ids.ravel(), minlength=schema.size)
    return counts


def _fill_histories(
    ids: CodeArray,
    schema: Schema,
    moments: Moments,
    rows: IntArray,
    events: IntArray,
    columns: dict[str, HistoryColumn],
) -> None:
    """Put the history slots of ``rows`` into ``ids``; ``events`` are the sorted keys that ``columns`` follow."""
    start, end = earlier_range(events, moments.key[rows], moments.first[rows])
    for name, column in columns.items():
        ids[:, schema.slots(name)] = column.block(start, end)


def _writers(
    stack: ExitStack, folder: Path, array: str, dtype: npt.DTypeLike, width: int, part: PartArray
) -> list[ArrayWriter]:
    sizes = np.bincount(part, minlength=len(PARTS)).tolist()
    paths = [folder / name / f"{array}.npy" for name in PARTS]
    return [
        stack.enter_context(ArrayWriter(path, dtype, (size, width))) for path, size in zip(paths, sizes, strict=True)
    ]


def _earlier(moments: Moments | None, part: PartArray, place: IntArray, code: int) -> npt.NDArray[np.int32]:
    """Strictly earlier rows of the same user that lie in no later part than the row itself."""
    if moments is None:
        return np.zeros(len(place), dtype=np.int32)
    known = np.sort(moments.key[part <= code])
    low, high = earlier_range(known, moments.key[place], moments.first[place])
    return (high - low).astype(np.int32)
