"""Field-aware factorisation machine."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from clickwise.data.log import Batch
from clickwise.models.model import Model
from clickwise.nn.embedding import FieldMeans, Linear, SlotEmbedding
from clickwise.nn.interactions import Sum, field_aware_pairwise
from clickwise.schema import Schema


class FFM(Model):
    """Field-aware factorisation machine (Juan et al. 2016, Eq. 4): an id has one vector for every field it can meet.

    A bag of five values is five fields, as in the MetaSelector paper (section 5.2), and each of them counts a fifth, as
    in the other models. A sequence is one field, the average of its values: fifty earlier clicks are not fifty fields.

    Args:
        schema: fitted schema.
        embedding_dim: length of each vector; an id holds ``fields * embedding_dim`` values, a slot of a bag and a
            number column being a field each.
        initial_deviation: standard deviation of the initial vectors; it decides how fast interactions are learned.
    """

    recipe: ClassVar[Mapping[str, Any]] = {"learning_rate": 7e-4, "weight_decay": 1.5e-5, "batch_size": 1000}

    def __init__(self, schema: Schema, embedding_dim: int = 4, initial_deviation: float = 0.02) -> None:
        super().__init__(schema)
        self.embedding_dim = embedding_dim
        self.initial_deviation = initial_deviation
        self.pooling = FieldMeans(schema, bags_apart=True)
        self.fields = self.pooling.fields
        self.linear = Linear(schema)
        self.embedding = SlotEmbedding(schema, self.fields * embedding_dim, initial_deviation)
        self.interaction = Sum(embedding_dim, schema)

    def forward(self, batch: Batch) -> Tensor:
        # Averaged before they are multiplied: the products grow with the fields, not with the lengths of sequences.
        vectors = self.pooling(self.embedding(batch), batch.ids).unflatten(2, (self.fields, self.embedding_dim))
        return self.shape_logits(self.linear(batch) + self.interaction(field_aware_pairwise(vectors)))
