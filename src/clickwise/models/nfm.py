"""Neural factorisation machine."""

from collections.abc import Sequence

from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.models.model import DEEP_RECIPE, Model
from clickwise.nn.dropout import Dropout
from clickwise.nn.embedding import FieldEmbedding, Linear
from clickwise.nn.interactions import pairwise
from clickwise.nn.mlp import MLP
from clickwise.nn.normalisation import BatchNorm
from clickwise.schema import Schema


class NFM(Model):
    """Neural factorisation machine (He and Chua 2017): ``linear + MLP(sum_{i<j} e_i * e_j)``.

    The sum of the field vectors' products (bi-interaction pooling) goes through an MLP where a factorisation machine
    adds its entries up.

    Args:
        schema: fitted schema.
        embedding_dim: length of a field's vector, and so of the pooling.
        hidden_dims: lengths of the MLP's hidden layers.
        pooling_dropout: probability of dropping an entry of the pooling.
        dropout: probability of dropping a hidden unit.
        batch_norm: normalise the pooling and hidden layers.
        initial_deviation: standard deviation of the initial vectors; it decides how fast interactions are learned.
    """

    recipe = DEEP_RECIPE
    has_mlp = True

    def __init__(
        self,
        schema: Schema,
        embedding_dim: int = 32,
        hidden_dims: Sequence[int] = (64,),
        pooling_dropout: float = 0.2,
        dropout: float = 0.2,
        batch_norm: bool = False,
        initial_deviation: float = 0.01,
    ) -> None:
        super().__init__(schema)
        self.embedding_dim = embedding_dim
        self.hidden_dims = tuple(hidden_dims)
        self.pooling_dropout = pooling_dropout
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.initial_deviation = initial_deviation
        self.linear = Linear(schema)
        self.embedding = FieldEmbedding(schema, embedding_dim, initial_deviation)
        self.after_pooling = nn.Sequential(
            BatchNorm(embedding_dim) if batch_norm else nn.Identity(), Dropout(pooling_dropout)
        )
        self.mlp = MLP(embedding_dim, self.hidden_dims, schema.outputs, dropout, batch_norm)

    def forward(self, batch: Batch) -> Tensor:
        pooled = self.after_pooling(pairwise(self.embedding(batch)))
        return self.shape_logits(self.linear(batch) + self.mlp(pooled, batch))
