"""One vector a field: tables over ids, vectors for numbers, means over bags and sequences."""

import torch
from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.schema import PADDING, Schema


class SlotEmbedding(nn.Module):
    """``batch -> [batch, width + number_width, embedding_dim]``: one vector a slot and one a number column.

    Padding slots are zero vectors. A number column gives its value times a learned vector.

    Args:
        schema: fitted schema.
        embedding_dim: length of a vector.
        deviation: standard deviation of the normal initial values; 0 starts at zero.
    """

    def __init__(self, schema: Schema, embedding_dim: int, deviation: float = 0.01) -> None:
        super().__init__()
        self.table = nn.Embedding(schema.size, embedding_dim, padding_idx=PADDING)
        self.numbers = nn.Parameter(torch.zeros(schema.number_width, embedding_dim))
        nn.init.normal_(self.table.weight, std=deviation)
        nn.init.normal_(self.numbers, std=deviation)
        with torch.no_grad():
            self.table.weight[PADDING] = 0.0

    def forward(self, batch: Batch) -> Tensor:
        vectors: Tensor = self.table(batch.ids)
        if not len(self.numbers):
            return vectors
        return torch.cat([vectors, batch.numbers.unsqueeze(2) * self.numbers], dim=1)


class FieldEmbedding(nn.Module):
    """``batch -> [batch, fields, embedding_dim]``: as ``SlotEmbedding``, bags and sequences averaged over their values.

    ``fields`` counts id fields and number columns: ``len(schema.id_fields) + schema.number_width``.
    """

    def __init__(self, schema: Schema, embedding_dim: int, deviation: float = 0.01) -> None:
        super().__init__()
        self.slots = SlotEmbedding(schema, embedding_dim, deviation)
        self.lengths = [f.length for f in schema.id_fields] + [1] * schema.number_width
        self.fields = len(self.lengths)
        self.pooled = [index for index, length in enumerate(self.lengths) if length > 1]

    def forward(self, batch: Batch) -> Tensor:
        vectors: Tensor = self.slots(batch)
        if not self.pooled:
            return vectors
        filled = batch.ids.ne(PADDING)
        parts = list(vectors.split(self.lengths, dim=1))
        start = 0
        for index, length in enumerate(self.lengths):
            if length > 1:
                count = filled[:, start : start + length].sum(1).clamp_(min=1)
                parts[index] = parts[index].sum(1, keepdim=True) / count.view(-1, 1, 1)
            start += length
        return torch.cat(parts, dim=1)


class Linear(nn.Module):
    """First-order term ``batch -> [batch, outputs]``: a bias and one weight an id, averaged within a field."""

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self.weights = FieldEmbedding(schema, schema.outputs, deviation=0.0)
        self.bias = nn.Parameter(torch.zeros(schema.outputs))

    def forward(self, batch: Batch) -> Tensor:
        return self.bias + self.weights(batch).sum(1)
