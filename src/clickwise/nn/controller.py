"""Networks that weigh candidate losses for an example (AutoLoss paper, section 2.4)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from clickwise.nn.dropout import Dropout
from clickwise.nn.normalisation import BatchNorm

FIRST_SHARE = 0.9


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
            layers += [nn.Linear(width, dim), BatchNorm(dim), nn.ReLU(), Dropout(dropout)]
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
        return torch.log_softmax(self.layers(seen), dim=1) if self.training else self._evaluate(seen)

    @torch.no_grad()
    def start_from(self, loss: str) -> None:
        """Make it give one loss nine tenths of the weight of every example, from where it then learns."""
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        last.weight.zero_()
        last.bias.copy_(_log_shares(self.losses, loss))

    def _evaluate(self, seen: Tensor) -> Tensor:
        """The same where nothing is dropped and normalisation is a constant: a third less time, in every model's step.

        Examples stand in columns, and each normalisation is part of the product before it.
        """
        *linears, last = (layer for layer in self.layers if isinstance(layer, nn.Linear))
        norms = (layer for layer in self.layers if isinstance(layer, BatchNorm))
        h = seen.t()
        for linear, norm in zip(linears, norms, strict=True):
            scale = norm.weight * (norm.get_buffer("running_var") + norm.eps).rsqrt()
            bias = norm.bias + scale * (linear.bias - norm.get_buffer("running_mean"))
            h = torch.addmm(bias.unsqueeze(1), linear.weight * scale.unsqueeze(1), h).relu_()
        return torch.log_softmax(torch.addmm(last.bias.unsqueeze(1), last.weight, h), dim=0).t()


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

    @torch.no_grad()
    def start_from(self, loss: str) -> None:
        """As of ``Controller``."""
        self.weights.copy_(_log_shares(self.losses, loss))


def _log_shares(losses: Sequence[str], first: str) -> Tensor:
    rest = (1 - FIRST_SHARE) / (len(losses) - 1)
    return torch.tensor([FIRST_SHARE if loss == first else rest for loss in losses]).log()


def drawn(log_weights: Tensor, temperature: float) -> Tensor:
    """One candidate an example, in proportion to its weight, by straight-through Gumbel-softmax (Eq. 9 and 10).

    Args:
        log_weights: ``[batch, losses]``.
        temperature: of the softmax that the gradient is of.
    """
    uniform = torch.rand_like(log_weights).clamp_(min=torch.finfo(log_weights.dtype).tiny)
    scores = log_weights - uniform.log_().neg_().log_()
    hard = torch.zeros_like(scores).scatter_(1, scores.max(1, keepdim=True).indices, 1.0)
    if not scores.requires_grad:
        return hard
    soft = (scores / temperature).softmax(1)
    return hard + soft - soft.detach()  # the value of one, the gradient of the other


@torch.no_grad()
def weights_on_grid(controller: Controller | ConstantController, predictions: int) -> Tensor:
    """Weights ``[classes, predictions, losses]``: label, by predicted probability of it, evenly spaced from 0 to 1."""
    classes, device = controller.classes, next(controller.parameters()).device
    grid = torch.linspace(0, 1, predictions, device=device)
    found = []
    for label in range(classes):
        if classes == 2:
            probability = grid if label == 1 else 1 - grid
        else:
            probability = ((1 - grid) / (classes - 1)).unsqueeze(1).repeat(1, classes)
            probability[:, label] = grid
        found.append(controller(probability, torch.full((predictions,), label, device=device)).exp())
    return torch.stack(found)
