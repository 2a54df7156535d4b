"""Logits of the models against their papers' formulas, written out row by row and pair by pair."""

from collections.abc import Sequence
from typing import Any, TypeVar

import pytest
import torch
from torch import Tensor

from clickwise.data.log import Batch
from clickwise.errors import InputError
from clickwise.models import FFM, FM, LR, NFM, PNN, AutoInt, DeepFM, Model
from clickwise.nn.attention import Interacting
from clickwise.nn.embedding import FieldEmbedding, Linear
from clickwise.nn.mlp import MLP
from clickwise.schema import Schema
from clickwise.training import seeded
from tests.logs import first_batch, make_logs, with_more_padding

LOG = make_logs(60).train
SCHEMA, BATCH = LOG.schema, first_batch(LOG, 12)


Network = TypeVar("Network", bound=torch.nn.Module)


def randomised(model: Network) -> Network:
    with seeded(1):
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    for module in model.modules():
        if isinstance(module, torch.nn.Embedding):
            module.weight.data[0] = 0
    return model.eval()


def vectors_of_row(embedding: FieldEmbedding, schema: Schema, batch: Batch, row: int) -> list[Tensor]:
    """One vector a field: the mean over a bag's values, a number times its vector."""
    table, found = embedding.slots.table.weight, []
    for f in schema.id_fields:
        ids = [int(value) for value in batch.ids[row, schema.slots(f.name)] if value]
        found.append(sum((table[value] for value in ids), torch.zeros(table.shape[1])) / max(len(ids), 1))
    numbers = zip(batch.numbers[row], embedding.slots.numbers, strict=True)
    return [*found, *(value * vector for value, vector in numbers)]


def linear_of_row(linear: Linear, schema: Schema, batch: Batch, row: int) -> Tensor:
    return linear.bias + sum(vectors_of_row(linear.weights, schema, batch, row))


def pairs_of_row(vectors: list[Tensor]) -> Tensor:
    pairs = [(i, j) for j in range(len(vectors)) for i in range(j)]
    return sum((vectors[i] * vectors[j] for i, j in pairs), torch.zeros_like(vectors[0]))


def mlp_of_row(layers: Sequence[torch.nn.Module], hidden: Tensor) -> Tensor:
    for layer in layers:
        if isinstance(layer, torch.nn.Linear):
            hidden = layer.weight @ hidden + layer.bias
        elif isinstance(layer, torch.nn.BatchNorm1d):
            hidden = layer.weight * (hidden - layer.running_mean) / (layer.running_var + layer.eps).sqrt() + layer.bias
        elif isinstance(layer, torch.nn.ReLU):
            hidden = hidden.clamp(min=0)
    return hidden


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
        slots = []
        for f in SCHEMA.id_fields:
            ids = [int(value) for value in BATCH.ids[row, SCHEMA.slots(f.name)]]
            slots += [table[value] / max(sum(other > 0 for other in ids), 1) for value in ids]
        slots += [value * vector for value, vector in zip(BATCH.numbers[row], numbers, strict=True)]
        pairs = [(i, j) for j in range(len(slots)) for i in range(j)]
        interactions = sum((slots[i][j] @ slots[j][i] for i, j in pairs), torch.zeros(()))
        torch.testing.assert_close(logit, linear_of_row(model.linear, SCHEMA, BATCH, row)[0] + interactions)


def test_ffm_ignores_slots_that_are_padding() -> None:
    """The narrow model inside the wide one: vectors meant for the added slots meet padding alone."""
    wide_log = with_more_padding(LOG)
    model, wide = randomised(FFM(SCHEMA, embedding_dim=3)), randomised(FFM(wide_log.schema, embedding_dim=3))
    kept = [0, 1, *range(2, 6), *range(8, 11), 13, 14]  # two categories, 4 + 2 tags, 3 + 2 clicks, two number columns
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


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("products", ["inner", "outer", "both"])
def test_pnn(products: str, classes: int) -> None:
    log = make_logs(60, classes=classes).train
    model = randomised(PNN(log.schema, embedding_dim=3, products=products, hidden_dims=(5, 4), batch_norm=True))
    batch = first_batch(log, 12)
    for row, logits in enumerate(model(batch)):
        vectors = vectors_of_row(model.embedding, log.schema, batch, row)
        pairs = [(i, j) for i in range(len(vectors)) for j in range(i + 1, len(vectors))]
        inputs = [*vectors]
        if products != "outer":
            inputs.append(torch.stack([vectors[i] @ vectors[j] for i, j in pairs]))
        if model.outer is not None:
            kernels = zip(pairs, model.outer.kernels, strict=True)
            weighed = [(kernel * torch.outer(vectors[i], vectors[j])).sum() for (i, j), kernel in kernels]
            inputs.append(torch.stack(weighed))
        expected = mlp_of_row(model.mlp.layers, torch.cat(inputs))
        torch.testing.assert_close(logits, expected[0] if classes == 2 else expected, atol=1e-5, rtol=1e-5)


def test_products_of_pnn_that_do_not_exist() -> None:
    with pytest.raises(InputError, match="products 'iner' is unknown; did you mean 'inner'"):
        PNN(SCHEMA, products="iner")


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_nfm(batch_norm: bool, classes: int) -> None:
    log = make_logs(60, classes=classes).train
    model, batch = NFM(log.schema, embedding_dim=3, hidden_dims=(5, 4), batch_norm=batch_norm), first_batch(log, 12)
    model(batch)  # running means and variances other than their initial ones
    randomised(model)
    for row, logits in enumerate(model(batch)):
        pooled = pairs_of_row(vectors_of_row(model.embedding, log.schema, batch, row))
        hidden = mlp_of_row([*model.after_pooling, *model.mlp.layers], pooled)
        expected = linear_of_row(model.linear, log.schema, batch, row) + hidden
        torch.testing.assert_close(logits, expected[0] if classes == 2 else expected)


def attended_of_row(layer: Interacting, vectors: list[Tensor]) -> list[Tensor]:
    """Field by field and head by head; the matrices of a head are blocks of rows of the layer's one matrix."""
    size = len(layer.maps.weight) // 4 // layer.heads
    query, key, value, residual = layer.maps.weight.view(4, layer.heads, size, -1)
    found = []
    for own in vectors:
        heads = []
        for head in range(layer.heads):
            scores = torch.stack([(query[head] @ own) @ (key[head] @ other) for other in vectors]).exp()
            terms = [share * (value[head] @ other) for share, other in zip(scores / scores.sum(), vectors, strict=True)]
            heads.append(torch.stack(terms).sum(0) + residual[head] @ own)
        found.append(torch.cat(heads).clamp(min=0))
    return found


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("hidden_dims", [(), (5, 4)])
def test_autoint(hidden_dims: tuple[int, ...], classes: int) -> None:
    log = make_logs(60, classes=classes).train
    model = AutoInt(log.schema, embedding_dim=3, layers=2, heads=3, attention_dim=2, hidden_dims=hidden_dims)
    batch = first_batch(log, 12)
    for row, logits in enumerate(randomised(model)(batch)):
        vectors = vectors_of_row(model.embedding, log.schema, batch, row)
        attended = vectors
        for layer in model.attention:
            attended = attended_of_row(layer, attended)
        expected = model.output.weight @ torch.cat(attended) + model.output.bias
        if isinstance(model.mlp, MLP):
            expected = expected + mlp_of_row(model.mlp.layers, torch.cat(vectors))
        torch.testing.assert_close(logits, expected[0] if classes == 2 else expected)


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
