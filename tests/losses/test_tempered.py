"""The bi-tempered loss against its definition at a root that SciPy brackets."""

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from torch import Tensor

from clickwise.losses import bi_tempered
from clickwise.losses.tempered import tempered_log_softmax
from tests.losses.examples import Floats, example


def tempered_probability(logits: Floats) -> Floats:
    """At temperature 1.2, its normaliser found by a bracketing root finder."""

    def powers(normaliser: float) -> Floats:
        return np.asarray((1 + 0.2 * (normaliser - logits)) ** -5.0)

    return powers(brentq(lambda x: float(powers(x).sum()) - 1, logits.max() - 1e-9, logits.max() + 30, xtol=1e-14))


def tempered_by_hand(logits: Floats, label: int) -> float:
    """The Bregman divergence from the one-hot label, term by term over the classes (Amid et al. 2019)."""
    probability, target = tempered_probability(logits), np.eye(len(logits))[label]
    log_t = (lambda x: (x**0.2 - 1) / 0.2), (lambda x: x**1.2 / 1.2)
    terms = target * (log_t[0](target) - log_t[0](probability)) - log_t[1](target) + log_t[1](probability)
    return float(terms.sum())


@pytest.mark.parametrize("classes", [2, 5])
def test_bi_tempered_is_the_divergence_at_the_root(classes: int) -> None:
    logits, label = example(classes, scale=4.0)
    rows = logits.numpy() if classes > 2 else np.stack([np.zeros(7), logits.numpy()], axis=1)
    expected = [tempered_by_hand(row, y) for row, y in zip(rows, label.tolist(), strict=True)]
    np.testing.assert_allclose(bi_tempered(logits, label), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 1.2, 2.0])
def test_tempered_probabilities_sum_to_one(temperature: float) -> None:
    logits = torch.from_numpy(np.random.default_rng(1).normal(size=(50, 200)) * 20)
    total = tempered_log_softmax(logits, temperature).exp().sum(dim=1)
    torch.testing.assert_close(total, torch.ones(50, dtype=torch.float64), rtol=1e-9, atol=0)


def test_bi_tempered_is_bounded() -> None:
    worst = bi_tempered(torch.tensor([-1e4, 1e4], dtype=torch.float64), torch.tensor([1, 0]))
    assert (worst < 5).all() and (worst > 4.9).all()


@pytest.mark.parametrize("power_of_temperature", [1.2, 1.5, 3.0])
def test_derivatives_hold_at_other_temperatures(power_of_temperature: float) -> None:
    logits, label = example(5, scale=5.0)
    logits.requires_grad_()

    def losses(z: Tensor) -> Tensor:
        return bi_tempered(z, label, 0.5, power_of_temperature)

    assert torch.autograd.gradcheck(losses, logits)
    assert torch.autograd.gradgradcheck(losses, logits)
