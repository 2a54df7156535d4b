"""The last hidden layer of a model's MLP, and how well it keeps a user's clicks apart from the rest."""

from typing import Any

import numpy as np
import torch
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score
from torch import nn

from clickwise.array_types import FloatArray, IntArray
from clickwise.data.log import ClickLog
from clickwise.errors import InputError
from clickwise.methods.method import Method
from clickwise.models.gated import UserDependentGating
from clickwise.nn.gated_mlp import GatedMLP
from clickwise.prediction import predict

PERPLEXITY = 30.0
LEAST = 5
"""Rows of either label that a user needs to be judged."""


def users_of_both_labels(log: ClickLog, most: int) -> IntArray:
    """At most so many users, those with most rows of their rarer label first; each has ``LEAST`` of it and more.

    Raises:
        InputError: fewer than two users have that many.
    """
    users = int(log.user.max()) + 1
    clicks = np.bincount(log.user, log.label, minlength=users).astype(np.int64)
    rarer = np.minimum(clicks, np.bincount(log.user, minlength=users) - clicks)
    order = np.argsort(-rarer, kind="stable")
    found = order[rarer[order] >= LEAST][:most]
    if len(found) < 2:
        raise InputError(
            f"figure3: {len(found)} users have {LEAST} clicks and {LEAST} other rows in the test part, and it shows "
            "two; use more rows"
        )
    return found


def last_hidden(method: Method, log: ClickLog) -> FloatArray:
    """What the output layer of the method's MLP reads, gates included, ``[rows, dim]``."""
    found: list[torch.Tensor] = []

    def keep(layer: nn.Module, given: tuple[Any, ...]) -> None:
        found.append(given[0].detach().cpu())

    handle = _output_layer(method).register_forward_pre_hook(keep)
    try:
        predict(method, log)
    finally:
        handle.remove()
    return torch.cat(found).double().numpy()


def _output_layer(method: Method) -> nn.Module:
    network: Any = method.model
    if isinstance(network, UserDependentGating):
        network = network.model
    mlp: Any = network.mlp.mlp if isinstance(network.mlp, GatedMLP) else network.mlp
    layer: nn.Module = mlp.layers[-1]
    return layer


def silhouettes(hidden: FloatArray, log: ClickLog, users: IntArray) -> FloatArray:
    """Mean silhouette of each user's rows by label, ``[users]``: 1 where labels lie apart, 0 where they are mixed."""
    values = []
    for user in users:
        own = log.user == user
        values.append(silhouette_score(hidden[own], log.label[own]))
    return np.array(values, dtype=np.float64)


def plane(hidden: FloatArray) -> FloatArray:
    """t-SNE of the rows, ``[rows, 2]``; the same rows give the same points."""
    perplexity = min(PERPLEXITY, (len(hidden) - 1) / 3)
    found: FloatArray = TSNE(perplexity=perplexity, init="random", random_state=0).fit_transform(hidden)
    return np.asarray(found, dtype=np.float64)
