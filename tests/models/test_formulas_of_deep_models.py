"""Logits of PNN, NFM and AutoInt against their papers' formulas, written out row by row, pair by pair, head by head."""

import pytest
import torch
from torch import Tensor

from clickwise.errors import InputError
from clickwise.models import NFM, PNN, AutoInt
from clickwise.nn.attention import Interacting
from clickwise.nn.mlp import MLP
from tests.logs import first_batch, make_logs, mixed_schema
from tests.models.by_row import linear_of_row, mlp_of_row, pairs_of_row, randomised, vectors_of_row


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
        PNN(mixed_schema(), products="iner")


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
