"""Further losses that a model computes on its way to the logits: DIEN's on the states of its recurrent layer, say."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from torch import Tensor, nn


class AuxiliaryLoss(nn.Module):
    """A place in a model for one further loss of each forward pass.

    The model computes it only where ``asked``, and gives it to ``tell``; nothing is kept after the pass.

    Args:
        name: how training logs call it.
        weight: in what is minimised.
    """

    def __init__(self, name: str, weight: float) -> None:
        super().__init__()
        self.name = name
        self.weight = weight
        self.asked = False
        self.value: Tensor | None = None

    def tell(self, value: Tensor) -> None:
        """Keep the unweighted loss of this pass, a scalar."""
        self.value = value


def auxiliary_losses(model: nn.Module) -> list[AuxiliaryLoss]:
    """Those of a model."""
    return [module for module in model.modules() if isinstance(module, AuxiliaryLoss)]


def total_of(of_labels: Tensor, told: Mapping[str, tuple[float, Tensor]]) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of the labels and the weighted auxiliary ones added up; and all of them by name, where there are any."""
    total = of_labels + sum(weight * value for weight, value in told.values())
    parts = {"of_labels": of_labels, **{name: value for name, (_, value) in told.items()}} if told else {}
    return total, parts


@contextmanager
def asked_for(losses: Sequence[AuxiliaryLoss]) -> Iterator[dict[str, tuple[float, Tensor]]]:
    """Weight and value by name of what the forward pass within told, filled in at the end of the block."""
    told: dict[str, tuple[float, Tensor]] = {}
    for loss in losses:
        loss.asked = True
    try:
        yield told
        told |= {loss.name: (loss.weight, loss.value) for loss in losses if loss.value is not None}
    finally:
        for loss in losses:
            loss.asked, loss.value = False, None
