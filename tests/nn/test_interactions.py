"""Products over pairs against double loops and numerical derivatives, and under function transformations."""

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, vmap

from clickwise.nn.interactions import field_aware_pairwise, pairwise


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def pairwise_loops(vectors: Tensor) -> Tensor:
    fields = vectors.shape[1]
    return sum(
        (vectors[:, i] * vectors[:, j] for j in range(fields) for i in range(j)), torch.zeros_like(vectors[:, 0])
    )


def field_aware_loops(vectors: Tensor) -> Tensor:
    fields = vectors.shape[1]
    pairs = [(i, j) for j in range(fields) for i in range(j)]
    return sum((vectors[:, i, j] * vectors[:, j, i] for i, j in pairs), torch.zeros_like(vectors[:, 0, 0]))


@pytest.mark.parametrize("fields", [1, 2, 5])
def test_values(fields: int) -> None:
    vectors, aware = normal(4, fields, 3), normal(4, fields, fields, 3)
    torch.testing.assert_close(pairwise(vectors), pairwise_loops(vectors))
    torch.testing.assert_close(field_aware_pairwise(aware), field_aware_loops(aware))


@pytest.mark.parametrize(("function", "shape"), [(pairwise, (2, 4, 3)), (field_aware_pairwise, (2, 4, 4, 3))])
def test_first_and_second_derivatives(function, shape) -> None:  # type: ignore[no-untyped-def]
    vectors = normal(*shape).requires_grad_()
    assert gradcheck(function, vectors)
    assert gradgradcheck(function, vectors)


def test_gradients_of_many_tasks_at_once() -> None:
    """What meta-learning does: a gradient for each of several tasks, and the gradient of a gradient's norm."""

    def loss(vectors: Tensor) -> Tensor:
        return field_aware_pairwise(vectors).square().sum()

    def loss_by_loops(vectors: Tensor) -> Tensor:
        return field_aware_loops(vectors).square().sum()

    tasks = normal(5, 2, 3, 3, 2)
    torch.testing.assert_close(vmap(grad(loss))(tasks), torch.stack([grad(loss_by_loops)(task) for task in tasks]))

    def second(of):  # type: ignore[no-untyped-def]
        return grad(lambda vectors: grad(of)(vectors).square().sum())

    torch.testing.assert_close(vmap(second(loss))(tasks), torch.stack([second(loss_by_loops)(task) for task in tasks]))
