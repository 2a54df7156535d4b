"""Logits of the models against their papers' formulas, written out row by row and pair by pair."""

from typing import Any

import pytest
import torch
from torch import Tensor

from clickwise.models import FFM, FM, LR, NFM, PNN, AutoInt, DeepFM, Model
from clickwise.training import seeded
from tests.logs import first_batch, make_logs, with_more_padding
from tests.models.by_row import linear_of_row, mlp_of_row, pairs_of_row, randomised, vectors_of_row

LOG = make_logs(60).train
SCHEMA, BATCH = LOG.schema, first_batch(LOG, 12)


def test_lr() -> None:
    model = randomised(LR(SCHEMA))
    expected = torch.cat([linear_of_row(model.linear, SCHEMA, BATCH, row) for row in range(len(BATCH))])
    torch.testing.assert_close(model(BATCH), expected)


def test_fm() -> None:
    model = randomised(FM(SCHEMA, embedding_dim=3))
    for row, logit in enumerate(model(BATCH)):
        products = pairs_of_row(vectors_of_row(model.embedding, SCHEMA, BATCH, row))
        torch.testing.assert_close(logit, linear_of_row(model.linear, SCHEMA, BATCH, row)[0] + products.sum())


def test_fm_of_three_classes_weighs_the_products_for_each() -> None:
    log = make_logs(60, classes=3).train
    model, batch = randomised(FM(log.schema, embedding_dim=3)), first_batch(log, 12)
    for row, logits in enumerate(model(batch)):
        products = pairs_of_row(vectors_of_row(model.embedding, log.schema, batch, row))
        of_class = [
            linear_of_row(model.linear, log.schema, batch, row)[c] + w @ products for c, w in enumerate(weights(model))
        ]
        torch.testing.assert_close(logits, torch.stack(of_class))


def weights(model: FM) -> Tensor:
    assert model.interaction.weights is not None
    return model.interaction.weights.weight


def test_ffm() -> None:
    model = randomised(FFM(SCHEMA, embedding_dim=3))
    table = model.embedding.table.weight.view(SCHEMA.size, model.fields, 3)
    numbers = model.embedding.numbers.view(-1, model.fields, 3)
    for row, logit in enumerate(model(BATCH)):
        fields = []
        for f in SCHEMA.id_fields:
            ids = [int(value) for value in BATCH.ids[row, SCHEMA.slots(f.name)]]
            values = [table[value] / max(sum(other > 0 for other in ids), 1) for value in ids]
            fields += values if f.kind == "bag" else [torch.stack(values).sum(0)]
        fields += [value * vector for value, vector in zip(BATCH.numbers[row], numbers, strict=True)]
        pairs = [(i, j) for j in range(len(fields)) for i in range(j)]
        interactions = sum((fields[i][j] @ fields[j][i] for i, j in pairs), torch.zeros(()))
        torch.testing.assert_close(logit, linear_of_row(model.linear, SCHEMA, BATCH, row)[0] + interactions)


def test_ffm_ignores_slots_that_are_padding() -> None:
    """The narrow model inside the wide one: vectors meant for the added slots meet padding alone."""
    wide_log = with_more_padding(LOG)
    model, wide = randomised(FFM(SCHEMA, embedding_dim=3)), randomised(FFM(wide_log.schema, embedding_dim=3))
    kept = [0, 1, *range(2, 6), 8, 9, 10]  # two categories, 4 + 2 tags, the clicks, two number columns
    wide.linear.load_state_dict(model.linear.state_dict())
    with torch.no_grad():
        wide.embedding.table.weight.view(SCHEMA.size, wide.fields, 3)[:, kept] = model.embedding.table.weight.view(
            SCHEMA.size, model.fields, 3
        )
        wide.embedding.numbers.view(-1, wide.fields, 3)[:, kept] = model.embedding.numbers.view(-1, model.fields, 3)
    torch.testing.assert_close(wide(first_batch(wide_log, 12)), model(BATCH))


@pytest.mark.parametrize("batch_norm", [False, True])
def test_deepfm(batch_norm: bool) -> None:
    model = randomised(DeepFM(SCHEMA, embedding_dim=3, hidden_dims=(5, 4), dropout=0.5, batch_norm=batch_norm))
    for row, logit in enumerate(model(BATCH)):
        vectors = vectors_of_row(model.embedding, SCHEMA, BATCH, row)
        hidden = mlp_of_row(model.mlp.layers, torch.cat(vectors))
        expected = linear_of_row(model.linear, SCHEMA, BATCH, row) + pairs_of_row(vectors).sum() + hidden
        torch.testing.assert_close(logit, expected[0])


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (DeepFM, {"dropout": 0.5}),
        (PNN, {"dropout": 0.5}),
        (NFM, {"dropout": 0.5, "pooling_dropout": 0.0}),
        (NFM, {"dropout": 0.0, "pooling_dropout": 0.5}),
        (AutoInt, {"dropout": 0.5, "hidden_dims": (8,)}),
    ],
)
def test_dropout_acts_in_training_alone(kind: type[Model], options: dict[str, Any]) -> None:
    model = randomised(kind(SCHEMA, **options))
    assert torch.equal(model(BATCH), model(BATCH))
    model.train()
    with seeded(0):
        assert not torch.equal(model(BATCH), model(BATCH))
