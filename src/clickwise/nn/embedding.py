"""One vector a field: tables over ids, vectors for numbers, means over bags and sequences."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from clickwise.data.log import Batch
from clickwise.nn.tables import id_table
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
        self.table = id_table(schema, embedding_dim, deviation)
        self.numbers = nn.Parameter(torch.zeros(schema.number_width, embedding_dim))
        nn.init.normal_(self.numbers, std=deviation)

    def forward(self, batch: Batch) -> Tensor:
        vectors: Tensor = self.table(batch.ids)
        if not len(self.numbers):
            return vectors
        return torch.cat([vectors, batch.numbers.unsqueeze(2) * self.numbers], dim=1)


class ValueShares(nn.Module):
    """What each slot counts: ``1 / number of values`` of its field, 0 for padding; a bag weighs as much as a category.

    ``ids [batch, width] -> float32 [batch, width + number_width]``; a number column counts 1.

    Args:
        schema: fitted schema.
    """

    same_field: Tensor

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self.numbers = schema.number_width
        # Products with constant 0/1 matrices in place of a loop over fields: a tenth of a meta-learning step.
        field = torch.repeat_interleave(torch.tensor([f.length for f in schema.id_fields], dtype=torch.long))
        self.register_buffer("same_field", field.unsqueeze(0).eq(field.unsqueeze(1)).float(), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        filled = ids.ne(PADDING).to(self.same_field)
        shares = filled / (filled @ self.same_field).clamp(min=1)
        return functional.pad(shares, (0, self.numbers), value=1.0) if self.numbers else shares


class FieldMeans(nn.Module):
    """``(vectors [batch, slots, dim], ids) -> [batch, fields, dim]``: bags and sequences averaged over their values.

    Args:
        schema: fitted schema; ``slots`` are its ``width + number_width``.
        bags_apart: give every slot of a bag back by itself, times its share of the bag.
    """

    pool: Tensor

    def __init__(self, schema: Schema, bags_apart: bool = False) -> None:
        super().__init__()
        self.shares = ValueShares(schema)
        of_fields = [[1] * f.length if bags_apart and f.kind == "bag" else [f.length] for f in schema.id_fields]
        lengths = [*(length for lengths in of_fields for length in lengths), *[1] * schema.number_width]
        self.fields = len(lengths)
        self.single = schema.width == len(schema.id_fields)
        field = torch.repeat_interleave(torch.tensor(lengths, dtype=torch.long))
        pool = (
            torch.arange(self.fields).unsqueeze(1).eq(field).float()
        )  # [fields, slots], 1 where a slot is the field's
        self.register_buffer("pool", pool, persistent=False)

    def forward(self, vectors: Tensor, ids: Tensor) -> Tensor:
        if self.single:
            return vectors
        shares = self.shares(ids)
        if self.fields == self.pool.shape[1]:  # no two slots meet in a field: a product a slot, not one of matrices
            return vectors * shares.unsqueeze(2)
        return torch.matmul(self.pool * shares.unsqueeze(1), vectors)


class FieldEmbedding(nn.Module):
    """``batch -> [batch, fields, embedding_dim]``: as ``SlotEmbedding``, bags and sequences averaged over their values.

    ``fields`` counts id fields and number columns: ``len(schema.id_fields) + schema.number_width``. A model that needs
    the slots too calls ``slots`` and ``pooling`` itself.

    Args:
        schema: fitted schema.
        embedding_dim: length of a field's vector.
        deviation: standard deviation of the initial vectors.
    """

    def __init__(self, schema: Schema, embedding_dim: int, deviation: float = 0.01) -> None:
        super().__init__()
        self.slots = SlotEmbedding(schema, embedding_dim, deviation)
        self.pooling = FieldMeans(schema)
        self.fields = self.pooling.fields

    def forward(self, batch: Batch) -> Tensor:
        vectors: Tensor = self.pooling(self.slots(batch), batch.ids)
        return vectors


class Linear(nn.Module):
    """First-order term ``batch -> [batch, outputs]``: a bias and one weight an id, averaged within a field.

    Args:
        schema: fitted schema; ``outputs`` is 1 for binary labels, else its number of classes.
    """

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self.weights = FieldEmbedding(schema, schema.outputs, deviation=0.0)
        self.bias = nn.Parameter(torch.zeros(schema.outputs))

    def forward(self, batch: Batch) -> Tensor:
        # The sum over fields is one over slots, so no field's mean need be formed.
        shares = self.weights.pooling.shares(batch.ids)
        return self.bias + (self.weights.slots(batch) * shares.unsqueeze(2)).sum(1)
