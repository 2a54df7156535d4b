"""What a report is made from: ``results.json`` and ``predictions.parquet``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from clickwise.array_types import FloatArray, IntArray
from clickwise.documents import check_format, read_document
from clickwise.errors import InputError, nearest
from clickwise.report.reading import Results

RESULTS_FORMAT = "clickwise-results"
RESULTS_VERSION = 2
"""1 counted as ``train_seconds`` the steps of the epochs alone, or all of ``fit`` where a method had none."""


@dataclass(frozen=True)
class Predictions:
    """The test rows of a comparison. Probabilities stay on disk until a method asks for its own.

    Attributes:
        path: the Parquet file.
        columns: the probability columns of each method, one a seed.
        label: ``int64 [rows]``.
        user: ``int64 [rows]``, codes from 0.
    """

    path: Path
    columns: Mapping[str, tuple[str, ...]]
    label: IntArray
    user: IntArray

    def probability(self, method: str) -> FloatArray:
        """Mean over seeds of a method's probability, ``[rows]``, or ``[rows, classes]`` for more than two classes."""
        if method not in self.columns:
            raise InputError(f"{self.path}: no column '{method}@SEED'{nearest(method, self.columns)}")
        frame = pl.read_parquet(self.path, columns=list(self.columns[method]))
        total = sum(_matrix(column) for column in frame)
        return np.asarray(total) / frame.width


def read_results(path: Path) -> Results:
    """Read ``results.json``; a file of another format or a later version is an ``InputError``."""
    results: Results = read_document(Path(path), "results")
    check_format(results, path, "a results file", RESULTS_FORMAT, RESULTS_VERSION)
    for key in ("run", "methods", "best_single", "differences"):
        if key not in results:
            raise InputError(f"{path}: the key {key!r} is missing; write the file with 'clickwise compare'")
    return results


def read_predictions(path: Path) -> Predictions:
    """Open ``predictions.parquet``: labels and users are read, probabilities when asked for."""
    path = Path(path)
    try:
        names = list(pl.read_parquet_schema(path))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: cannot read the predictions: {' '.join(str(error).split())}") from None
    for name in ("label", "user"):
        if name not in names:
            raise InputError(f"{path}: the column {name!r} is missing{nearest(name, names)}")
    frame = pl.read_parquet(path, columns=["label", "user"])
    label = frame["label"].to_numpy().astype(np.int64)
    return Predictions(path, method_columns(names), label, user_codes(frame["user"]))


def method_columns(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The probability columns ``METHOD@SEED`` of each method, among the columns of a table of predictions."""
    columns: dict[str, tuple[str, ...]] = {}
    for name in names:
        method, at, seed = name.rpartition("@")
        if at and seed.isdecimal():
            columns[method] = (*columns.get(method, ()), name)
    return columns


def user_codes(users: pl.Series) -> IntArray:
    """Codes from 0 of the users of a table of predictions, ``[rows]``, in the order of their values, null first."""
    return (users.rank("dense").fill_null(0).cast(pl.Int64) - (0 if users.null_count() else 1)).to_numpy()


def _matrix(column: pl.Series) -> FloatArray:
    if isinstance(column.dtype, pl.List):
        column = column.list.to_array(len(column[0]))
    return column.to_numpy().astype(np.float64)
