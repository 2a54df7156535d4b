"""What models are made of, written out row by row and pair by pair."""

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

from clickwise.data.log import Batch
from clickwise.nn.embedding import FieldEmbedding, Linear
from clickwise.schema import Schema
from clickwise.training import seeded

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
