"""MetaInteraction."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from clickwise.data.log import Batch
from clickwise.errors import InputError
from clickwise.models.model import DEEP_RECIPE, Model
from clickwise.nn.activation_unit import (
    ActivationUnit,
    behaviour_vectors,
    candidate_vectors,
    fields_beside,
    real_behaviours,
    weighted_sum,
)
from clickwise.nn.auxiliary import AuxiliaryLoss
from clickwise.nn.behaviour_labels import BehaviourLabels
from clickwise.nn.behaviours import Behaviours, need_behaviours
from clickwise.nn.embedding import FieldEmbedding
from clickwise.nn.long_short_term import LongShortTerm
from clickwise.nn.mlp import MLP
from clickwise.nn.next_behaviour import behaviour_ids, next_behaviour_loss
from clickwise.nn.recurrent import Evolution, Steps
from clickwise.schema import Schema


class MetaInteraction(Model):
    """The session model of recurrent meta-learning (Chen et al. 2022, section 3.2): two parallel views of a session.

    One branch weighs the session's items by how they bear on this candidate (Eq. 2), the other runs a layer of long
    short-term memory through them and keeps its last state (Eq. 3). Both stand among the field vectors in place of the
    session's means, and all go through an MLP with Dice (Eq. 5). The session is the sequences of one length that
    collect all interactions, clicked or not; where the schema has none, those of clicks that it names first.

    Further losses, in training alone: each state of the second branch tells whether the item that follows it is clicked
    (Eq. 7; a mean over items, where the paper's sum would weigh long sessions more), and the squares of the weights of
    attention and MLP (the paper gives neither its form nor its scale; here half their sum). Where a session has no
    labels, states are asked to tell the item that follows from another of the batch, as in ``DIEN``. The paper's total
    (Eq. 8) also weighs the log loss, by alpha: here that weight is one, so the others are beta / alpha and
    gamma / alpha. Adam hardly notices the scale of a total.

    Args:
        schema: fitted schema with at least one history of the kind ``sequence`` that collects a category field.
        embedding_dim: length of a field's vector; a state has as many values as the vectors of an item.
        attention: have the branch that weighs items.
        recurrent: have the branch of long short-term memory, and its loss.
        read_labels: both branches also read whether each item of the session was clicked. As published they see only
            what was shown, and labels reach the network through the auxiliary loss and a mean over the session.
        attention_hidden_dims: lengths of the hidden layers of the unit that weighs items.
        auxiliary_weight: of the loss on states; the paper's 0.3 / 0.7 on MovieLens.
        l2_weight: of the squares of weights.
        hidden_dims: lengths of the MLP's hidden layers.
        dropout: probability of dropping a hidden unit of the MLP.
        initial_deviation: standard deviation of the initial vectors; it decides how fast interactions are learned.

    Raises:
        InputError: the schema has no such history, or none of labels to read, or a weight is negative.
    """

    recipe = DEEP_RECIPE
    has_mlp = True
    interaction_layers: ClassVar[Sequence[str]] = ("unit", "recurrence")
    beside: Tensor

    def __init__(
        self,
        schema: Schema,
        embedding_dim: int = 16,
        attention: bool = True,
        recurrent: bool = True,
        read_labels: bool = False,
        attention_hidden_dims: Sequence[int] = (36,),
        auxiliary_weight: float = 3 / 7,
        l2_weight: float = 1e-5,
        hidden_dims: Sequence[int] = (256, 256, 256),
        dropout: float = 0.2,
        initial_deviation: float = 0.01,
    ) -> None:
        super().__init__(schema)
        for name, weight in (("auxiliary_weight", auxiliary_weight), ("l2_weight", l2_weight)):
            if weight < 0:
                raise InputError(f"{name} must be at least 0, not {weight}")
        self.embedding_dim = embedding_dim
        self.attention = attention
        self.recurrent = recurrent
        self.read_labels = read_labels
        self.attention_hidden_dims = tuple(attention_hidden_dims)
        self.auxiliary_weight = auxiliary_weight
        self.l2_weight = l2_weight
        self.hidden_dims = tuple(hidden_dims)
        self.dropout = dropout
        self.initial_deviation = initial_deviation
        self.session = session_of(schema)
        self.embedding = FieldEmbedding(schema, embedding_dim, initial_deviation)
        self.inputs = with_labels(schema, self.session) if read_labels else self.session
        dim, self.label_dim = len(self.session.sequences) * embedding_dim, read_labels * embedding_dim
        self.unit = ActivationUnit(dim + self.label_dim, self.attention_hidden_dims) if attention else None
        self.recurrence = LongShortTerm(dim + self.label_dim, dim) if recurrent else None
        supervised = recurrent and auxiliary_weight > 0
        self.auxiliary = AuxiliaryLoss("session", auxiliary_weight) if supervised else None
        self.l2 = AuxiliaryLoss("l2", l2_weight) if l2_weight else None
        labelled = supervised and self.session.labels is not None
        self.labels = BehaviourLabels(schema, self.session) if labelled else None
        self.register_buffer("beside", fields_beside(schema, [self.session], self.embedding.fields), persistent=False)
        width = len(self.beside) * embedding_dim + dim * (attention + recurrent) + self.label_dim * attention
        self.mlp = MLP(width, self.hidden_dims, schema.outputs, dropout, activation="dice")

    def forward(self, batch: Batch) -> Tensor:
        vectors = self.embedding.slots(batch)
        fields = self.embedding.pooling(vectors, batch.ids).index_select(1, self.beside)
        steps = Steps.of(real_behaviours(self.session, batch.ids))
        items = behaviour_vectors(self.inputs, vectors, steps.row, steps.position)
        found = [fields.flatten(1)]
        if self.unit is not None:
            candidate = functional.pad(candidate_vectors(self.session, vectors), (0, self.label_dim))
            weights = self.unit(candidate, items, steps.row)
            found.append(weighted_sum(weights, items, steps.row, len(batch)))
        if self.recurrence is not None:
            read = self.recurrence(items, steps.sizes)
            found.append(read.last.new_zeros(len(batch), read.last.shape[1]).index_copy(0, steps.rows, read.last))
            if self.auxiliary is not None and self.auxiliary.asked:
                self.auxiliary.tell(self.session_loss(read, items[:, : read.last.shape[1]], batch.ids, steps))
        if self.l2 is not None and self.l2.asked:
            self.l2.tell(half_squares([self.mlp] if self.unit is None else [self.mlp, self.unit]))
        return self.shape_logits(self.mlp(torch.cat(found, dim=1), batch))

    def session_loss(self, read: Evolution, items: Tensor, ids: Tensor, steps: Steps) -> Tensor:
        """The loss of states on the items that follow them (Eq. 7), a scalar; zero where no session has two items.

        Args:
            read: the states.
            items: ``[packed, dim]``.
            ids: ``[batch, width]``.
            steps: of the items.
        """
        states = torch.cat(read.states) if read.states else read.last
        if self.labels is None:
            return next_behaviour_loss(states, items, behaviour_ids(self.session, ids, steps), steps)
        if len(steps.rows) == len(items):
            return states.new_zeros(())
        clicked = self.labels(ids)[steps.row, steps.position][len(steps.rows) :].ge(self.schema.click_from)
        logits = (states.index_select(0, steps.previous()) * items[len(steps.rows) :]).sum(1)
        return functional.softplus(torch.where(clicked, -logits, logits)).mean()


def session_of(schema: Schema) -> Behaviours:
    """The sequences that collect all interactions, clicked or not; without any, those of clicks that come first.

    Raises:
        InputError: the schema has no sequences at all.
    """
    groups = need_behaviours(schema, "MetaInteraction")
    return next((group for group in groups if group.events == "all"), groups[0])


def with_labels(schema: Schema, session: Behaviours) -> Behaviours:
    """The session with its labels read beside its items.

    Raises:
        InputError: the schema has no history of labels for it.
    """
    if session.labels is None:
        raise InputError(
            f"read_labels needs a history of labels of {session.length} slots and events {session.events!r} "
            f"beside {session.sequences[0]!r}; this schema has none"
        )
    return replace(session, slots=(*session.slots, schema.slots(session.labels)))


def half_squares(modules: Sequence[nn.Module]) -> Tensor:
    """Half the sum of the squares of all weight matrices, a scalar; biases and what Dice learns are left out."""
    weights = [module.weight for root in modules for module in root.modules() if isinstance(module, nn.Linear)]
    return torch.stack([weight.square().sum() for weight in weights]).sum() / 2
