"""A candidate against the behaviours of its user: which of them count, and how much. Padding is never looked at.

The real behaviours of a batch lie packed, ``[pairs, dim]``, beside the row of the batch that each belongs to.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from clickwise.errors import InputError
from clickwise.nn.behaviours import Behaviours
from clickwise.nn.dice import Dice
from clickwise.schema import PADDING, Schema


def real_behaviours(group: Behaviours, ids: Tensor) -> Tensor:
    """``bool [batch, length]``: the positions at which a sequence of the group has a value."""
    real = ids[:, group.slots[0]].ne(PADDING)
    for slots in group.slots[1:]:
        real = real | ids[:, slots].ne(PADDING)
    return real


def behaviour_vectors(group: Behaviours, vectors: Tensor, row: Tensor, position: Tensor) -> Tensor:
    """``[pairs, sequences * dim]``: of each pair of a row and a position, the group's vectors side by side.

    Args:
        group: the sequences.
        vectors: ``[batch, slots, dim]`` of all slots.
        row: ``int64 [pairs]``, place in the batch.
        position: ``int64 [pairs]``, place in the sequence.
    """
    flat, place = vectors.flatten(0, 1), row * vectors.shape[1] + position
    return torch.cat([flat.index_select(0, place + slots.start) for slots in group.slots], dim=1)


def candidate_vectors(group: Behaviours, vectors: Tensor) -> Tensor:
    """``[batch, sequences * dim]``: the vectors that the group's behaviours are compared with, side by side."""
    return torch.cat([vectors[:, slot] for slot in group.target_slots], dim=1)


def fields_beside(schema: Schema, groups: Sequence[Behaviours], fields: int) -> Tensor:
    """``int64``: which of ``fields`` field vectors are of no sequence of the groups."""
    sequences = {name for group in groups for name in group.sequences}
    inside = {place for place, f in enumerate(schema.id_fields) if f.name in sequences}
    return torch.tensor([place for place in range(fields) if place not in inside], dtype=torch.long)


def segment_softmax(scores: Tensor, row: Tensor, rows: int) -> Tensor:
    """``[pairs]``: the scores' softmax among the pairs of the same row.

    Args:
        scores: ``[pairs]``.
        row: ``int64 [pairs]``, less than ``rows``.
        rows: rows of the batch.
    """
    fixed = scores.detach()
    largest = fixed.new_full((rows,), -torch.inf).scatter_reduce(0, row, fixed, "amax")
    raised = (scores - largest.index_select(0, row)).exp()
    return raised / raised.new_zeros(rows).index_add(0, row, raised).index_select(0, row)


def weighted_sum(weights: Tensor, vectors: Tensor, row: Tensor, rows: int) -> Tensor:
    """``[rows, dim]``: the sum of a row's vectors, each times its weight; zero where a row has none.

    Args:
        weights: ``[pairs]``.
        vectors: ``[pairs, dim]``.
        row: ``int64 [pairs]``.
        rows: rows of the batch.
    """
    weighted = weights.unsqueeze(1) * vectors
    return weighted.new_zeros(rows, vectors.shape[1]).index_add(0, row, weighted)


class ActivationUnit(nn.Module):
    """``(query [batch, dim], keys [pairs, dim], row [pairs]) -> scores [pairs]`` (Zhou et al. 2018, section 4.3).

    An MLP with Dice over ``[q, k, q - k, q * k]``. What its first layer makes of the query alone is computed once a
    row, and ``[q, k, q - k, q * k]`` is never laid out.

    Args:
        dim: length of a query and of a key.
        hidden_dims: lengths of the hidden layers, at least one.
        intercept: add a constant to all scores; before a softmax it would have no effect, and nothing to learn from.
    """

    def __init__(self, dim: int, hidden_dims: Sequence[int], intercept: bool = True) -> None:
        super().__init__()
        if not hidden_dims:
            raise InputError("attention_hidden_dims must name at least one layer")
        self.first = nn.Linear(4 * dim, hidden_dims[0])
        layers: list[nn.Module] = [Dice(hidden_dims[0])]
        for inputs, outputs in pairwise(hidden_dims):
            layers += [nn.Linear(inputs, outputs), Dice(outputs)]
        self.rest = nn.Sequential(*layers, nn.Linear(hidden_dims[-1], 1, bias=intercept))

    def forward(self, query: Tensor, keys: Tensor, row: Tensor) -> Tensor:
        of_query, of_key, of_difference, of_product = self.first.weight.chunk(4, dim=1)
        once_a_row = functional.linear(query, of_query + of_difference, self.first.bias)
        hidden = torch.addmm(once_a_row.index_select(0, row), keys, (of_key - of_difference).t())
        hidden = torch.addmm(hidden, query.index_select(0, row) * keys, of_product.t())
        scores: Tensor = self.rest(hidden)
        return scores.squeeze(1)
