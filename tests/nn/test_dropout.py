"""Dropout against its definition."""

import pytest
import torch

from clickwise.errors import InputError
from clickwise.nn.dropout import Dropout
from clickwise.training import seeded


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_share_scale_and_independence(probability: float) -> None:
    h = torch.ones(500, 401)
    with seeded(0):
        dropped = Dropout(probability)(h)
    kept = dropped != 0
    # Three standard deviations of a share over 200,500 draws, and of the product of two neighbours.
    assert abs(float((~kept).float().mean()) - probability) < 3 * (probability * (1 - probability) / h.numel()) ** 0.5
    torch.testing.assert_close(
        dropped[kept], torch.full_like(dropped[kept], 1 / (1 - probability)), atol=1e-3, rtol=1e-3
    )
    both = float((kept[:, :-1] & kept[:, 1:]).float().mean())
    assert abs(both - (1 - probability) ** 2) < 0.006


def test_gradient_passes_where_values_passed() -> None:
    h = torch.randn(30, 7, requires_grad=True)
    dropped = Dropout(0.3)(h)
    dropped.sum().backward()
    assert h.grad is not None
    torch.testing.assert_close(h.grad * h, dropped)


def test_nothing_happens_at_zero_or_in_evaluation() -> None:
    h = torch.randn(5, 3)
    assert Dropout(0.0)(h) is h
    assert Dropout(0.5).eval()(h) is h


@pytest.mark.parametrize("probability", [-0.1, 1.0])
def test_probabilities_that_cannot_be(probability: float) -> None:
    with pytest.raises(InputError, match="dropout must be"):
        Dropout(probability)


def test_a_seed_gives_the_same_mask() -> None:
    h = torch.ones(3, 5)
    masks = []
    for seed in (1, 1, 2):
        with seeded(seed):
            masks.append(Dropout(0.5)(h))
    assert torch.equal(masks[0], masks[1]) and not torch.equal(masks[0], masks[2])
