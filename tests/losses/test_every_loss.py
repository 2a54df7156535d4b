"""What holds for every loss: derivatives, limits, extreme logits, types of labels, and the registry."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from clickwise.errors import InputError
from clickwise.losses import (
    ACROSS_BATCH,
    BINARY_ONLY,
    LOSSES,
    bi_tempered,
    combined_pair,
    cross_entropy,
    find_loss,
    focal,
    jrc,
    kl,
    label_smoothing,
)
from tests.losses.examples import example

FOR_CLASSES = [name for name in LOSSES if name not in BINARY_ONLY]
CASES = [(name, 2) for name in LOSSES] + [(name, 5) for name in FOR_CLASSES]
LIMITS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "focal": lambda logits, label: focal(logits, label, gamma=0),
    "label_smoothing": lambda logits, label: label_smoothing(logits, label, smoothing=0),
    "kl": lambda logits, label: kl(logits, label, smoothing=0),
    "bi_tempered": lambda logits, label: bi_tempered(logits, label, 1, 1),
    "bi_tempered nearly": lambda logits, label: bi_tempered(logits, label, 1 - 1e-9, 1 + 1e-6),
    "jrc": lambda logits, label: jrc(logits, label, alpha=1),
}


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("classes", [2, 5])
def test_the_limit_is_cross_entropy(name: str, classes: int) -> None:
    logits, label = example(classes)
    torch.testing.assert_close(LIMITS[name](logits, label), cross_entropy(logits, label), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "classes"), CASES)
def test_derivatives_agree_with_finite_differences(name: str, classes: int) -> None:
    logits, label = example(classes)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: LOSSES[name](z, label), logits)
    if name != "hinge":
        assert torch.autograd.gradgradcheck(lambda z: LOSSES[name](z, label), logits)


@pytest.mark.parametrize(("name", "classes"), CASES)
def test_extreme_logits_stay_finite_with_their_derivatives(name: str, classes: int) -> None:
    logits, label = example(classes)
    extreme = (50 * logits.sign()).float().requires_grad_()
    values = LOSSES[name](extreme, label)
    (slope,) = torch.autograd.grad(values.sum(), extreme, create_graph=True)
    (second,) = torch.autograd.grad(slope.square().sum() + 0 * extreme.sum(), extreme)
    exact = LOSSES[name]((50 * logits.sign()), label)
    torch.testing.assert_close(values.double(), exact, rtol=1e-5, atol=1e-5)
    assert slope.isfinite().all() and second.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.float32])
@pytest.mark.parametrize(("name", "classes"), CASES)
def test_one_finite_value_an_example_whatever_the_labels_type(name: str, classes: int, dtype: torch.dtype) -> None:
    logits, label = example(classes)
    loss = find_loss(name, classes)
    values = loss(logits.float(), label.to(dtype))
    assert values.shape == (7,) and values.dtype == torch.float32
    assert values.isfinite().all() and (values >= 0).all()
    assert loss(logits[:1], label[:1].to(dtype)).isfinite().all()


@pytest.mark.parametrize("name", FOR_CLASSES)
def test_what_depends_on_the_batch_is_named(name: str) -> None:
    logits, label = example(5)
    alone = torch.cat([LOSSES[name](logits[row : row + 1], label[row : row + 1]) for row in range(7)])
    assert torch.allclose(alone, LOSSES[name](logits, label)) == (name not in ACROSS_BATCH)


def test_the_names_are_those_of_losses() -> None:
    assert set(LOSSES) >= BINARY_ONLY | ACROSS_BATCH
    assert find_loss("focal", classes=5) is focal


def test_an_unknown_loss_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match=r"^loss 'focall' is unknown; did you mean 'focal'\?$"):
        find_loss("focall", classes=2)


def test_a_binary_loss_on_classes_says_which_would_do() -> None:
    assert find_loss("combined_pair", classes=2) is combined_pair
    with pytest.raises(
        InputError, match=r"^loss 'combined_pair' needs binary labels, .* 5 classes; for classes: .*jrc$"
    ):
        find_loss("combined_pair", classes=5)
