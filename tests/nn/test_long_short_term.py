"""Long short-term memory over packed behaviours, against a loop over users and time and against torch's."""

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.utils.rnn import PackedSequence

from clickwise.nn.long_short_term import LongShortTerm
from clickwise.nn.recurrent import Steps
from clickwise.training import seeded
from tests.models.sessions import lstm_states_of_user

LENGTHS = torch.tensor([2, 0, 5, 3, 5, 0, 1])
STEPS = Steps.of(torch.arange(6) < LENGTHS.unsqueeze(1))


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def layer() -> LongShortTerm:
    with seeded(0):
        made = LongShortTerm(3, 4).double()
        for parameter in made.parameters():
            torch.nn.init.normal_(parameter)
    return made


def test_states_are_those_of_each_user_alone(layer: LongShortTerm) -> None:
    inputs = normal(len(STEPS.row), 3)
    found = layer(inputs, STEPS.sizes)
    states = torch.cat(found.states)
    for place, row in enumerate(STEPS.rows):
        mine = (row == STEPS.row).nonzero()[:, 0]
        expected = lstm_states_of_user(layer, list(inputs[mine]))
        torch.testing.assert_close(states[mine], torch.stack(expected))
        torch.testing.assert_close(found.last[place], expected[-1])


def test_it_is_that_of_torch(layer: LongShortTerm) -> None:
    """Forward, backward and twice; torch's order is input, forget, written, output, ours has output third."""
    inputs = normal(len(STEPS.row), 3).requires_grad_()
    other = torch.nn.LSTM(3, 4).double()
    order = [0, 1, 3, 2]
    with torch.no_grad():
        for theirs, ours in (
            (other.weight_ih_l0, layer.of_input.weight),
            (other.weight_hh_l0, layer.of_state.weight),
            (other.bias_ih_l0, layer.of_input.bias),
        ):
            theirs.copy_(torch.cat([ours.split(4)[place] for place in order]))
        other.bias_hh_l0.zero_()
    states, (last, _) = other(PackedSequence(inputs, torch.tensor(STEPS.sizes)))
    found = layer(inputs, STEPS.sizes)
    torch.testing.assert_close(torch.cat(found.states), states.data)
    torch.testing.assert_close(found.last, last[0])
    ours, theirs = (torch.autograd.grad(x.square().sum(), inputs, create_graph=True)[0] for x in (found.last, last))
    torch.testing.assert_close(ours, theirs)
    ours, theirs = (torch.autograd.grad(x.square().sum(), inputs)[0] for x in (ours, theirs))
    torch.testing.assert_close(ours, theirs)


def test_derivatives_of_both_orders(layer: LongShortTerm) -> None:
    inputs = normal(len(STEPS.row), 3).requires_grad_()
    parameters = [p.detach().clone().requires_grad_() for p in layer.parameters()]
    names = [name for name, _ in layer.named_parameters()]

    def last(inputs: Tensor, *values: Tensor) -> Tensor:
        given = dict(zip(names, values, strict=True))
        found: Tensor = torch.func.functional_call(layer, given, (inputs, STEPS.sizes)).last
        return found

    assert gradcheck(last, (inputs, *parameters), fast_mode=True)
    assert gradgradcheck(last, (inputs, *parameters), fast_mode=True)


def test_states_in_single_and_half_precision(layer: LongShortTerm) -> None:
    inputs = normal(len(STEPS.row), 3)
    exact = layer(inputs, STEPS.sizes).last
    single = layer.float()(inputs.float(), STEPS.sizes).last
    torch.testing.assert_close(single, exact.float(), atol=2e-6, rtol=0)
    with torch.autocast("cpu", torch.bfloat16):
        half = layer(inputs.float(), STEPS.sizes).last
    torch.testing.assert_close(half.float(), exact.float(), atol=0.05, rtol=0)


def test_it_keeps_what_it_has_until_it_learns_to_forget() -> None:
    with seeded(0):
        layer = LongShortTerm(3, 4)
    assert layer.of_input.bias[4:8].tolist() == [1.0] * 4


def test_no_behaviours_at_all(layer: LongShortTerm) -> None:
    found = layer(normal(0, 3), ())
    assert found.states == [] and found.last.shape == (0, 4)
