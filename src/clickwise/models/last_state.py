"""What GRU4Rec and LSTM4Rec share: the last state of a recurrent layer beside the other fields."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.models.model import DEEP_RECIPE, Model
from clickwise.nn.activation_unit import behaviour_vectors, fields_beside, real_behaviours
from clickwise.nn.behaviours import need_behaviours
from clickwise.nn.embedding import FieldEmbedding
from clickwise.nn.long_short_term import LongShortTerm
from clickwise.nn.mlp import MLP
from clickwise.nn.recurrent import GatedRecurrence, Steps
from clickwise.schema import Schema


class LastState(Model):
    """A recurrent layer reads the behaviours; its last state and the fields beside them go through an MLP.

    Sequences of one length are one history, as in ``DIN``, with a recurrent layer of its own; the state of a user
    without behaviours is zero. The layer does not know the candidate: it meets the state in the MLP.

    Args:
        schema: fitted schema with at least one history of the kind ``sequence`` that collects a category field.
        embedding_dim: length of a field's vector.
        state_dim: length of a recurrent state.
        hidden_dims: lengths of the MLP's hidden layers.
        dropout: probability of dropping a hidden unit of the MLP.
        batch_norm: normalise the MLP's hidden layers.
        initial_deviation: standard deviation of the initial vectors; it decides how fast interactions are learned.

    Attributes:
        layer: what reads the behaviours.
    """

    recipe = DEEP_RECIPE
    has_mlp = True
    interaction_layers: ClassVar[Sequence[str]] = ("recurrences",)
    layer: ClassVar[type[GatedRecurrence] | type[LongShortTerm]]
    beside: Tensor

    def __init__(
        self,
        schema: Schema,
        embedding_dim: int = 16,
        state_dim: int = 32,
        hidden_dims: Sequence[int] = (256, 256, 256),
        dropout: float = 0.2,
        batch_norm: bool = False,
        initial_deviation: float = 0.01,
    ) -> None:
        super().__init__(schema)
        self.embedding_dim = embedding_dim
        self.state_dim = state_dim
        self.hidden_dims = tuple(hidden_dims)
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.initial_deviation = initial_deviation
        self.groups = need_behaviours(schema, type(self).__name__)
        self.embedding = FieldEmbedding(schema, embedding_dim, initial_deviation)
        dims = [len(group.sequences) * embedding_dim for group in self.groups]
        self.recurrences = nn.ModuleList(self.layer(dim, state_dim) for dim in dims)
        self.register_buffer("beside", fields_beside(schema, self.groups, self.embedding.fields), persistent=False)
        width = len(self.beside) * embedding_dim + len(self.groups) * state_dim
        self.mlp = MLP(width, self.hidden_dims, schema.outputs, dropout, batch_norm)

    def forward(self, batch: Batch) -> Tensor:
        vectors = self.embedding.slots(batch)
        fields = self.embedding.pooling(vectors, batch.ids).index_select(1, self.beside)
        found = []
        for group, recurrence in zip(self.groups, self.recurrences, strict=True):
            steps = Steps.of(real_behaviours(group, batch.ids))
            behaviours = behaviour_vectors(group, vectors, steps.row, steps.position)
            last = recurrence(behaviours, steps.sizes).last
            found.append(last.new_zeros(len(batch), self.state_dim).index_copy(0, steps.rows, last))
        return self.shape_logits(self.mlp(torch.cat([fields.flatten(1), *found], dim=1), batch))
