"""Products over pairs against double loops and numerical derivatives, and under function transformations."""

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, jvp, vmap

from clickwise.nn.interactions import InnerProducts, KernelProducts, field_aware_pairwise, pairwise

# Torch's own forward differentiation imports what warns.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")


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
    assert gradcheck(function, vectors, check_forward_ad=True)
    assert gradgradcheck(function, vectors, check_fwd_over_rev=True)


def pairs(fields: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(fields) for j in range(i + 1, fields)]


@pytest.mark.parametrize("fields", [2, 5])
def test_products_of_pairs(fields: int) -> None:
    vectors, kernel = normal(4, fields, 3), KernelProducts(fields, 3).double()
    inner = [(vectors[:, i] * vectors[:, j]).sum(1) for i, j in pairs(fields)]
    outer = [vectors[:, i, :, None] * vectors[:, j, None, :] for i, j in pairs(fields)]
    weighed = [(product * matrix).sum((1, 2)) for product, matrix in zip(outer, kernel.kernels, strict=True)]
    torch.testing.assert_close(InnerProducts(fields)(vectors), torch.stack(inner, dim=1))
    torch.testing.assert_close(kernel(vectors), torch.stack(weighed, dim=1))


def test_one_field_has_no_pairs() -> None:
    assert InnerProducts(1)(normal(4, 1, 3)).shape == KernelProducts(1, 3).double()(normal(4, 1, 3)).shape == (4, 0)


def test_kernel_products_start_as_large_as_inner_ones() -> None:
    kernel = KernelProducts(20, 16).double()
    vectors = normal(500, 20, 16)
    torch.testing.assert_close(kernel(vectors).std(), InnerProducts(20)(vectors).std(), rtol=0.05, atol=0)


@pytest.mark.parametrize("products", [InnerProducts(4), KernelProducts(4, 3).double()])
def test_derivatives_of_products_of_pairs(products: torch.nn.Module) -> None:
    vectors = normal(2, 4, 3).requires_grad_()
    assert gradcheck(products, vectors, check_forward_ad=True)
    assert gradgradcheck(products, vectors, check_fwd_over_rev=True)


def test_forward_derivatives_of_many_tasks_at_once() -> None:
    tasks, tangents = normal(5, 2, 3, 3, 2), normal(5, 2, 3, 3, 2).flip(0)
    _, found = vmap(lambda task, tangent: jvp(field_aware_pairwise, (task,), (tangent,)))(tasks, tangents)
    _, expected = jvp(vmap(field_aware_loops), (tasks,), (tangents,))
    torch.testing.assert_close(found, expected)


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
