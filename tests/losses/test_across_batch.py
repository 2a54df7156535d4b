"""Losses across a batch against loops over its examples and its pairs."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from torch import Tensor

from clickwise.losses import Loss, across_batch, combined_pair, cross_entropy, jrc
from tests.losses.examples import LABELS, example, softmax


def first_and_second(loss: Loss, logits: Tensor, label: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The losses, the gradient of a weighted sum, and the gradient of the squared length of that."""
    values = loss(logits, label)
    weights = torch.arange(1.0, 8, dtype=logits.dtype)
    (slope,) = torch.autograd.grad((weights * values).sum(), logits, create_graph=True)
    (second,) = torch.autograd.grad(slope.square().sum(), logits)
    return values.detach(), slope.detach(), second


@pytest.mark.parametrize("classes", [2, 5])
def test_jrc_adds_which_example_of_the_batch_has_the_label(classes: int) -> None:
    logits, label = example(classes)
    scores = logits.numpy() if classes > 2 else np.stack([-logits.numpy() / 2, logits.numpy() / 2], axis=1)
    among = [-scores[row, y] + np.log(np.exp(scores[:, y]).sum()) for row, y in enumerate(label.tolist())]
    expected = 0.5 * cross_entropy(logits, label).numpy() + 0.5 * np.array(among)
    np.testing.assert_allclose(jrc(logits, label), expected, rtol=1e-10)


def test_a_binary_logit_is_split_evenly_for_jrc() -> None:
    logits, label = example()
    of_class = torch.stack([-logits / 2, logits / 2], dim=1)
    torch.testing.assert_close(jrc(logits, label), jrc(of_class, label), rtol=1e-10, atol=1e-12)


def test_combined_pair_is_the_mean_over_examples_and_the_mean_over_pairs() -> None:
    logits, label = example()
    z, clicked = logits.numpy(), np.array(LABELS) == 1
    pairs = [math.log1p(math.exp(z[j] - z[i])) for i in np.flatnonzero(clicked) for j in np.flatnonzero(~clicked)]
    total = 0.5 * log_loss(LABELS, softmax(z)) + 0.5 * np.mean(pairs)
    assert float(combined_pair(logits, label).mean()) == pytest.approx(total, rel=1e-10)


def test_half_of_a_pair_belongs_to_each_of_its_examples() -> None:
    logits, label = example()
    share = combined_pair(logits, label, alpha=0.0).numpy()
    click, other = 1, 3
    with_click = [math.log1p(math.exp(z - logits[click])) for z, y in zip(logits, LABELS, strict=True) if y == 0]
    with_other = [math.log1p(math.exp(logits[other] - z)) for z, y in zip(logits, LABELS, strict=True) if y == 1]
    assert share[click] == pytest.approx(7 / (2 * 3) * np.mean(with_click), rel=1e-10)
    assert share[other] == pytest.approx(7 / (2 * 4) * np.mean(with_other), rel=1e-10)


def test_pairs_in_parts_are_the_same_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, label = example()
    whole, parts = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    expected = first_and_second(combined_pair, whole, label)
    monkeypatch.setattr(across_batch, "PAIRS_AT_ONCE", 5)
    for got, wanted in zip(first_and_second(combined_pair, parts, label), expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("label", [0, 1])
def test_a_batch_of_one_class_has_no_pairs(label: int) -> None:
    logits = torch.tensor([0.5, -1.0], requires_grad=True)
    losses = combined_pair(logits, torch.tensor([label, label]))
    torch.testing.assert_close(losses, 0.5 * cross_entropy(logits, torch.tensor([label, label])))
    losses.sum().backward()
    assert logits.grad is not None and logits.grad.isfinite().all()


def test_without_a_share_of_the_pairs_it_is_cross_entropy() -> None:
    logits, label = example()
    torch.testing.assert_close(combined_pair(logits, label, alpha=1.0), cross_entropy(logits, label))
