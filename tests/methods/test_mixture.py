"""The mixture's logarithms against its probabilities."""

import pytest
import torch

from clickwise.methods.mixture import mix


@pytest.mark.parametrize("classes", [2, 3])
def test_mixes_probabilities(classes: int) -> None:
    generator = torch.Generator().manual_seed(0)
    shape = (6,) if classes == 2 else (6, classes)
    logits = [3 * torch.randn(shape, dtype=torch.float64, generator=generator) for _ in range(4)]
    weights = torch.softmax(torch.randn(6, 4, dtype=torch.float64, generator=generator), dim=1)
    if classes == 2:
        each = [torch.stack([1 - torch.sigmoid(one), torch.sigmoid(one)], dim=1) for one in logits]
    else:
        each = [torch.softmax(one, dim=1) for one in logits]
    expected = torch.stack([weights[:, k : k + 1] * one for k, one in enumerate(each)]).sum(0)
    torch.testing.assert_close(mix(logits, weights.log()).exp(), expected)
    constant = mix(logits, weights[0].log()).exp()
    torch.testing.assert_close(constant[0], expected[0])


def test_a_logit_far_out_stays_finite() -> None:
    far = mix([torch.tensor([900.0, -900.0]), torch.tensor([800.0, -800.0])], torch.tensor([0.5, 0.5]).log())
    assert torch.isfinite(far).all()
    assert far[0, 0].item() == pytest.approx(-800 + torch.tensor(0.5).log().item())
