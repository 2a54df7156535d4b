"""Logits and labels that the tests of the losses share."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float64]
LABELS = [0, 1, 1, 0, 1, 0, 0]
CLASSES = [0, 2, 1, 3, 4, 2, 0]


def example(classes: int = 2, scale: float = 2.0) -> tuple[Tensor, Tensor]:
    """Seven float64 logits, binary or of five classes, and labels."""
    shape = (7,) if classes == 2 else (7, classes)
    logits = torch.from_numpy(np.random.default_rng(0).normal(size=shape) * scale)
    return logits, torch.tensor(LABELS if classes == 2 else CLASSES)


def softmax(logits: Floats) -> Floats:
    """Of each row; a binary logit z is the two class logits (0, z)."""
    rows = np.stack([np.zeros_like(logits), logits], axis=1) if logits.ndim == 1 else logits
    odds = np.exp(rows)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
