"""Probabilities of a whole log."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from torch import nn

from clickwise.data.log import ClickLog
from clickwise.errors import InputError
from clickwise.files import new_file
from clickwise.methods.scoring import score
from clickwise.methods.supervised import as_method
from clickwise.methods.unseen import require_schema


def predict(model: nn.Module, log: ClickLog, batch_size: int = 10_000) -> npt.NDArray[np.float32]:
    """Probability of a click for every row ``[rows]``, or of each class ``[rows, classes]``.

    Args:
        model: a method or a bare model, already trained; it stays on the device it is on.
        log: the rows.
        batch_size: rows scored at once; it bounds memory and changes no result.

    Raises:
        InputError: the rows are encoded with another schema or other vocabularies than the model's.
    """
    require_schema(model, log)
    method = as_method(model)
    method.train(model.training)  # a bare model's wrapper is always new
    return score(method, log, batch_size)


def unknown_ids(log: ClickLog) -> dict[str, int]:
    """By category field that has any: in how many rows its value is none of those that the model has an id for.

    Args:
        log: rows as the model's encoder gives them.
    """
    found: dict[str, int] = {}
    for spec in log.schema.id_fields:
        if spec.kind == "category":
            unknown = log.schema.offsets[spec.vocabulary]
            found[spec.name] = int(np.count_nonzero(log.ids[:, log.schema.slots(spec.name)] == unknown))
    return {name: rows for name, rows in found.items() if rows}


def write_predictions(model: nn.Module, log: ClickLog, out: Path) -> None:
    """Write row, user, time and probability of every row; for several classes ``probability_0``, ``probability_1``, ...

    Raises:
        InputError: ``out`` is neither ``.parquet`` nor ``.csv``.
    """
    if out.suffix not in (".parquet", ".csv"):
        raise InputError(f"{out}: predictions are written as .parquet or .csv")
    probability = predict(model, log)
    columns = {"row": pl.Series(log.row)}
    if log.users is not None:
        columns["user"] = log.users.gather(log.user)
    if log.schema.time:
        columns["time"] = pl.Series(log.time)
    if probability.ndim == 1:
        columns["probability"] = pl.Series(probability)
    else:
        columns |= {f"probability_{label}": pl.Series(probability[:, label]) for label in range(probability.shape[1])}
    table = pl.DataFrame(columns)
    with new_file(out) as path:
        if out.suffix == ".csv":
            table.write_csv(path)
        else:
            table.write_parquet(path)
