"""The table of predictions that every metric, report and plot reads: one row an impression, a column a training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.data.log import ClickLog
from clickwise.errors import InputError, one_line
from clickwise.report.inputs import method_columns

Probabilities = Mapping[str, Sequence[npt.NDArray[np.float32]]]


def prediction_table(log: ClickLog, probabilities: Probabilities, seeds: Sequence[int]) -> pl.DataFrame:
    """Row, user, time, label, earlier, kept columns, and a column ``method@seed`` for every method and seed.

    Args:
        log: the rows that were scored.
        probabilities: by method, one array ``[rows]`` or ``[rows, classes]`` a seed.
        seeds: the seeds; a method with a single array has no randomness and takes the first.
    """
    columns: dict[str, Any] = {"row": log.row}
    if log.users is not None:
        columns["user"] = log.users.gather(log.user)
    else:
        columns["user"] = log.user
    columns |= {"time": log.time, "label": log.label, "earlier": log.earlier}
    columns |= {name: np.asarray(values) for name, values in log.extras.items()}
    for method, arrays in probabilities.items():
        for seed, values in zip(seeds, arrays, strict=False):
            columns[f"{method}@{seed}"] = (
                values if values.ndim == 1 else pl.Series(values, dtype=pl.Array(pl.Float32, values.shape[1]))
            )
    return pl.DataFrame(
        {name: np.ascontiguousarray(v) if isinstance(v, np.ndarray) else v for name, v in columns.items()}
    )


def read_table(path: Path) -> pl.DataFrame:
    """A table that was written as Parquet.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: cannot read the predictions: {one_line(error)}") from None


def methods_of(table: pl.DataFrame) -> dict[str, list[npt.NDArray[np.float32]]]:
    """Probabilities by method, one array a seed, from the columns ``method@seed`` of a prediction table."""
    columns = method_columns(table.columns)
    if not columns:
        raise InputError("the prediction table has no column 'method@seed'")
    return {method: [table[name].to_numpy() for name in names] for method, names in columns.items()}
