"""DNN."""

from collections.abc import Sequence

from torch import Tensor

from clickwise.data.log import Batch
from clickwise.models.model import DEEP_RECIPE, Model
from clickwise.nn.embedding import FieldEmbedding
from clickwise.nn.mlp import MLP
from clickwise.schema import Schema


class DNN(Model):
    """A deep neural network: field vectors side by side through an MLP, the base that other deep models add to.

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
        self.embedding = FieldEmbedding(schema, embedding_dim, initial_deviation)
        self.mlp = MLP(self.embedding.fields * embedding_dim, self.hidden_dims, schema.outputs, dropout, batch_norm)

    def forward(self, batch: Batch) -> Tensor:
        return self.shape_logits(self.mlp(self.embedding(batch).flatten(1), batch))
