"""The activation whose rectifying point follows the data."""

import torch
from torch import Tensor, nn

from clickwise.nn.normalisation import BatchNorm


class Dice(nn.Module):
    """``[rows, dim] -> [rows, dim]``: ``p s + (1 - p) alpha s`` with ``p = sigmoid((s - mean) / deviation)``.

    Data adaptive activation (Zhou et al. 2018, Eq. 3). Mean and deviation are of the batch in training and running
    averages in evaluation; alpha is learned for each of the ``dim`` units and starts at zero.

    Args:
        dim: number of units.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = BatchNorm(dim, eps=1e-8, affine=False)
        self.alpha = nn.Parameter(torch.zeros(dim))

    def forward(self, s: Tensor) -> Tensor:
        if not len(s):
            return s  # no rows have no mean, and must not enter the running one
        return s * torch.addcmul(self.alpha, 1 - self.alpha, self.norm(s).sigmoid())
