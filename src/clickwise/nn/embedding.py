"""One vector a field: tables over ids, vectors for numbers, means over bags and sequences."""

from collections.abc import Sequence

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


def value_shares(ids: Tensor, lengths: Sequence[int]) -> Tensor:
    """What each slot counts: ``1 / number of values`` of its field, 0 for padding; a bag weighs as much as a category.

    Args:
        ids: ``[batch, width]``.
        lengths: slots of each id field; they add up to ``width``.

    Returns:
        ``float32 [batch, width]``.
    """
    filled = ids.ne(PADDING).float().split(list(lengths), dim=1)
    return torch.cat([part / part.sum(1, keepdim=True).clamp(min=1) for part in filled], dim=1)


class FieldEmbedding(nn.Module):
    """``batch -> [batch, fields, embedding_dim]``: as ``SlotEmbedding``, bags and sequences averaged over their values.

    ``fields`` counts id fields and number columns: ``len(schema.id_fields) + schema.number_width``.
    """

    def __init__(self, schema: Schema, embedding_dim: int, deviation: float = 0.01) -> None:
        super().__init__()
        self.slots = SlotEmbedding(schema, embedding_dim, deviation)
        self.lengths = [f.length for f in schema.id_fields]
        self.numbers = schema.number_width
        self.fields = len(self.lengths) + self.numbers

    def forward(self, batch: Batch) -> Tensor:
        vectors: Tensor = self.slots(batch)
        if max(self.lengths, default=1) == 1:
            return vectors
        parts = list(vectors.split([*self.lengths, *[1] * self.numbers], dim=1))
        shares = value_shares(batch.ids, self.lengths).unsqueeze(2).split(self.lengths, dim=1)
        for index, share in enumerate(shares):
            if share.shape[1] > 1:
                parts[index] = (parts[index] * share).sum(1, keepdim=True)
        return torch.cat(parts, dim=1)


class Linear(nn.Module):
    """First-order term ``batch -> [batch, outputs]``: a bias and one weight an id, averaged within a field."""

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self.weights = FieldEmbedding(schema, schema.outputs, deviation=0.0)
        self.bias = nn.Parameter(torch.zeros(schema.outputs))

    def forward(self, batch: Batch) -> Tensor:
        return self.bias + self.weights(batch).sum(1)
