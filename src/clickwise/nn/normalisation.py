"""Batch normalisation that bears the rest of an epoch."""

from torch import Tensor, nn
from torch.nn import functional


class BatchNorm(nn.BatchNorm1d):
    """As torch's, but one row alone, which has no deviation, is normalised as in evaluation.

    The last batch of an epoch has a single row where the number of rows happens to leave one over.
    """

    def forward(self, input: Tensor) -> Tensor:
        if self.training and len(input) == 1:
            return functional.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
            )
        return super().forward(input)
