"""Torch-RecHub: ``DataGenerator`` and ``CTRTrainer``."""

from pathlib import Path

import numpy as np
from torch_rechub.basic.features import SparseFeature
from torch_rechub.basic.initializers import RandomNormal
from torch_rechub.models.ranking import DeepFM
from torch_rechub.trainers import CTRTrainer
from torch_rechub.utils.data import DataGenerator

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
    """Its DeepFM has no table of linear weights: the linear part is a layer on the embeddings, so it does less work."""
    features = [
        SparseFeature(name, vocab_size=size, embed_dim=EMBEDDING_DIM, initializer=RandomNormal(0, EMBEDDING_DEVIATION))
        for name, size in zip(NAMES, table.sizes, strict=True)
    ]
    mlp = {"dims": list(HIDDEN_DIMS), "activation": "relu", "dropout": 0.0}
    model = DeepFM(deep_features=features, fm_features=features, mlp_params=mlp)
    trainer = CTRTrainer(
        model,
        optimizer_params={"lr": LEARNING_RATE, "weight_decay": 0.0},
        n_epoch=1,
        model_path=str(folder),
    )
    train = {name: np.ascontiguousarray(table.train_ids[:, index]) for index, name in enumerate(NAMES)}
    test = {name: np.ascontiguousarray(table.test_ids[:, index]) for index, name in enumerate(NAMES)}
    data = DataGenerator(train, np.array(table.train_label))
    label = np.array(table.test_label)
    loader, _, _ = data.generate_dataloader(test, label, test, label, batch_size=BATCH_SIZE)
    _, _, test_loader = data.generate_dataloader(test, label, test, label, batch_size=PREDICT_BATCH_SIZE)
    return Contestant(
        fit=lambda: trainer.fit(loader),
        predict=lambda: np.asarray(trainer.predict(model, test_loader)),
    )
