"""AutoInt."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.models.model import Model
from clickwise.nn.attention import Interacting
from clickwise.nn.embedding import FieldEmbedding
from clickwise.nn.mlp import MLP
from clickwise.schema import Schema


class AutoInt(Model):
    """AutoInt (Song et al. 2019): field vectors attend to each other, layer upon layer.

    There is no first-order term: the residual connections carry the vectors themselves. With ``hidden_dims`` it is
    AutoInt+, which adds an MLP over the same vectors.

    Args:
        schema: fitted schema.
        embedding_dim: length of a field's vector.
        layers: number of interacting layers.
        heads: attention heads of each layer.
        attention_dim: length of a head's vectors; a field leaves a layer with ``heads * attention_dim`` values.
        hidden_dims: lengths of the hidden layers of AutoInt+'s MLP; none for AutoInt.
        dropout: probability of dropping a hidden unit of that MLP.
        batch_norm: normalise its hidden layers.
        initial_deviation: standard deviation of the initial vectors; it decides how fast interactions are learned.
    """

    recipe: ClassVar[Mapping[str, Any]] = {"learning_rate": 3e-3, "weight_decay": 1e-5, "batch_size": 2000}
    interaction_layers: ClassVar[Sequence[str]] = ("attention",)

    def __init__(
        self,
        schema: Schema,
        embedding_dim: int = 16,
        layers: int = 3,
        heads: int = 2,
        attention_dim: int = 16,
        hidden_dims: Sequence[int] = (),
        dropout: float = 0.2,
        batch_norm: bool = False,
        initial_deviation: float = 0.1,
    ) -> None:
        super().__init__(schema)
        self.embedding_dim = embedding_dim
        self.layers = layers
        self.heads = heads
        self.attention_dim = attention_dim
        self.hidden_dims = tuple(hidden_dims)
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.initial_deviation = initial_deviation
        self.embedding = FieldEmbedding(schema, embedding_dim, initial_deviation)
        dims = [embedding_dim, *[heads * attention_dim] * layers]
        self.attention = nn.Sequential(*(Interacting(dim, heads, attention_dim) for dim in dims[:-1]))
        fields = self.embedding.fields
        self.output = nn.Linear(fields * dims[-1], schema.outputs)
        self.mlp = None
        if self.hidden_dims:
            self.mlp = MLP(fields * embedding_dim, self.hidden_dims, schema.outputs, dropout, batch_norm)

    def forward(self, batch: Batch) -> Tensor:
        vectors = self.embedding(batch)
        logits = self.output(self.attention(vectors).flatten(1))
        if self.mlp is not None:
            logits = logits + self.mlp(vectors.flatten(1), batch)
        return self.shape_logits(logits)
