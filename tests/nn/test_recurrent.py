"""Recurrent layers over packed behaviours, against loops over users and time and against torch's GRU."""

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.utils.rnn import PackedSequence

from clickwise.errors import InputError
from clickwise.nn.recurrent import CELLS, GatedRecurrence, Steps, tanh
from clickwise.training import seeded
from tests.models.histories import states_of_user

LENGTHS = torch.tensor([2, 0, 5, 3, 5, 0, 1])
STEPS = Steps.of(torch.arange(6) < LENGTHS.unsqueeze(1))
every_cell = pytest.mark.parametrize("cell", CELLS)


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def layer(cell: str) -> GatedRecurrence:
    with seeded(0):
        made = GatedRecurrence(3, 4, cell).double()
        for parameter in made.parameters():
            torch.nn.init.normal_(parameter)
    return made


def attention(cell: str) -> Tensor | None:
    return None if cell == "gru" else normal(len(STEPS.row)).sigmoid()


def test_steps() -> None:
    assert STEPS.sizes == (5, 4, 3, 2, 2) and STEPS.batch == 7
    assert STEPS.rows.tolist() == [2, 4, 3, 0, 6]
    places = list(zip(STEPS.row.tolist(), STEPS.position.tolist(), strict=True))
    assert places == [(row, t) for t in range(5) for row in (2, 4, 3, 0, 6) if LENGTHS[row] > t]
    for place, before in zip(places[5:], STEPS.previous().tolist(), strict=True):
        assert places[before] == (place[0], place[1] - 1)


@every_cell
def test_states_are_those_of_each_user_alone(cell: str) -> None:
    made, inputs, weights = layer(cell), normal(len(STEPS.row), 3), attention(cell)
    found = made(inputs, STEPS.sizes, weights)
    states, given = torch.cat(found.states), torch.ones(len(inputs)) if weights is None else weights
    for place, row in enumerate(STEPS.rows):
        mine = (row == STEPS.row).nonzero()[:, 0]
        expected = states_of_user(made, list(inputs[mine]), list(given[mine]))
        torch.testing.assert_close(states[mine], torch.stack(expected))
        torch.testing.assert_close(found.last[place], expected[-1])


def test_gru_is_that_of_torch() -> None:
    """Its update gate is one minus ours; its order is reset, update, candidate, where ours is reset, update too."""
    made, inputs = layer("gru"), normal(len(STEPS.row), 3)
    other = torch.nn.GRU(3, 4).double()
    sign = torch.tensor([1.0] * 4 + [-1.0] * 4 + [1.0] * 4, dtype=torch.float64)
    with torch.no_grad():
        other.weight_ih_l0.copy_(made.of_input.weight * sign.unsqueeze(1))
        other.weight_hh_l0.copy_(made.of_state.weight * sign.unsqueeze(1))
        other.bias_ih_l0.copy_(made.of_input.bias * sign)
        other.bias_hh_l0.zero_()
    states, last = other(PackedSequence(inputs, torch.tensor(STEPS.sizes)))
    found = made(inputs, STEPS.sizes)
    torch.testing.assert_close(torch.cat(found.states), states.data)
    torch.testing.assert_close(found.last, last[0])


def test_attention_closes_and_opens_the_gate() -> None:
    inputs, ones = normal(len(STEPS.row), 3), torch.ones(len(STEPS.row), dtype=torch.float64)
    with_gate = layer("augru")
    plain = layer("gru")
    torch.testing.assert_close(with_gate(inputs, STEPS.sizes, ones).last, plain(inputs, STEPS.sizes).last)
    for cell in ("agru", "augru"):
        assert not layer(cell)(inputs, STEPS.sizes, 0 * ones).last.any()


@every_cell
def test_derivatives_of_both_orders(cell: str) -> None:
    made, weights = layer(cell), attention(cell)
    given = [normal(len(STEPS.row), 3).requires_grad_()] + ([] if weights is None else [weights.requires_grad_()])

    def last(inputs: Tensor, weights: Tensor | None = None) -> Tensor:
        return made(inputs, STEPS.sizes, weights).last

    assert gradcheck(last, given, fast_mode=True)
    assert gradgradcheck(last, given, fast_mode=True)


@every_cell
def test_states_in_single_precision(cell: str) -> None:
    made, inputs, weights = layer(cell), 3 * normal(len(STEPS.row), 3), attention(cell)
    exact = made(inputs, STEPS.sizes, weights).last
    single = made.float()(inputs.float(), STEPS.sizes, weights).last
    torch.testing.assert_close(single, exact.float(), atol=2e-6, rtol=0)


def test_tanh() -> None:
    x = torch.cat([torch.linspace(-100, 100, 101), torch.linspace(-2, 2, 1001)]).requires_grad_()
    torch.testing.assert_close(tanh(x), x.tanh(), atol=5e-7, rtol=0)
    slope, expected = (torch.autograd.grad(f(x).sum(), x)[0] for f in (tanh, torch.tanh))
    torch.testing.assert_close(slope, expected, atol=1e-6, rtol=0)


@every_cell
def test_no_behaviours_at_all(cell: str) -> None:
    steps = Steps.of(torch.zeros(3, 4, dtype=torch.bool))
    assert steps.sizes == () and len(steps.row) == len(steps.rows) == len(steps.previous()) == 0
    found = layer(cell)(normal(0, 3), steps.sizes, None if cell == "gru" else normal(0))
    assert found.states == [] and found.last.shape == (0, 4)


def test_a_cell_that_does_not_exist() -> None:
    with pytest.raises(InputError, match="recurrent cell 'augur' is unknown; did you mean 'augru'"):
        GatedRecurrence(3, 4, "augur")
