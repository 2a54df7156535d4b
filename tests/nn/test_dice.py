"""Dice against its formula."""

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from clickwise.nn.dice import Dice

# Torch's own forward differentiation imports what warns.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def dice() -> Dice:
    layer = Dice(3).double()
    layer.alpha.data = torch.tensor([0.0, 0.25, -0.5], dtype=torch.float64)
    return layer


def by_unit(s: Tensor, mean: Tensor, variance: Tensor, alpha: Tensor) -> Tensor:
    columns = []
    for unit in range(s.shape[1]):
        p = 1 / (1 + torch.exp(-(s[:, unit] - mean[unit]) / (variance[unit] + 1e-8).sqrt()))
        columns.append(p * s[:, unit] + (1 - p) * alpha[unit] * s[:, unit])
    return torch.stack(columns, dim=1)


def test_in_training_it_follows_the_batch() -> None:
    layer, s = dice(), normal(50, 3) * 2 + 1
    expected = by_unit(s, s.mean(0), s.var(0, unbiased=False), layer.alpha)
    torch.testing.assert_close(layer(s), expected)


def test_in_evaluation_it_keeps_what_training_saw() -> None:
    layer, seen, s = dice(), normal(50, 3) * 2 + 1, normal(4, 3)
    for _ in range(300):
        layer(seen)
    layer.eval()
    torch.testing.assert_close(layer(s), by_unit(s, seen.mean(0), seen.var(0), layer.alpha))
    torch.testing.assert_close(layer(s)[:1], layer(s[:1]))


def test_it_is_the_identity_where_alpha_is_one() -> None:
    layer, s = dice(), normal(50, 3)
    layer.alpha.data.fill_(1)
    torch.testing.assert_close(layer(s), s)


def test_one_row_is_normalised_as_in_evaluation_and_none_leaves_no_trace() -> None:
    layer = dice()
    layer(normal(50, 3))
    before = {name: buffer.clone() for name, buffer in layer.named_buffers()}
    one = layer(normal(1, 3))
    assert layer(normal(0, 3)).shape == (0, 3)
    assert all(torch.equal(buffer, before[name]) for name, buffer in layer.named_buffers())
    torch.testing.assert_close(one, layer.eval()(normal(1, 3)))


@pytest.mark.parametrize("train", [False, True])
def test_derivatives_of_both_orders_and_directions(train: bool) -> None:
    layer, s = dice().train(train), normal(6, 3).requires_grad_()
    assert gradcheck(layer, s, check_forward_ad=not train)
    assert gradgradcheck(layer, s)
