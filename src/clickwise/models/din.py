"""DIN."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.models.model import DEEP_RECIPE, Model
from clickwise.nn.activation_unit import (
    ActivationUnit,
    behaviour_vectors,
    candidate_vectors,
    fields_beside,
    real_behaviours,
    segment_softmax,
    weighted_sum,
)
from clickwise.nn.behaviours import Behaviours, need_behaviours
from clickwise.nn.embedding import FieldEmbedding
from clickwise.nn.mlp import MLP
from clickwise.schema import Schema


class DIN(Model):
    """Deep interest network (Zhou et al. 2018, Eq. 3): behaviours weighed by how they bear on this candidate.

    Sequences of one length are one history: a behaviour is their vectors side by side, and it is weighed against the
    candidate's fields of the same meaning. The weighted sums stand among the field vectors in place of the sequences'
    means, and go through an MLP. The MLP's activation is ReLU, that of the weighing unit Dice.

    Args:
        schema: fitted schema with at least one history of the kind ``sequence`` that collects a category field.
        embedding_dim: length of a field's vector.
        attention_hidden_dims: lengths of the hidden layers of the unit that weighs behaviours.
        softmax: let the weights of a row sum to 1; the paper's do not, so that they say how strong an interest is.
        hidden_dims: lengths of the MLP's hidden layers.
        dropout: probability of dropping a hidden unit of the MLP.
        batch_norm: normalise the MLP's hidden layers.
        initial_deviation: standard deviation of the initial vectors; it decides how fast interactions are learned.

    Raises:
        InputError: the schema has no such history.
    """

    recipe = DEEP_RECIPE
    has_mlp = True
    interaction_layers: ClassVar[Sequence[str]] = ("units",)
    beside: Tensor

    def __init__(
        self,
        schema: Schema,
        embedding_dim: int = 16,
        attention_hidden_dims: Sequence[int] = (36,),
        softmax: bool = False,
        hidden_dims: Sequence[int] = (256, 256, 256),
        dropout: float = 0.2,
        batch_norm: bool = False,
        initial_deviation: float = 0.01,
    ) -> None:
        super().__init__(schema)
        self.embedding_dim = embedding_dim
        self.attention_hidden_dims = tuple(attention_hidden_dims)
        self.softmax = softmax
        self.hidden_dims = tuple(hidden_dims)
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.initial_deviation = initial_deviation
        self.groups = need_behaviours(schema, "DIN")
        self.embedding = FieldEmbedding(schema, embedding_dim, initial_deviation)
        self.units = nn.ModuleList(
            ActivationUnit(len(group.sequences) * embedding_dim, self.attention_hidden_dims, intercept=not softmax)
            for group in self.groups
        )
        self.mlp = MLP(self.embedding.fields * embedding_dim, self.hidden_dims, schema.outputs, dropout, batch_norm)
        self.register_buffer("beside", fields_beside(schema, self.groups, self.embedding.fields), persistent=False)

    def forward(self, batch: Batch) -> Tensor:
        vectors = self.embedding.slots(batch)
        fields = self.embedding.pooling(vectors, batch.ids).index_select(1, self.beside)
        units = zip(self.groups, self.units, strict=True)
        interests = [self.interest(group, unit, vectors, batch.ids) for group, unit in units]
        return self.shape_logits(self.mlp(torch.cat([fields.flatten(1), *interests], dim=1), batch))

    def interest(self, group: Behaviours, unit: nn.Module, vectors: Tensor, ids: Tensor) -> Tensor:
        """``[batch, sequences * embedding_dim]``: the weighted sum of a group's behaviours; zero where there are none.

        Args:
            group: the sequences.
            unit: what weighs the behaviours.
            vectors: ``[batch, slots, embedding_dim]`` of all slots.
            ids: ``[batch, width]``.
        """
        row, position = real_behaviours(group, ids).nonzero(as_tuple=True)
        keys = behaviour_vectors(group, vectors, row, position)
        weights = unit(candidate_vectors(group, vectors), keys, row)
        if self.softmax:
            weights = segment_softmax(weights, row, len(ids))
        return weighted_sum(weights, keys, row, len(ids))
