"""FuxiCTR: a ``BaseModel`` of its own blocks, its ``RankDataLoader`` over ``.npz`` files, ``fit`` and ``predict``."""

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

np.Inf = np.inf  # type: ignore[attr-defined]  # gone from NumPy 2, still read by FuxiCTR 2.3

from fuxictr.features import FeatureMap  # noqa: E402
from fuxictr.pytorch.dataloaders import RankDataLoader  # noqa: E402
from fuxictr.pytorch.layers import FactorizationMachine, FeatureEmbedding, MLP_Block  # noqa: E402
from fuxictr.pytorch.models import BaseModel  # noqa: E402

from benchmarks.contestants import (  # noqa: E402
    BATCH_SIZE,
    EMBEDDING_DEVIATION,
    EMBEDDING_DIM,
    HIDDEN_DIMS,
    LEARNING_RATE,
    PREDICT_BATCH_SIZE,
    Contestant,
)
from benchmarks.fields import NAMES  # noqa: E402
from benchmarks.table import Table  # noqa: E402


class DeepFM(BaseModel):
    """Its wheel leaves its model zoo out; this is that zoo's DeepFM put together from the same blocks."""

    def __init__(self, feature_map: FeatureMap, folder: Path) -> None:
        super().__init__(feature_map, model_id="DeepFM", model_root=str(folder), metrics=["AUC"], verbose=0)
        initializer = f"partial(nn.init.normal_, std={EMBEDDING_DEVIATION})"
        self.embedding_layer = FeatureEmbedding(feature_map, EMBEDDING_DIM, embedding_initializer=initializer)
        self.fm = FactorizationMachine(feature_map)
        width = EMBEDDING_DIM * feature_map.num_fields
        self.mlp = MLP_Block(input_dim=width, output_dim=1, hidden_units=list(HIDDEN_DIMS), hidden_activations="ReLU")
        self.compile("adam", "binary_crossentropy", LEARNING_RATE)
        self.reset_parameters()

    def forward(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        features = self.get_inputs(inputs)
        vectors = self.embedding_layer(features)
        logits = self.fm(features, vectors) + self.mlp(vectors.flatten(start_dim=1))
        return {"y_pred": self.output_activation(logits)}


def _feature_map(table: Table, folder: Path) -> FeatureMap:
    """Id 0 of each field is FuxiCTR's padding, so a field of n values has n + 1 ids."""
    feature_map = FeatureMap("table", str(folder))
    feature_map.labels = ["label"]
    feature_map.features = OrderedDict(
        (name, {"source": "", "type": "categorical", "padding_idx": 0, "vocab_size": size + 1})
        for name, size in zip(NAMES, table.sizes, strict=True)
    )
    feature_map.num_fields = feature_map.get_num_fields()
    feature_map.set_column_index()
    return feature_map


def build(table: Table, folder: Path) -> Contestant:
    """``fit`` needs validation rows; what it does with them comes after the last timed step."""
    for part in ("train", "test"):
        ids, label = getattr(table, f"{part}_ids"), getattr(table, f"{part}_label")
        columns = {name: ids[:, index].astype(np.int64) + 1 for index, name in enumerate(NAMES)}
        np.savez(folder / f"{part}.npz", label=label.astype(np.float64), **columns)
    feature_map = _feature_map(table, folder)
    (folder / "table").mkdir()
    files = {"train_data": str(folder / "train"), "valid_data": str(folder / "test"), "test_data": str(folder / "test")}
    train, valid, _ = RankDataLoader(feature_map, batch_size=BATCH_SIZE, **files).make_iterator()
    test = RankDataLoader(feature_map, "test", batch_size=PREDICT_BATCH_SIZE, **files).make_iterator()
    model = DeepFM(feature_map, folder)
    return Contestant(
        fit=lambda: model.fit(train, epochs=1, validation_data=valid),
        predict=lambda: model.predict(test),
    )
