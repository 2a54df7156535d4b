"""Factorisation machine."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from clickwise.data.log import Batch
from clickwise.models.model import Model
from clickwise.nn.embedding import FieldEmbedding, Linear
from clickwise.nn.interactions import Sum, pairwise
from clickwise.schema import Schema


class FM(Model):
    """Factorisation machine (Rendle 2010, Eq. 1): ``w_0 + sum_i w_i x_i + sum_{i<j} <v_i, v_j> x_i x_j``.

    A bag or sequence is one field with the mean of its values' vectors, so its values do not interact with each other.

    Args:
        schema: fitted schema.
        embedding_dim: length of the factors.
        initial_deviation: standard deviation of the initial vectors; it decides how fast interactions are learned.
    """

    recipe: ClassVar[Mapping[str, Any]] = {"learning_rate": 3e-3, "weight_decay": 1e-5, "batch_size": 1000}

    def __init__(self, schema: Schema, embedding_dim: int = 10, initial_deviation: float = 0.1) -> None:
        super().__init__(schema)
        self.embedding_dim = embedding_dim
        self.initial_deviation = initial_deviation
        self.linear = Linear(schema)
        self.embedding = FieldEmbedding(schema, embedding_dim, initial_deviation)
        self.interaction = Sum(embedding_dim, schema)

    def forward(self, batch: Batch) -> Tensor:
        return self.shape_logits(self.linear(batch) + self.interaction(pairwise(self.embedding(batch))))
