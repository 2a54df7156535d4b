"""DeepCTR-Torch: ``DeepFM.fit`` and ``DeepFM.predict``, one array a field."""

from pathlib import Path

import numpy as np
import torch
from deepctr_torch.inputs import SparseFeat
from deepctr_torch.models import DeepFM

from benchmarks.contestants import (
    BATCH_SIZE,
    EMBEDDING_DEVIATION,
    EMBEDDING_DIM,
    HIDDEN_DIMS,
    LEARNING_RATE,
    PREDICT_BATCH_SIZE,
    Contestant,
)
from benchmarks.fields import NAMES
from benchmarks.table import Table


def build(table: Table, folder: Path) -> Contestant:
    """L2 penalties (1e-5 by default) are off, as in the other contestants: they would touch the whole table."""
    columns = [
        SparseFeat(name, vocabulary_size=size, embedding_dim=EMBEDDING_DIM)
        for name, size in zip(NAMES, table.sizes, strict=True)
    ]
    model = DeepFM(
        columns,
        columns,
        dnn_hidden_units=HIDDEN_DIMS,
        l2_reg_linear=0,
        l2_reg_embedding=0,
        init_std=EMBEDDING_DEVIATION,
    )
    model.compile(torch.optim.Adam(model.parameters(), lr=LEARNING_RATE), "binary_crossentropy")
    train = {name: np.ascontiguousarray(table.train_ids[:, index]) for index, name in enumerate(NAMES)}
    test = {name: np.ascontiguousarray(table.test_ids[:, index]) for index, name in enumerate(NAMES)}
    label = table.train_label.astype(np.float32)
    return Contestant(
        fit=lambda: model.fit(train, label, batch_size=BATCH_SIZE, epochs=1, verbose=0),
        predict=lambda: model.predict(test, batch_size=PREDICT_BATCH_SIZE),
    )
