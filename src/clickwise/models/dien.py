"""DIEN."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.errors import InputError, nearest
from clickwise.models.model import DEEP_RECIPE, Model
from clickwise.nn.activation_unit import (
    behaviour_vectors,
    candidate_vectors,
    fields_beside,
    real_behaviours,
    segment_softmax,
)
from clickwise.nn.auxiliary import AuxiliaryLoss
from clickwise.nn.behaviours import need_behaviours
from clickwise.nn.embedding import FieldEmbedding
from clickwise.nn.mlp import MLP
from clickwise.nn.next_behaviour import behaviour_ids, next_behaviour_loss
from clickwise.nn.recurrent import GatedRecurrence, Steps
from clickwise.schema import Schema

EVOLUTIONS = {"augru": "augru", "agru": "agru", "aigru": "gru"}  # the cell of each


class Interest(nn.Module):
    """How an interest grew over a user's behaviours, seen from a candidate (Zhou et al. 2019, Eq. 2 to 13).

    A recurrent layer reads the behaviours; its states, each weighed by ``softmax(h^T W q)`` over the states of the row,
    drive a second one, whose last state is the interest.

    Args:
        dim: length of a behaviour, of a candidate and of a state.
        evolution: as of ``DIEN``.
    """

    def __init__(self, dim: int, evolution: str) -> None:
        super().__init__()
        self.weighs_inputs = evolution == "aigru"
        self.extractor = GatedRecurrence(dim, dim)
        self.attention = nn.Linear(dim, dim, bias=False)
        self.evolution = GatedRecurrence(dim, dim, EVOLUTIONS[evolution])

    def forward(self, behaviours: Tensor, candidate: Tensor, steps: Steps) -> tuple[Tensor, Tensor]:
        """The interests ``[batch, dim]``, zero without behaviours; and the states behind them ``[packed, dim]``.

        Args:
            behaviours: ``[packed, dim]``.
            candidate: ``[batch, dim]``.
            steps: of the behaviours.
        """
        extracted = self.extractor(behaviours, steps.sizes)
        states = torch.cat(extracted.states) if extracted.states else extracted.last
        scores = (self.attention(candidate).index_select(0, steps.row) * states).sum(1)
        weights = segment_softmax(scores, steps.row, steps.batch)
        if self.weighs_inputs:
            last = self.evolution(weights.unsqueeze(1) * states, steps.sizes).last
        else:
            last = self.evolution(states, steps.sizes, weights).last
        return last.new_zeros(steps.batch, last.shape[1]).index_copy(0, steps.rows, last), states


class DIEN(Model):
    """Deep interest evolution network (Zhou et al. 2019): interests as they grow from one behaviour to the next.

    Sequences of one length are one history, as in ``DIN``; the interest in this candidate stands among the field
    vectors in place of the sequences' means, and all go through an MLP. In training an auxiliary loss asks each state
    of the first recurrent layer to tell the behaviour that follows it from another behaviour of the batch.

    Args:
        schema: fitted schema with at least one history of the kind ``sequence`` that collects a category field.
        embedding_dim: length of a field's vector; a state has as many values as the vectors of a behaviour.
        evolution: how attention drives the second recurrent layer: ``augru`` scales its update gate, ``agru`` replaces
            it, ``aigru`` scales its input.
        auxiliary_weight: of the auxiliary loss; 0 for none.
        hidden_dims: lengths of the MLP's hidden layers.
        dropout: probability of dropping a hidden unit of the MLP.
        batch_norm: normalise the MLP's hidden layers.
        initial_deviation: standard deviation of the initial vectors; it decides how fast interactions are learned.

    Raises:
        InputError: the schema has no such history, ``evolution`` is unknown, or ``auxiliary_weight`` is negative.
    """

    recipe = DEEP_RECIPE
    has_mlp = True
    interaction_layers: ClassVar[Sequence[str]] = ("interests",)
    beside: Tensor

    def __init__(
        self,
        schema: Schema,
        embedding_dim: int = 16,
        evolution: str = "augru",
        auxiliary_weight: float = 1.0,
        hidden_dims: Sequence[int] = (256, 256, 256),
        dropout: float = 0.2,
        batch_norm: bool = False,
        initial_deviation: float = 0.01,
    ) -> None:
        super().__init__(schema)
        if evolution not in EVOLUTIONS:
            raise InputError(f"evolution {evolution!r} is unknown{nearest(evolution, EVOLUTIONS)}")
        if auxiliary_weight < 0:
            raise InputError(f"auxiliary_weight must be at least 0, not {auxiliary_weight}")
        self.embedding_dim = embedding_dim
        self.evolution = evolution
        self.auxiliary_weight = auxiliary_weight
        self.hidden_dims = tuple(hidden_dims)
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.initial_deviation = initial_deviation
        self.groups = need_behaviours(schema, "DIEN")
        self.embedding = FieldEmbedding(schema, embedding_dim, initial_deviation)
        dims = [len(group.sequences) * embedding_dim for group in self.groups]
        self.interests = nn.ModuleList(Interest(dim, evolution) for dim in dims)
        self.auxiliary = AuxiliaryLoss("next_behaviour", auxiliary_weight) if auxiliary_weight else None
        self.mlp = MLP(self.embedding.fields * embedding_dim, self.hidden_dims, schema.outputs, dropout, batch_norm)
        self.register_buffer("beside", fields_beside(schema, self.groups, self.embedding.fields), persistent=False)

    def forward(self, batch: Batch) -> Tensor:
        vectors = self.embedding.slots(batch)
        fields = self.embedding.pooling(vectors, batch.ids).index_select(1, self.beside)
        found, told = [], []
        for group, interest in zip(self.groups, self.interests, strict=True):
            steps = Steps.of(real_behaviours(group, batch.ids))
            behaviours = behaviour_vectors(group, vectors, steps.row, steps.position)
            last, states = interest(behaviours, candidate_vectors(group, vectors), steps)
            found.append(last)
            if self.auxiliary is not None and self.auxiliary.asked:
                told.append(next_behaviour_loss(states, behaviours, behaviour_ids(group, batch.ids, steps), steps))
        if told and self.auxiliary is not None:
            self.auxiliary.tell(torch.stack(told).mean())
        return self.shape_logits(self.mlp(torch.cat([fields.flatten(1), *found], dim=1), batch))
