"""clickwise: ``fit`` and ``predict``."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

import clickwise as cw
from benchmarks.contestants import (
    BATCH_SIZE,
    EMBEDDING_DIM,
    HIDDEN_DIMS,
    LEARNING_RATE,
    PREDICT_BATCH_SIZE,
    Contestant,
)
from benchmarks.fields import NAMES
from benchmarks.table import Table
from clickwise.data.log import ClickLog
from clickwise.schema import Field, Schema

SPECIAL_IDS = 2  # each vocabulary begins with its unknown and its missing id


def click_log(
    schema: Schema, ids: npt.NDArray[np.int32], label: npt.NDArray[np.int32], counts: npt.NDArray[np.int64]
) -> ClickLog:
    """An encoded log of rows without users and times."""
    rows = np.arange(len(ids), dtype=np.int64)
    return ClickLog(
        schema=schema,
        ids=ids,
        numbers=np.zeros((len(ids), 0), dtype=np.float32),
        label=np.array(label),
        user=rows,
        time=rows,
        row=rows,
        earlier=np.zeros(len(ids), dtype=np.int32),
        counts=counts,
    )


def build(table: Table, folder: Path, compiled: bool = False) -> Contestant:
    """The same DeepFM through the public interface."""
    schema = Schema(fields=tuple(Field(name) for name in NAMES)).fitted(
        {name: size + SPECIAL_IDS for name, size in zip(NAMES, table.sizes, strict=True)}
    )
    first = np.array([schema.offsets[name] + SPECIAL_IDS for name in NAMES], dtype=np.int32)
    train_ids, test_ids = table.train_ids + first, table.test_ids + first
    counts = np.bincount(train_ids.reshape(-1), minlength=schema.size).astype(np.int64)
    train = click_log(schema, train_ids, table.train_label, counts)
    test = click_log(schema, test_ids, table.test_label, counts)
    model = cw.models.DeepFM(schema, embedding_dim=EMBEDDING_DIM, hidden_dims=HIDDEN_DIMS, dropout=0.0)
    method = cw.Supervised(
        model, optimizer="adam", learning_rate=LEARNING_RATE, weight_decay=0.0, batch_size=BATCH_SIZE
    )
    return Contestant(
        fit=lambda: cw.fit(method, train, valid=None, epochs=1, seed=0, progress=False, compile=compiled, device="cpu"),
        predict=lambda: cw.predict(method, test, batch_size=PREDICT_BATCH_SIZE),
    )
