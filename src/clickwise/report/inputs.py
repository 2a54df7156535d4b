"""What a report is made from: ``results.json`` and ``predictions.parquet``."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.errors import InputError, nearest
from clickwise.report.reading import Results

RESULTS_FORMAT = "clickwise-results"
RESULTS_VERSION = 1


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
    label: npt.NDArray[np.int64]
    user: npt.NDArray[np.int64]

    def probability(self, method: str) -> npt.NDArray[np.float64]:
        """Mean over seeds of a method's probability, ``[rows]``, or ``[rows, classes]`` for more than two classes."""
        if method not in self.columns:
            raise InputError(f"{self.path}: no column '{method}@SEED'{nearest(method, self.columns)}")
        frame = pl.read_parquet(self.path, columns=list(self.columns[method]))
        total = sum(_matrix(column) for column in frame)
        return np.asarray(total) / frame.width


def read_results(path: Path) -> Results:
    """Read ``results.json``; a file of another format or a later version is an ``InputError``."""
    try:
        results = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot read the results: {error}") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: not JSON: {error}") from None
    if not isinstance(results, dict) or results.get("format") != RESULTS_FORMAT:
        raise InputError(f"{path}: not a results file; 'format' must be {RESULTS_FORMAT!r}")
    version = results.get("version")
    if not isinstance(version, int) or version > RESULTS_VERSION:
        raise InputError(f"{path}: results version {version!r}; this clickwise reads versions up to {RESULTS_VERSION}")
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
    columns: dict[str, tuple[str, ...]] = {}
    for name in names:
        method, at, _ = name.rpartition("@")
        if at:
            columns[method] = (*columns.get(method, ()), name)
    frame = pl.read_parquet(path, columns=["label", "user"])
    user = np.unique(frame["user"].to_numpy(), return_inverse=True)[1]
    return Predictions(path, columns, frame["label"].to_numpy().astype(np.int64), user.astype(np.int64))


def _matrix(column: pl.Series) -> npt.NDArray[np.float64]:
    if isinstance(column.dtype, pl.List):
        column = column.list.to_array(len(column[0]))
    return column.to_numpy().astype(np.float64)
