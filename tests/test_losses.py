"""Losses against scikit-learn, one value an example."""

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from clickwise.losses import LOSSES, cross_entropy


@pytest.mark.parametrize("classes", [2, 3])
def test_cross_entropy_is_the_log_loss_of_each_example(classes: int) -> None:
    rng = np.random.default_rng(0)
    logits, label = rng.normal(size=(20, classes)) * 3, rng.integers(0, classes, 20)
    probability = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    given = logits if classes > 2 else logits[:, 1] - logits[:, 0]
    losses = cross_entropy(torch.from_numpy(given), torch.from_numpy(label).int())
    assert losses.shape == (20,)
    for row, loss in enumerate(losses):
        expected = log_loss(label[row : row + 1], probability[row : row + 1], labels=np.arange(classes))
        assert float(loss) == pytest.approx(expected, rel=1e-9)


def test_extreme_logits_stay_finite_with_their_gradients() -> None:
    logits = torch.tensor([-200.0, 200.0], requires_grad=True)
    losses = cross_entropy(logits, torch.tensor([1, 0]))
    assert losses.tolist() == [200.0, 200.0]
    losses.sum().backward()
    assert logits.grad is not None and logits.grad.tolist() == [-1.0, 1.0]


def test_every_loss_gives_one_finite_value_an_example() -> None:
    for name, loss in LOSSES.items():
        for logits in (torch.tensor([0.5, -1.0, 2.0]), torch.tensor([[0.5, -1.0, 0.1]] * 3)):
            values = loss(logits, torch.tensor([0, 1, 1]))
            assert values.shape == (3,), name
            assert values.isfinite().all() and (values >= 0).all(), name
