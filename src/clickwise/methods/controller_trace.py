"""What a controller weighed while it was trained, as plain values."""

from typing import Any

import torch
from torch import Tensor, nn

from clickwise.methods.autoloss import AutoLoss

DECIMALS = 4


def controller_weights(method: nn.Module) -> dict[str, Any] | None:
    """The controller's weights after the first, the middle and the last epoch of its trace.

    Returns:
        ``losses`` (names of the candidates), ``epochs`` (numbers from 1), ``labels`` (names), and ``weights``
        ``[epochs, labels, predictions, losses]``, predictions evenly spaced from 0 to 1. None for a method without a
        controller for each example, or without an epoch.
    """
    learned: Any = method
    while isinstance(learned, nn.Module) and not isinstance(learned, AutoLoss):
        learned = getattr(learned, "model", None)  # meta-training lies around the loss that is learned
    if not isinstance(learned, AutoLoss) or not learned.per_example:
        return None
    shown = _shown(learned.trace)
    if not shown:
        return None
    classes = learned.trace.shape[1]
    return {
        "losses": list(learned.losses),
        "epochs": [epoch + 1 for epoch in shown],
        "labels": ["no click", "click"] if classes == 2 else [f"class {label}" for label in range(classes)],
        "weights": torch.round(learned.trace[shown].double().cpu(), decimals=DECIMALS).tolist(),
    }


def _shown(trace: Tensor) -> list[int]:
    """The first, the middle and the last epoch, from 0, of those that were run: weights of the others are all zero."""
    run = int((trace.sum(-1) > 0).flatten(1).all(1).sum())
    return sorted({0, (run - 1) // 2, run - 1}) if run else []
