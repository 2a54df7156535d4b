"""clickwise: DIN and DIEN by ``fit`` and ``predict``."""

from pathlib import Path

import numpy as np

import clickwise as cw
from benchmarks.contestants import EMBEDDING_DIM, HIDDEN_DIMS, LEARNING_RATE, Contestant
from benchmarks.contestants.ours import SPECIAL_IDS, click_log
from benchmarks.contestants.sequences import ATTENTION_HIDDEN_DIMS, BATCH_SIZE
from benchmarks.sequence_table import HISTORIES, SIZES, Ids, SequenceTable
from clickwise.models.dien import DIEN
from clickwise.models.din import DIN
from clickwise.models.model import Model
from clickwise.schema import Field, Schema


def schema_of(length: int) -> Schema:
    """Histories share the vocabulary of what they collect."""
    fields = [Field(name, owner="item" if name in HISTORIES.values() else "context") for name in SIZES]
    fields += [
        Field(name, owner="history", kind="sequence", of=of, vocabulary=of, length=length)
        for name, of in HISTORIES.items()
    ]
    schema = Schema(tuple(fields), user="user", time="time", item="item")
    return schema.fitted({name: size + SPECIAL_IDS for name, size in SIZES.items()})


def encoded(schema: Schema, columns: dict[str, Ids]) -> Ids:
    """``int32 [rows, width]``: the ids of a log."""
    slots = []
    for f in schema.id_fields:
        values = columns[f.name].reshape(len(columns[f.name]), f.length)
        slots.append(np.where(values > 0, values - 1 + schema.offsets[f.vocabulary] + SPECIAL_IDS, 0))
    return np.concatenate(slots, axis=1).astype(np.int32)


def model_of(kind: str, schema: Schema) -> Model:
    """DIEN weighs its states by a bilinear form, as its paper does."""
    if kind == "din":
        return DIN(schema, EMBEDDING_DIM, ATTENTION_HIDDEN_DIMS, hidden_dims=HIDDEN_DIMS, dropout=0.0)
    weight = 1.0 if kind == "dien-auxiliary" else 0.0
    return DIEN(schema, EMBEDDING_DIM, auxiliary_weight=weight, hidden_dims=HIDDEN_DIMS, dropout=0.0)


def build(kind: str, table: SequenceTable, folder: Path) -> Contestant:
    """One int32 matrix in memory, fused Adam."""
    schema = schema_of(table.length)
    ids = encoded(schema, table.train)
    counts = np.bincount(ids.reshape(-1), minlength=schema.size).astype(np.int64)
    train = click_log(schema, ids, table.train_label, counts)
    test = click_log(schema, encoded(schema, table.test), table.test_label, counts)
    method = cw.Supervised(
        model_of(kind, schema), optimizer="adam", learning_rate=LEARNING_RATE, weight_decay=0.0, batch_size=BATCH_SIZE
    )
    return Contestant(
        fit=lambda: cw.fit(method, train, valid=None, epochs=1, seed=0, progress=False, device="cpu"),
        predict=lambda: cw.predict(method, test, batch_size=BATCH_SIZE),
    )
