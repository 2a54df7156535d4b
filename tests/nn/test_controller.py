"""The controller of AutoLoss: what evaluation computes against its layers one by one."""

from collections.abc import Sequence

import pytest
import torch

from clickwise.nn.controller import Controller
from clickwise.training import seeded


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("hidden_dims", [(), (7,), (16, 8)])
def test_evaluation_is_that_of_the_layers(classes: int, hidden_dims: Sequence[int]) -> None:
    with seeded(0):
        controller = Controller(("cross_entropy", "focal", "kl"), classes, hidden_dims).double()
        probability = torch.rand(50, dtype=torch.float64) if classes == 2 else torch.rand(50, 3).double().softmax(1)
        label = torch.randint(0, classes, (50,), dtype=torch.int32)
        for _ in range(3):
            controller(probability + torch.rand(()), label)  # moves the running means and variances
        with torch.no_grad():
            for p in controller.parameters():
                p += 0.1 * torch.randn_like(p)  # normalisation starts with weight 1 and bias 0
    controller.eval()
    one_hot = torch.eye(classes, dtype=torch.float64)[label.long()]
    seen = torch.stack([label.double(), probability], 1) if classes == 2 else torch.cat([one_hot, probability], 1)
    expected, found = controller.layers(seen).log_softmax(1), controller(probability, label)
    torch.testing.assert_close(found, expected)
    parameters = list(controller.parameters())
    for one, other in zip(
        torch.autograd.grad(found[:, 0].sum(), parameters),
        torch.autograd.grad(expected[:, 0].sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(one, other)
