"""Arithmetic of a mixture of models, ``p(x) = sum_k lambda_k(x) M_k(x)``, in logarithms."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from clickwise.errors import InputError
from clickwise.methods.method import Method
from clickwise.methods.supervised import Supervised


def network_of(model: nn.Module) -> nn.Module:
    """The network that gives logits: a bare model itself, or that of ``Supervised``.

    Raises:
        InputError: a method that is no single network.
    """
    network = model.model if isinstance(model, Supervised) else model
    if isinstance(network, Method):
        raise InputError(f"{type(network).__name__} has no logits of its own; give models, or Supervised ones")
    return network


def own_copy(model: nn.Module) -> Supervised:
    """A copy of a model for a method that will change it, so that the caller's stays as it is."""
    network_of(model)  # refuses what cannot be trained
    return model.copy() if isinstance(model, Supervised) else Supervised(copy.deepcopy(model))


def model_names(models: Sequence[nn.Module]) -> list[str]:
    """A name for each model: its class, numbered where it stands more than once."""
    names = [type(model.model if isinstance(model, Supervised) else model).__name__ for model in models]
    return [
        name if names.count(name) == 1 else f"{name} {names[: index + 1].count(name)}"
        for index, name in enumerate(names)
    ]


def mix(logits: Sequence[Tensor], log_weights: Tensor) -> Tensor:
    """Log probability of each class ``[batch, classes]`` of the mixture.

    Args:
        logits: of each model, ``[batch]`` or ``[batch, classes]``.
        log_weights: ``[batch, models]`` or ``[models]``.
    """
    if logits[0].dim() == 1:
        # All models at once: a step on one user costs as many operations as it has, not what they compute.
        clicks = torch.stack(list(logits), dim=1)
        each = functional.logsigmoid(torch.stack([-clicks, clicks], dim=1))
    else:
        each = torch.log_softmax(torch.stack(list(logits), dim=2), dim=1)
    return torch.logsumexp(each + log_weights.unsqueeze(-2), dim=2)


def mean_loss(log_probability: Tensor, label: Tensor) -> Tensor:
    """Mean LogLoss (MetaSelector paper, Eq. 2) of ``[batch, classes]``."""
    return functional.nll_loss(log_probability, label.long())


def probability_of(log_probability: Tensor) -> Tensor:
    """``[batch]`` of a click for two classes, else ``[batch, classes]``."""
    probability = log_probability.exp()
    return probability[:, 1] if probability.shape[1] == 2 else probability
