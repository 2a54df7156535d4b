"""DeepFM."""

from collections.abc import Sequence

from torch import Tensor

from clickwise.data.log import Batch
from clickwise.models.model import DEEP_RECIPE, Model
from clickwise.nn.embedding import FieldEmbedding, Linear
from clickwise.nn.interactions import Sum, pairwise
from clickwise.nn.mlp import MLP
from clickwise.schema import Schema


class DeepFM(Model):
    """DeepFM (Guo et al. 2017, Eq. 1 to 4): a factorisation machine and an MLP over the same field vectors, added up.

    Args:
        schema: fitted schema.
        embedding_dim: length of a field's vector.
        hidden_dims: lengths of the MLP's hidden layers.
        dropout: probability of dropping a hidden unit.
        batch_norm: normalise hidden layers.
        initial_deviation: standard deviation of the initial vectors; it decides how fast interactions are learned.
    """

    recipe = DEEP_RECIPE
    has_mlp = True

    def __init__(
        self,
        schema: Schema,
        embedding_dim: int = 16,
        hidden_dims: Sequence[int] = (256, 256, 256),
        dropout: float = 0.2,
        batch_norm: bool = False,
        initial_deviation: float = 0.01,
    ) -> None:
        super().__init__(schema)
        self.embedding_dim = embedding_dim
        self.hidden_dims = tuple(hidden_dims)
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.initial_deviation = initial_deviation
        self.linear = Linear(schema)
        self.embedding = FieldEmbedding(schema, embedding_dim, initial_deviation)
        self.interaction = Sum(embedding_dim, schema)
        self.mlp = MLP(self.embedding.fields * embedding_dim, self.hidden_dims, schema.outputs, dropout, batch_norm)

    def forward(self, batch: Batch) -> Tensor:
        vectors = self.embedding(batch)
        interactions = self.interaction(pairwise(vectors))
        return self.shape_logits(self.linear(batch) + interactions + self.mlp(vectors.flatten(1), batch))
