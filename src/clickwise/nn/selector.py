"""The network that weighs models for a row."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.errors import InputError, nearest
from clickwise.nn.embedding import FieldEmbedding
from clickwise.nn.mlp import MLP
from clickwise.schema import Schema

INPUTS = ("features", "outputs", "both")


class Selector(nn.Module):
    """``(batch, logits of the models) -> log weights [batch, models]`` (MetaSelector paper, section 4.1).

    Args:
        schema: fitted schema.
        models: how many models there are.
        inputs: what it sees: the row's ``features`` x, the models' ``outputs`` M(x), or ``both``.
        embedding_dim: length of a field's vector; the selector has an id table of its own.
        hidden_dims: lengths of the MLP's hidden layers.
        dropout: probability of dropping a hidden unit.
        initial_deviation: standard deviation of the initial vectors.
    """

    def __init__(
        self,
        schema: Schema,
        models: int,
        inputs: str = "features",
        embedding_dim: int = 10,
        hidden_dims: Sequence[int] = (200, 200, 200),
        dropout: float = 0.0,
        initial_deviation: float = 0.01,
    ) -> None:
        super().__init__()
        if inputs not in INPUTS:
            raise InputError(f"selector inputs {inputs!r} are unknown{nearest(inputs, INPUTS)}")
        self.models = models
        self.inputs = inputs
        self.embedding_dim = embedding_dim
        self.hidden_dims = tuple(hidden_dims)
        self.dropout = dropout
        self.initial_deviation = initial_deviation
        self.embedding = FieldEmbedding(schema, embedding_dim, initial_deviation) if inputs != "outputs" else None
        width = 0 if self.embedding is None else self.embedding.fields * embedding_dim
        width += models * schema.outputs if inputs != "features" else 0
        self.mlp = MLP(width, self.hidden_dims, models, dropout)

    def forward(self, batch: Batch, logits: Sequence[Tensor]) -> Tensor:
        seen = [] if self.embedding is None else [self.embedding(batch).flatten(1)]
        if self.inputs != "features":
            seen += [logit.reshape(len(batch), -1) for logit in logits]
        return torch.log_softmax(self.mlp(torch.cat(seen, dim=1), batch), dim=1)

    @torch.no_grad()
    def start_from(self, weights: Tensor, least: float = 0.01) -> None:
        """Make it say ``weights [models]`` for every row, from where it then learns.

        Args:
            weights: non-negative, they sum to 1.
            least: a weight under this is raised to it, so that a model left out can come back.
        """
        last = self.mlp.layers[-1]
        assert isinstance(last, nn.Linear)
        last.weight.zero_()
        last.bias.copy_(weights.clamp(min=least).log())
