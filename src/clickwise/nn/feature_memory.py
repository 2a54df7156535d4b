"""Memories that a few slots share: values read and written by how much each slot is attended to."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class SlotMemory(nn.Module):
    """Values in a few slots (the memories of Dong et al. 2020). They are part of a model's state, not its parameters.

    Args:
        slots: K.
        shape: of one slot's value.
        deviation: standard deviation of the normal initial values.
    """

    values: Tensor

    def __init__(self, slots: int, shape: Sequence[int], deviation: float) -> None:
        super().__init__()
        self.register_buffer("values", torch.randn(slots, *shape) * deviation)

    def read(self, attention: Tensor) -> Tensor:
        """``sum_k a_k M_k``, ``[..., *shape]`` for ``attention [..., slots]``."""
        return torch.tensordot(attention, self.values, dims=1)

    def write(self, attention: Tensor, value: Tensor, rate: float) -> None:
        """``M <- rate * (a x value) + (1 - rate) * M``.

        Args:
            attention: ``[slots]``.
            value: of one slot's shape.
            rate: alpha, beta or gamma.
        """
        self.values.mul_(1 - rate).add_(torch.tensordot(attention.unsqueeze(1), value.unsqueeze(0), dims=1), alpha=rate)


def attend(profile: Tensor, slots: Tensor) -> Tensor:
    """Attention to each slot: softmax of the cosine similarities, ``[..., slots]``.

    Args:
        profile: ``[..., dim]``.
        slots: ``[slots, dim]``.
    """
    return torch.softmax(torch.cosine_similarity(profile.unsqueeze(-2), slots, dim=-1), dim=-1)
