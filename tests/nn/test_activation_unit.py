"""Weights of packed behaviours, against loops over rows and positions."""

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from clickwise.errors import InputError
from clickwise.nn.activation_unit import (
    ActivationUnit,
    behaviour_vectors,
    candidate_vectors,
    fields_beside,
    real_behaviours,
    segment_softmax,
    weighted_sum,
)
from clickwise.nn.behaviours import behaviours
from clickwise.training import seeded
from tests.models.histories import SCHEMA, histories, unit_of_row

ROW = torch.tensor([0, 0, 3, 3, 3, 1, 5])


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def unit(*hidden_dims: int) -> ActivationUnit:
    with seeded(0):
        made = ActivationUnit(3, hidden_dims).double()
        for parameter in made.parameters():
            torch.nn.init.normal_(parameter)
    made(normal(6, 3), normal(40, 3), torch.arange(40) % 6)  # running means other than the initial ones
    return made.eval()


@pytest.mark.parametrize("hidden_dims", [(4,), (5, 4)])
def test_scores_are_those_of_the_whole_input_laid_out(hidden_dims: tuple[int, ...]) -> None:
    layer, query, keys = unit(*hidden_dims), normal(6, 3), normal(7, 3) - 0.5
    for score, row, key in zip(layer(query, keys, ROW), ROW, keys, strict=True):
        torch.testing.assert_close(score, unit_of_row(layer, query[row], key))


def test_derivatives_of_the_scores() -> None:
    layer, query, keys = unit(4).train(), normal(6, 3).requires_grad_(), normal(7, 3).requires_grad_()
    assert gradcheck(lambda q, k: layer(q, k, ROW), (query, keys))
    assert gradgradcheck(lambda q, k: layer(q, k, ROW), (query, keys))


def test_a_unit_without_hidden_layers() -> None:
    with pytest.raises(InputError, match="at least one layer"):
        ActivationUnit(3, ())


def test_softmax_of_each_row() -> None:
    scores = normal(7) * 300  # far beyond what an exponential holds
    shares = segment_softmax(scores, ROW, 6)
    for row in ROW.unique():
        torch.testing.assert_close(shares[row == ROW], scores[row == ROW].softmax(0))
    assert gradgradcheck(lambda s: segment_softmax(s, ROW, 6), normal(7).requires_grad_())
    assert segment_softmax(normal(0), ROW[:0], 6).shape == (0,)


def test_sum_of_each_row() -> None:
    weights, vectors = normal(7), normal(7, 3)
    found = weighted_sum(weights, vectors, ROW, 6)
    for row in range(6):
        of_row = [weights[i] * vectors[i] for i in range(7) if ROW[i] == row]
        torch.testing.assert_close(found[row], sum(of_row, torch.zeros(3, dtype=torch.float64)))


def test_vectors_of_groups_stand_side_by_side() -> None:
    batch = histories(30)
    vectors = normal(30, SCHEMA.width + SCHEMA.number_width, 2)
    for group in behaviours(SCHEMA):
        real = real_behaviours(group, batch.ids)
        row, position = real.nonzero(as_tuple=True)
        found = behaviour_vectors(group, vectors, row, position)
        assert len(found) == sum(
            int(batch.ids[r, s]) > 0 for r in range(30) for s in range(SCHEMA.width)[group.slots[0]]
        )
        for pair in range(0, len(row), 7):
            at = [vectors[row[pair], slots.start + position[pair]] for slots in group.slots]
            torch.testing.assert_close(found[pair], torch.cat(at))
        of_fields = [vectors[:, SCHEMA.slots(target).start] for target in group.targets]
        torch.testing.assert_close(candidate_vectors(group, vectors), torch.cat(of_fields, dim=1))


def test_fields_beside_the_sequences() -> None:
    names = [f.name for f in SCHEMA.id_fields] + ["age", "age is missing"]
    beside = [names[place] for place in fields_beside(SCHEMA, behaviours(SCHEMA), len(names))]
    assert beside == [name for name in names if name not in ("seen_items", "seen_shops", "bought")]
