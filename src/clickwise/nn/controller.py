"""Networks that weigh candidate losses for an example (AutoLoss paper, section 2.4)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from clickwise.nn.dropout import Dropout


class Controller(nn.Module):
    """``(probability, label) -> log probability of each candidate loss [batch, losses]``, for every example its own.

    Args:
        losses: names of the candidates, in order.
        classes: classes of the label; 2 for clicks.
        hidden_dims: lengths of the hidden layers.
        dropout: probability of dropping a hidden unit.
    """

    def __init__(
        self, losses: Sequence[str], classes: int = 2, hidden_dims: Sequence[int] = (128, 128), dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.losses = tuple(losses)
        self.classes = classes
        self.hidden_dims = tuple(hidden_dims)
        self.dropout = dropout
        layers: list[nn.Module] = []
        width = 2 if classes == 2 else 2 * classes
        for dim in self.hidden_dims:
            layers += [nn.Linear(width, dim), nn.BatchNorm1d(dim), nn.ReLU(), Dropout(dropout)]
            width = dim
        self.layers = nn.Sequential(*layers, nn.Linear(width, len(self.losses)))

    def forward(self, probability: Tensor, label: Tensor) -> Tensor:
        """Weigh the candidates.

        Args:
            probability: ``[batch]`` of a click, or ``[batch, classes]``.
            label: ``[batch]``.
        """
        if self.classes == 2:
            seen = torch.stack([label.to(probability.dtype), probability], dim=1)
        else:
            one_hot = functional.one_hot(label.long(), self.classes).to(probability.dtype)
            seen = torch.cat([one_hot, probability], dim=1)
        return torch.log_softmax(self.layers(seen), dim=1)


class ConstantController(nn.Module):
    """The same weights for every example: what is left of a controller that sees nothing.

    Args:
        losses: names of the candidates, in order.
        classes: classes of the label, as of ``Controller``.
    """

    def __init__(self, losses: Sequence[str], classes: int = 2) -> None:
        super().__init__()
        self.losses = tuple(losses)
        self.classes = classes
        self.weights = nn.Parameter(torch.zeros(len(self.losses)))

    def forward(self, probability: Tensor, label: Tensor) -> Tensor:
        """As of ``Controller``."""
        return torch.log_softmax(self.weights, dim=0).expand(len(label), -1)
