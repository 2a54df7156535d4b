"""How logits move along a direction of the parameters, on small tables: what learning a loss asks of every model."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, grad, jvp

from clickwise import models
from clickwise.data.log import Batch
from clickwise.losses import cross_entropy
from clickwise.models import Model
from clickwise.nn.tables import id_tables, touched_rows
from clickwise.training import seeded
from tests.logs import first_batch, make_logs

# Torch's own forward differentiation imports what warns.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
Values = dict[str, Tensor]
VARIANTS: list[tuple[type[Model], dict[str, Any]]] = [
    *((getattr(models, name), {}) for name in models.__all__ if name != "Model"),
    (models.DeepFM, {"batch_norm": True}),
    (models.PNN, {"products": "outer"}),
    (models.PNN, {"products": "both", "batch_norm": True}),
    (models.NFM, {"batch_norm": True}),
    (models.AutoInt, {"hidden_dims": (6,), "batch_norm": True}),
]
every_variant = pytest.mark.parametrize(("kind", "options"), VARIANTS)
every_label = pytest.mark.parametrize("classes", [2, 3])


def on_small_tables(
    kind: type[Model], options: dict[str, Any], classes: int, train: bool = False
) -> tuple[Model, Batch, Values, Values]:
    """A model in float64, a batch numbered within the rows it touches, its values on those rows, and a direction."""
    log = make_logs(200, classes=classes).train
    with seeded(0):
        model = kind(log.schema, **options).double().train(train)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
        batch = first_batch(log, 12)
        rows, local = touched_rows(batch.ids)
        tables = id_tables(model, log.schema.size)
        values = {
            name: (p.detach()[rows] if name in tables else p.detach().clone()) for name, p in model.named_parameters()
        }
        direction = {name: torch.randn_like(value) for name, value in values.items()}
    return model, replace(batch.with_ids(local), numbers=batch.numbers.double()), values, direction


def moved(values: Values, direction: Values, by: float) -> Values:
    return {name: value + by * direction[name] for name, value in values.items()}


@every_label
@every_variant
def test_the_forward_derivative_is_the_finite_difference(
    kind: type[Model], options: dict[str, Any], classes: int
) -> None:
    model, batch, values, direction = on_small_tables(kind, options, classes)
    logits = partial(functional_call, model, args=(batch,))
    at, slope = jvp(logits, (values,), (direction,))
    step = 1e-7
    difference = (logits(moved(values, direction, step)) - logits(moved(values, direction, -step))) / (2 * step)
    assert at.dtype == slope.dtype == torch.float64
    assert slope.abs().max() > 0.1
    torch.testing.assert_close(slope, difference, rtol=1e-5, atol=1e-5)


@every_variant
def test_the_forward_derivative_while_training(kind: type[Model], options: dict[str, Any]) -> None:
    """Against the backward one, with one mask of dropout; running statistics go in as copies, since they move too."""
    model, batch, values, direction = on_small_tables(kind, options, 2, train=True)

    def total(given: Values) -> Tensor:
        copies = {name: buffer.clone() for name, buffer in model.named_buffers()}
        logits: Tensor = functional_call(model, {**copies, **given}, (batch,))
        return logits.square().sum()

    with seeded(1):
        _, slope = jvp(total, (values,), (direction,))
    with seeded(1):
        gradient = grad(total)(values)
    torch.testing.assert_close(slope, torch.stack([(gradient[name] * direction[name]).sum() for name in values]).sum())


@every_label
@every_variant
def test_the_second_derivative_is_the_finite_difference(
    kind: type[Model], options: dict[str, Any], classes: int
) -> None:
    """Of the loss along the direction: backward twice, and forward over backward."""
    model, batch, values, direction = on_small_tables(kind, options, classes)

    def along(given: Values) -> Tensor:
        def loss(inner: Values) -> Tensor:
            return cross_entropy(functional_call(model, inner, (batch,)), batch.label).mean()

        gradient = grad(loss)(given)
        return torch.stack([(gradient[name] * direction[name]).sum() for name in given]).sum()

    second = grad(along)(values)
    twice = torch.stack([(second[name] * direction[name]).sum() for name in values]).sum()
    _, forward_over_backward = jvp(along, (values,), (direction,))
    step = 1e-6
    difference = (along(moved(values, direction, step)) - along(moved(values, direction, -step))) / (2 * step)
    torch.testing.assert_close(twice, difference, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(forward_over_backward, twice)
