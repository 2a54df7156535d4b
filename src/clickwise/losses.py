"""Losses: ``(logits, label) -> [batch]``, one value an example."""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, label: Tensor) -> Tensor:
    """Negative natural-log likelihood of the label.

    Args:
        logits: ``[batch]`` for binary labels, ``[batch, classes]`` otherwise.
        label: ``[batch]``, 0 or 1, or a class.

    Returns:
        ``[batch]``.
    """
    if logits.dim() == 1:
        return functional.binary_cross_entropy_with_logits(logits, label.to(logits.dtype), reduction="none")
    return functional.cross_entropy(logits, label.long(), reduction="none")


LOSSES: dict[str, Loss] = {"cross_entropy": cross_entropy}
