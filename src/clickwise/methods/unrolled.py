"""The exact gradient through one unrolled step of a model, in what weighs its loss (DARTS, Liu et al. 2019)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call

from clickwise.data.log import Batch
from clickwise.nn.tables import id_tables, touched_rows

MeanLoss = Callable[[Tensor, Batch], Tensor]


class Unrolled:
    """``L_valid(W - xi G, V)`` with ``G = dL_train(W, V)/dW`` as a function of V, on the rows that two batches touch.

    With ``g = dL_valid/dW'`` at the stepped parameters, the gradient is ``dL_valid/dV - xi d/dV (dL_train/dz . J g)``:
    ``J g``, how the training logits z move along g, is all that the second derivative needs of the model, and comes
    from differentiating its backward pass once more. Nothing is approximated. A step of unit length, ``xi G / |G|``,
    takes for g its part across G, divided by ``|G|``.

    Args:
        model: maps a batch to logits.
        size: rows of its id tables.
        rate: xi.
        unit: divide G by its length.
    """

    def __init__(self, model: nn.Module, size: int, rate: float, unit: bool = False) -> None:
        self.model = model
        self.tables = id_tables(model, size)
        self.dense = {name: p for name, p in model.named_parameters() if p.requires_grad and name not in self.tables}
        self.rate = rate
        self.unit = unit

    def backward(self, train: Batch, valid: Batch, inner: MeanLoss, outer: MeanLoss) -> None:
        """Add the gradient to ``grad`` of whatever ``inner`` and ``outer`` depend on besides the logits.

        Args:
            train: rows of the step.
            valid: rows that the step is judged on.
            inner: ``(logits, batch) -> mean loss`` that the step descends.
            outer: ``(logits, batch) -> mean loss`` of the stepped model.
        """
        rows, local = touched_rows(torch.cat([train.ids, valid.ids]))
        of_train, of_valid = local.split([len(train), len(valid)])
        train, valid = train.with_ids(of_train), valid.with_ids(of_valid)
        values = {name: p.detach().requires_grad_() for name, p in self.dense.items()}
        values |= {name: p.detach().index_select(0, rows).requires_grad_() for name, p in self.tables.items()}

        logits = functional_call(self.model, values, (train,))
        leaf = logits.detach().requires_grad_()
        (slope,) = torch.autograd.grad(inner(leaf, train), leaf, create_graph=True)  # dL_train/dz, depends on V
        given = slope.detach().requires_grad_()
        step = _gradients(logits, values, given)
        fixed = {name: gradient.detach() for name, gradient in step.items()}
        # A model at a point without slope stays where it is.
        length = _dot(fixed, fixed).sqrt().clamp(min=1e-12)
        rate = self.rate / length if self.unit else self.rate
        stepped = {
            name: (value.detach() - rate * fixed[name]).requires_grad_() if name in step else value
            for name, value in values.items()
        }
        judged = outer(functional_call(self.model, stepped, (valid,)), valid)
        # Adds the direct part dL_valid/dV to whatever ``outer`` holds, and leaves g in the stepped parameters.
        judged.backward()
        g = {name: torch.zeros_like(fixed[name]) if (d := stepped[name].grad) is None else d for name in step}
        if self.unit:
            along = _dot(fixed, g) / length**2
            g = {name: value - along * fixed[name] for name, value in g.items()}
        (moved,) = torch.autograd.grad(_dot(step, g), given)  # J g, as [batch] or [batch, classes]
        (-rate * (slope * moved).sum()).backward()


def _gradients(logits: Tensor, values: dict[str, Tensor], slope: Tensor) -> dict[str, Tensor]:
    """``J^T slope`` by name of the parameter, for those that the logits depend on; differentiable in ``slope``."""
    found = torch.autograd.grad(logits, list(values.values()), slope, create_graph=True, allow_unused=True)
    return {name: gradient for name, gradient in zip(values, found, strict=True) if gradient is not None}


def _dot(one: dict[str, Tensor], other: dict[str, Tensor]) -> Tensor:
    return torch.stack([(one[name] * value).sum() for name, value in other.items()]).sum()
