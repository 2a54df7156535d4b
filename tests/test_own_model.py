"""A network of the user's own, which knows nothing of clickwise but the batch, is trained, saved and loaded."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.methods.building import build
from clickwise.metrics.pointwise import auc
from clickwise.model_folder import load_model, save_model
from clickwise.prediction import predict
from clickwise.schema import Schema
from clickwise.training import fit, seeded


class TwoTower(nn.Module):
    """Dot product of a user's and an item's vector, each with a bias: a plain module from a batch to logits."""

    def __init__(self, schema: Schema, dim: int = 4) -> None:
        super().__init__()
        self.dim = dim
        self.vectors, self.biases = nn.Embedding(schema.size, dim), nn.Embedding(schema.size, 1)
        self.user, self.item = schema.slots("user").start, schema.slots("item").start
        nn.init.normal_(self.vectors.weight, std=0.1)
        nn.init.zeros_(self.biases.weight)

    def forward(self, batch: Batch) -> Tensor:
        pair = batch.ids[:, [self.user, self.item]]
        logits: Tensor = self.vectors(pair).prod(1).sum(1) + self.biases(pair).sum((1, 2))
        return logits


HERE = TwoTower.__module__


@pytest.mark.parametrize("row_sparse", [True, False])
def test_it_learns_and_predicts_the_same_after_saving(row_sparse: bool, prepared: PreparedLog, tmp_path: Path) -> None:
    options = {"dim": 3, "batch_size": 50, "learning_rate": 0.02, "row_sparse": row_sparse}
    with seeded(0):
        method = build(f"{HERE}:TwoTower", prepared.schema, options, [])
    fit(method, prepared.train, prepared.valid, epochs=8, device="cpu", progress=False)
    probability = predict(method, prepared.test)
    assert auc(prepared.test.label, probability) > 0.75
    save_model(method, tmp_path / "model", prepared)
    with pytest.raises(InputError, match=f"name the module '{HERE}' as trusted"):
        load_model(tmp_path / "model")
    loaded = load_model(tmp_path / "model", trusted=[HERE])
    assert np.array_equal(predict(loaded.method, prepared.test), probability)


def test_an_option_that_neither_model_nor_training_knows(prepared: PreparedLog) -> None:
    with pytest.raises(InputError, match="unknown option 'dims'; did you mean 'dim'"):
        build(f"{HERE}:TwoTower", prepared.schema, {"dims": 3}, [])


def test_a_bare_module_is_trained_without_ceremony(prepared: PreparedLog) -> None:
    with seeded(0):
        model = TwoTower(prepared.schema)
    before = model.vectors.weight.detach().clone()
    fit(model, prepared.train, prepared.valid, epochs=1, device="cpu", progress=False)
    assert not torch.equal(model.vectors.weight, before)
    assert predict(model, prepared.test).shape == (len(prepared.test),)
