"""Which model serves whom: the weights of the models for each user, as a table."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.data.log import ClickLog
from clickwise.data.tasks import raw_users

USER, SUPPORT = "user", "support_rows"


@runtime_checkable
class Weighs(Protocol):
    """A method whose weights of models can be read."""

    names: Any
    """Of the models, in order."""

    def user_weights(self, log: ClickLog) -> pl.DataFrame:
        """Mean weights of the models over the rows of each user of ``log``; see ``weights_frame``."""


def weights_frame(
    user: pl.Series, rows: npt.NDArray[np.integer], weights: npt.NDArray[np.floating], names: Sequence[str]
) -> pl.DataFrame:
    """One row a user: ``user``, ``support_rows`` (how many rows were adapted to), and the weight of each model."""
    columns = {name: weights[:, model] for model, name in enumerate(names)}
    return pl.DataFrame({USER: user, SUPPORT: rows, **columns})


def mean_by_user(
    log: ClickLog, weights: npt.NDArray[np.floating], support: npt.NDArray[np.integer], names: Sequence[str]
) -> pl.DataFrame:
    """The frame of row-wise weights.

    Args:
        log: the rows.
        weights: ``[rows, models]``.
        support: ``[rows]``, how many rows the row's user was adapted to.
        names: of the models.
    """
    users, first, member, rows = np.unique(log.user, return_index=True, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(member, weights=column) / rows for column in weights.T], axis=1)
    return weights_frame(raw_users(log).gather(users), support[first], means, names)


def summary(frame: pl.DataFrame) -> dict[str, dict[str, float]]:
    """By model: ``mean`` weight over users, and share of users for whom it is the ``highest`` (ties to the first)."""
    names = [name for name in frame.columns if name not in (USER, SUPPORT)]
    weights = frame.select(names).to_numpy()
    highest = np.bincount(weights.argmax(axis=1), minlength=len(names)) / len(weights)
    return {
        name: {"mean": float(weights[:, place].mean()), "highest": float(highest[place])}
        for place, name in enumerate(names)
    }
