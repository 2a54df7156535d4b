"""Dropout that does not dominate a step on a processor."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from clickwise.errors import InputError

LANES = 1 << 16


class Dropout(nn.Module):
    """Zeroes each value with a probability and scales the others up, while training (Srivastava et al. 2014).

    On a processor torch draws a random number for each value, a third of a DeepFM step. Here a 64-bit draw decides
    four values, so the probability is rounded to a multiple of 1/65,536; the scale fits the rounded one.

    Args:
        probability: of zeroing a value, at least 0 and less than 1.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        if not 0 <= probability < 1:
            raise InputError(f"dropout must be at least 0 and less than 1, not {probability}")
        self.probability = probability
        self.dropped = min(round(probability * LANES), LANES - 1)

    def forward(self, h: Tensor) -> Tensor:
        if not self.training or not self.dropped:
            return h
        if h.device.type != "cpu":
            return functional.dropout(h, self.probability)
        draws = torch.empty(-(-h.numel() // 4), dtype=torch.int64).random_(torch.iinfo(torch.int64).min, None)
        lanes = draws.view(torch.int16)[: h.numel()].view(h.shape)
        kept = lanes.ge(self.dropped - LANES // 2).to(h.dtype)
        return h * kept.mul_(LANES / (LANES - self.dropped))
