"""Interacting layers against their promises; their values are held against loops in tests/models/test_formulas.py."""

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call, vmap

from clickwise.errors import InputError
from clickwise.nn.attention import Interacting
from clickwise.training import seeded

# Torch's own forward differentiation imports what warns.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def layer() -> Interacting:
    with seeded(0):
        return Interacting(3, heads=2, attention_dim=4).double()


def test_no_field_has_a_place_of_its_own() -> None:
    """Fields in another order come out in that order."""
    vectors, order = normal(6, 5, 3), torch.tensor([3, 0, 4, 2, 1])
    assert layer()(vectors).shape == (6, 5, 8)
    torch.testing.assert_close(layer()(vectors[:, order]), layer()(vectors)[:, order])


def test_equal_fields_attend_equally() -> None:
    """All values are then the same, so whatever the shares are, a field keeps its own value."""
    own = normal(6, 1, 3)
    values, residual = layer().maps.weight[16:].chunk(2)
    torch.testing.assert_close(layer()(own.expand(6, 5, 3)), (own @ (values + residual).T).relu().expand(6, 5, 8))


def test_derivatives_of_both_orders_and_directions() -> None:
    vectors = normal(2, 4, 3).requires_grad_()
    assert gradcheck(layer(), vectors, check_forward_ad=True)
    assert gradgradcheck(layer(), vectors, check_fwd_over_rev=True)


def test_weights_of_many_users_at_once() -> None:
    vectors, weights, module = normal(4, 6, 5, 3), normal(4, 32, 3), layer()

    def of_user(weight: Tensor, h: Tensor) -> Tensor:
        found: Tensor = functional_call(module, {"maps.weight": weight}, (h,))
        return found

    one_by_one = [of_user(weight, h) for weight, h in zip(weights, vectors, strict=True)]
    torch.testing.assert_close(vmap(of_user)(weights, vectors), torch.stack(one_by_one))


@pytest.mark.parametrize(("heads", "attention_dim"), [(0, 4), (2, 0)])
def test_sizes_that_cannot_be(heads: int, attention_dim: int) -> None:
    with pytest.raises(InputError, match="must be at least 1"):
        Interacting(3, heads, attention_dim)
