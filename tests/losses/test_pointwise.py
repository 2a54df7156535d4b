"""Losses of one example against their formulas, written out for that example in NumPy and scikit-learn."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from clickwise.losses import ACROSS_BATCH, LOSSES, cross_entropy, hinge, kl, label_smoothing
from tests.losses.examples import Floats, example, softmax

POINTWISE = [name for name in LOSSES if name not in ACROSS_BATCH]


def smoothed(label: int, classes: int) -> Floats:
    target = np.full(classes, 0.1 / classes)
    target[label] += 0.9
    return target


BY_HAND: dict[str, Callable[[Floats, int], float]] = {
    "cross_entropy": lambda p, y: log_loss([y], [p], labels=range(len(p))),
    "focal": lambda p, y: -((1 - p[y]) ** 2) * math.log(p[y]),
    "label_smoothing": lambda p, y: -float(smoothed(y, len(p)) @ np.log(p)),
    "kl": lambda p, y: float(smoothed(y, len(p)) @ np.log(smoothed(y, len(p)) / p)),
}


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("name", BY_HAND)
def test_a_function_of_the_probability_is_its_formula(name: str, classes: int) -> None:
    logits, label = example(classes)
    rows = zip(softmax(logits.numpy()), label.tolist(), strict=True)
    expected = [BY_HAND[name](probability, y) for probability, y in rows]
    np.testing.assert_allclose(LOSSES[name](logits, label), expected, rtol=1e-10)


def test_hinge_wants_a_lead_of_one() -> None:
    assert hinge(torch.tensor([0.25, 0.25, 3.0, -2.0]), torch.tensor([1, 0, 1, 1])).tolist() == [0.75, 1.25, 0.0, 3.0]
    scores = torch.tensor([[3.0, 1.0, 2.5], [3.0, 1.0, 2.5], [0.0, 9.0, 1.0]])
    assert hinge(scores, torch.tensor([0, 1, 1])).tolist() == [0.5, 3.0, 0.0]


def test_kl_and_label_smoothing_pull_alike_and_kl_ends_at_zero() -> None:
    logits, label = example(5)
    slopes = []
    for loss in (kl, label_smoothing):
        leaf = logits.clone().requires_grad_()
        slopes.append(torch.autograd.grad(loss(leaf, label).sum(), leaf)[0])
    torch.testing.assert_close(*slopes)
    best = torch.from_numpy(np.log([smoothed(y, 5) for y in label.tolist()]))
    torch.testing.assert_close(kl(best, label), torch.zeros(7, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", POINTWISE)
def test_a_binary_logit_is_two_class_logits(name: str) -> None:
    logits, label = example()
    of_class = torch.stack([torch.zeros_like(logits), logits], dim=1)
    torch.testing.assert_close(LOSSES[name](logits, label), LOSSES[name](of_class, label), rtol=1e-10, atol=1e-12)


def test_far_logits_of_cross_entropy_keep_their_slope() -> None:
    logits = torch.tensor([-200.0, 200.0], requires_grad=True)
    losses = cross_entropy(logits, torch.tensor([1, 0]))
    assert losses.tolist() == [200.0, 200.0]
    losses.sum().backward()
    assert logits.grad is not None and logits.grad.tolist() == [-1.0, 1.0]
