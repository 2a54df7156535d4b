"""Row-sparse optimisers against torch's, and against their papers' algorithms written out for single numbers."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from clickwise.nn.tables import sparse_gradient
from clickwise.optim import FTRLProximal, RowSparseAdam, RowWiseAdagrad

ROWS, DIM, STEPS = 12, 3, 25
Make = Callable[[list[nn.Parameter]], Optimizer]
KINDS: list[Make] = [
    lambda p: RowSparseAdam(p, 0.05),
    lambda p: RowWiseAdagrad(p, 0.05),
    lambda p: FTRLProximal(p, 0.1),
]


def gradients(seed: int = 0, all_rows: bool = False) -> list[tuple[Tensor, Tensor]]:
    """Rows and their gradients, one pair a step; row 11 is never among them unless all are."""
    rng = np.random.default_rng(seed)
    steps = []
    for _ in range(STEPS):
        rows = np.arange(ROWS) if all_rows else np.sort(rng.choice(ROWS - 1, 4, replace=False))
        steps.append((torch.from_numpy(rows), torch.from_numpy(rng.normal(size=(len(rows), DIM)))))
    return steps


def table() -> nn.Parameter:
    return nn.Parameter(torch.randn(ROWS, DIM, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))


def run(make: Make, steps: list[tuple[Tensor, Tensor]], weight: nn.Parameter, sparse: bool = True) -> Tensor:
    optimizer = make([weight])
    for rows, values in steps:
        gradient = sparse_gradient(weight, rows, values)
        weight.grad = gradient if sparse else gradient.to_dense()
        optimizer.step()
    return weight.detach()


@pytest.mark.parametrize("make", KINDS)
def test_a_closure_is_called_with_gradients_and_its_loss_returned(make: Make) -> None:
    weight, by_hand = table(), table()
    optimizer = make([weight])

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (weight**2).sum()
        loss.backward()
        return loss

    assert float(optimizer.step(closure).detach()) == pytest.approx(float((by_hand.detach() ** 2).sum()))
    by_hand.grad = 2 * by_hand.detach()
    other = make([by_hand])
    assert other.step() is None
    torch.testing.assert_close(weight.detach(), by_hand.detach())
    assert not torch.equal(weight.detach(), table().detach())


def test_adam_equals_sparse_adam() -> None:
    expected = run(lambda p: torch.optim.SparseAdam(p, 0.05), gradients(), table())
    torch.testing.assert_close(run(lambda p: RowSparseAdam(p, 0.05), gradients(), table()), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_adam_equals_dense_adam_where_every_row_is_touched(sparse: bool, weight_decay: float) -> None:
    steps = gradients(all_rows=True)
    expected = run(lambda p: torch.optim.Adam(p, 0.05, weight_decay=weight_decay), steps, table(), sparse=False)
    found = run(lambda p: RowSparseAdam(p, 0.05, weight_decay=weight_decay), steps, table(), sparse)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_row_wise_adagrad_by_loops(weight_decay: float) -> None:
    weight = table().detach().numpy().copy()
    total = np.zeros(ROWS)
    for rows, values in gradients():
        for row, gradient in zip(rows.tolist(), values.numpy(), strict=True):
            gradient = gradient + weight_decay * weight[row]
            total[row] += np.mean(gradient**2)
            weight[row] -= 0.05 * gradient / (math.sqrt(total[row]) + 1e-10)
    found = run(lambda p: RowWiseAdagrad(p, 0.05, weight_decay=weight_decay), gradients(), table())
    np.testing.assert_allclose(found.numpy(), weight, atol=1e-12)


def ftrl_by_loops(alpha: float, beta: float, l1: float, l2: float) -> np.ndarray:
    """McMahan et al. 2013, Algorithm 1, one coordinate at a time."""
    z, n = np.zeros((ROWS, DIM)), np.zeros((ROWS, DIM))

    def weight(i: int, j: int) -> float:
        if abs(z[i, j]) <= l1:
            return 0.0
        return -(z[i, j] - math.copysign(l1, z[i, j])) / ((beta + math.sqrt(n[i, j])) / alpha + l2)

    for rows, values in gradients():
        for row, gradient in zip(rows.tolist(), values.tolist(), strict=True):
            for j, g in enumerate(gradient):
                sigma = (math.sqrt(n[row, j] + g * g) - math.sqrt(n[row, j])) / alpha
                z[row, j] += g - sigma * weight(row, j)
                n[row, j] += g * g
    return np.array([[weight(i, j) for j in range(DIM)] for i in range(ROWS)])


@pytest.mark.parametrize("l1", [0.0, 2.0])
@pytest.mark.parametrize("l2", [0.0, 0.5])
def test_ftrl_by_loops(l1: float, l2: float) -> None:
    start = nn.Parameter(torch.zeros(ROWS, DIM, dtype=torch.float64))
    found = run(lambda p: FTRLProximal(p, 0.1, beta=1.5, l1=l1, l2=l2), gradients(), start).numpy()
    expected = ftrl_by_loops(0.1, 1.5, l1, l2)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.array_equal(found == 0, expected == 0)
    if l1:
        assert (found[:-1] == 0).any() and (found != 0).any()


@pytest.mark.parametrize("make", KINDS)
def test_rows_that_are_not_touched_keep_every_bit(make: Make) -> None:
    weight = table()
    before = weight.detach().clone()
    after = run(make, gradients(), weight)
    assert torch.equal(after[ROWS - 1], before[ROWS - 1])
    assert all(not torch.equal(after[row], before[row]) for row in range(ROWS - 1))


@pytest.mark.parametrize("make", KINDS)
def test_sparse_and_dense_gradients_agree_where_every_row_is_touched(make: Make) -> None:
    steps = gradients(all_rows=True)
    torch.testing.assert_close(run(make, steps, table()), run(make, steps, table(), sparse=False), atol=1e-12, rtol=0)


@pytest.mark.parametrize("make", KINDS)
def test_state_survives_saving(make: Make) -> None:
    steps = gradients()
    expected = run(make, steps, table())
    weight = table()
    first = make([weight])
    for number, (rows, values) in enumerate(steps):
        if number == 9:
            second = make([weight])
            second.load_state_dict(first.state_dict())
            first = second
        weight.grad = sparse_gradient(weight, rows, values)
        first.step()
    assert torch.equal(weight.detach(), expected)


@pytest.mark.parametrize("make", KINDS)
def test_vectors_are_tables_of_one_column(make: Make) -> None:
    flat, column = nn.Parameter(torch.zeros(5)), nn.Parameter(torch.zeros(5, 1))
    optimizer = make([flat, column])
    for step in range(3):
        flat.grad = torch.arange(5.0) - step
        column.grad = flat.grad.view(5, 1).clone()
        optimizer.step()
    assert torch.equal(flat.detach(), column.detach()[:, 0])
    assert flat.detach().any()
