"""A network of one's own: the user's fields and the item's fields each make a vector, and their product is the logit.

Usage: python -m clickwise compare clicks.csv --schema clicks.yaml --methods fm,examples.two_towers:TwoTowers
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from clickwise import Batch, Schema
from clickwise.models import Model
from clickwise.nn import FieldEmbedding


class TwoTowers(Model):
    """Two MLPs, one over the fields of users and histories, one over those of items and context.

    Args:
        schema: fitted schema; numbers that stay numbers are left to other models.
        embedding_dim: length of a field's vector.
        tower_dim: length of the two vectors that meet.
    """

    recipe: ClassVar = {"learning_rate": 3e-3}

    def __init__(self, schema: Schema, embedding_dim: int = 8, tower_dim: int = 16) -> None:
        super().__init__(schema)
        self.embedding_dim = embedding_dim
        self.tower_dim = tower_dim
        self.embedding = FieldEmbedding(schema, embedding_dim, deviation=0.1)
        self.of_user = [n for n, f in enumerate(schema.id_fields) if f.owner in ("user", "history")]
        self.of_item = [n for n, f in enumerate(schema.id_fields) if f.owner not in ("user", "history")]
        self.user_tower = nn.Linear(len(self.of_user) * embedding_dim, tower_dim)
        self.item_tower = nn.Linear(len(self.of_item) * embedding_dim, tower_dim)
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, batch: Batch) -> Tensor:
        vectors = self.embedding(batch)
        user = self.user_tower(vectors[:, self.of_user].flatten(1)).relu()
        item = self.item_tower(vectors[:, self.of_item].flatten(1))
        logits: Tensor = self.bias + (user * item).sum(1)
        return logits
