"""Arithmetic of a mixture of models, ``p(x) = sum_k lambda_k(x) M_k(x)``, in logarithms."""

import copy
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from clickwise.data.log import ClickLog
from clickwise.errors import InputError
from clickwise.methods.method import Method
from clickwise.methods.names import GATE
from clickwise.methods.supervised import Supervised
from clickwise.methods.unseen import require_schema
from clickwise.models.gated import UserDependentGating


def network_of(model: nn.Module) -> nn.Module:
    """The network that gives logits: a bare model itself, or the one that a method trains.

    Raises:
        InputError: a method that is no single network.
    """
    network = model.network if isinstance(model, Method) else model
    if network is None:
        raise InputError(f"{type(model).__name__} has no logits of its own; give models, or methods around one model")
    return network


def own_copy(model: nn.Module) -> Method:
    """A copy of a model or of a method around one, for a method that will change it: the caller's stays as it is."""
    network_of(model)  # refuses what cannot be trained
    return model.copy() if isinstance(model, Method) else Supervised(copy.deepcopy(model))


def supervised_copy(model: nn.Module, **changed: Any) -> Supervised:
    """A copy of a model and of the loss that it is trained on; of a meta-trained one, of what it starts from.

    Args:
        model: a network, or a method around one.
        changed: options of ``Supervised`` that shall be others.
    """
    network_of(model)
    inner = model if isinstance(model, Supervised) else getattr(model, "model", None)
    if isinstance(inner, Supervised):
        return inner.copy(**changed)
    return Supervised(copy.deepcopy(network_of(model)), **changed)


def model_names(models: Sequence[nn.Module]) -> list[str]:
    """A name for each model: its class, and its gate, numbered where it stands more than once."""
    names = [_name(model) for model in models]
    return [
        name if names.count(name) == 1 else f"{name} {names[: index + 1].count(name)}"
        for index, name in enumerate(names)
    ]


def _name(model: nn.Module) -> str:
    network = model.network if isinstance(model, Method) else model
    if isinstance(network, UserDependentGating):
        return f"{type(network.model).__name__}{GATE}{network.gate}"
    return type(model if network is None else network).__name__


def remember_all(models: Iterable[nn.Module], *logs: ClickLog) -> None:
    """Let every method adapt from now on to the rows of these logs, which must be of the models' schema."""
    models = list(models)
    for model, log in product(models, logs):  # before any of them forgets anything
        require_schema(model, log)
    for model in models:
        cast(Method, model).remember(*logs)


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
