"""MIMN."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.errors import InputError
from clickwise.models.model import DEEP_RECIPE, Model
from clickwise.nn.activation_unit import (
    ActivationUnit,
    behaviour_vectors,
    candidate_vectors,
    fields_beside,
    real_behaviours,
    segment_softmax,
)
from clickwise.nn.auxiliary import AuxiliaryLoss
from clickwise.nn.behaviours import need_behaviours
from clickwise.nn.embedding import FieldEmbedding
from clickwise.nn.memory_unit import InterestMemory, Memory, utilisation_loss, weighted
from clickwise.nn.mlp import MLP
from clickwise.nn.recurrent import Steps
from clickwise.schema import Schema


class Recall(nn.Module):
    """What a memory of behaviours holds for a candidate.

    Args:
        dim: length of a behaviour and of a candidate.
        slots: of the memory.
        top_k: channels of the induction unit that follow a behaviour, those read most; 0 for no such unit.
        rebalanced: as of ``InterestMemory``.
        attention_hidden_dims: as of ``MIMN``.
    """

    def __init__(
        self, dim: int, slots: int, top_k: int, rebalanced: bool, attention_hidden_dims: Sequence[int]
    ) -> None:
        super().__init__()
        self.memory = InterestMemory(dim, slots, top_k, rebalanced)
        self.attention = ActivationUnit(dim, attention_hidden_dims, intercept=False) if top_k else None

    def forward(self, behaviours: Tensor, candidate: Tensor, steps: Steps) -> tuple[list[Tensor], Memory]:
        """Parts ``[batch, dim]``: what is read of slots and, with an induction unit, of channels; and the memory.

        Args:
            behaviours: ``[packed, dim]``.
            candidate: ``[batch, dim]``.
            steps: of the behaviours.
        """
        memory = self.memory(behaviours, steps.sizes, steps.rows, steps.batch)
        read = [self.memory.look_up(candidate, memory)]
        if self.attention is not None:
            rows, slots, _ = memory.channels.shape
            row = torch.arange(rows, device=candidate.device).repeat_interleave(slots)
            scores = self.attention(candidate, memory.channels.flatten(0, 1), row)
            weights = segment_softmax(scores, row, rows).view(rows, slots)
            read.append(weighted(weights, memory.channels))
        return read, memory


class MIMN(Model):
    """Multi-channel user interest memory network (Pi et al. 2019): behaviours kept in a memory of fixed size.

    Sequences of one length are one history, as in ``DIN``, with a memory of its own. What the memory holds for this
    candidate stands among the field vectors in place of the sequences' means, and all go through an MLP. In training a
    further loss keeps behaviours from crowding into few slots.

    Args:
        schema: fitted schema with at least one history of the kind ``sequence`` that collects a category field.
        embedding_dim: length of a field's vector; a slot has as many values as the vectors of a behaviour.
        slots: of the memory.
        top_k: channels of the induction unit that follow a behaviour, those read most; 0 for no such unit.
        utilisation_weight: of the loss on unequal use of slots; 0 for neither that nor rebalanced writing.
        attention_hidden_dims: lengths of the hidden layers of the unit that weighs channels.
        hidden_dims: lengths of the MLP's hidden layers.
        dropout: probability of dropping a hidden unit of the MLP.
        batch_norm: normalise the MLP's hidden layers.
        initial_deviation: standard deviation of the initial vectors; it decides how fast interactions are learned.

    Raises:
        InputError: the schema has no such history, or an option of the memory cannot be.
    """

    recipe = DEEP_RECIPE
    has_mlp = True
    interaction_layers: ClassVar[Sequence[str]] = ("recalls",)
    beside: Tensor

    def __init__(
        self,
        schema: Schema,
        embedding_dim: int = 16,
        slots: int = 4,
        top_k: int = 2,
        utilisation_weight: float = 0.01,
        attention_hidden_dims: Sequence[int] = (36,),
        hidden_dims: Sequence[int] = (256, 256, 256),
        dropout: float = 0.2,
        batch_norm: bool = False,
        initial_deviation: float = 0.01,
    ) -> None:
        super().__init__(schema)
        if slots < 1 or not 0 <= top_k <= slots:
            raise InputError(f"slots must be at least 1 and top_k at most their number, not {slots} and {top_k}")
        if utilisation_weight < 0:
            raise InputError(f"utilisation_weight must be at least 0, not {utilisation_weight}")
        self.embedding_dim = embedding_dim
        self.slots = slots
        self.top_k = top_k
        self.utilisation_weight = utilisation_weight
        self.attention_hidden_dims = tuple(attention_hidden_dims)
        self.hidden_dims = tuple(hidden_dims)
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.initial_deviation = initial_deviation
        self.groups = need_behaviours(schema, "MIMN")
        self.embedding = FieldEmbedding(schema, embedding_dim, initial_deviation)
        dims = [len(group.sequences) * embedding_dim for group in self.groups]
        self.recalls = nn.ModuleList(
            Recall(dim, slots, top_k, utilisation_weight > 0, self.attention_hidden_dims) for dim in dims
        )
        self.utilisation = AuxiliaryLoss("memory_utilisation", utilisation_weight) if utilisation_weight else None
        self.register_buffer("beside", fields_beside(schema, self.groups, self.embedding.fields), persistent=False)
        width = len(self.beside) * embedding_dim + sum(dims) * (2 if top_k else 1)
        self.mlp = MLP(width, self.hidden_dims, schema.outputs, dropout, batch_norm)

    def forward(self, batch: Batch) -> Tensor:
        vectors = self.embedding.slots(batch)
        fields = self.embedding.pooling(vectors, batch.ids).index_select(1, self.beside)
        found, told = [fields.flatten(1)], []
        for group, recall in zip(self.groups, self.recalls, strict=True):
            steps = Steps.of(real_behaviours(group, batch.ids))
            behaviours = behaviour_vectors(group, vectors, steps.row, steps.position)
            read, memory = recall(behaviours, candidate_vectors(group, vectors), steps)
            found += read
            told.append(utilisation_loss(memory.used))
        if self.utilisation is not None and self.utilisation.asked:
            self.utilisation.tell(torch.stack(told).mean())
        return self.shape_logits(self.mlp(torch.cat(found, dim=1), batch))
