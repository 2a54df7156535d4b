"""Perfect selectors: what the best choice among the given predictions could reach, made on the test labels.

They are upper bounds and no methods: nothing that does not know the labels can choose like this. LogLoss is that of
``pointwise``; where several models have the lowest one, the first of them is chosen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from clickwise.array_types import FloatArray, IntArray
from clickwise.errors import InputError
from clickwise.metrics.grouped import group_users
from clickwise.metrics.pointwise import example_logloss

Predictions = Mapping[str, npt.NDArray[Any]]
"""By model, the probability ``[rows]`` (of a click) or ``[rows, classes]``; the same shape for all."""


@dataclass(frozen=True, eq=False)
class Winners:
    """Which model has the lowest mean LogLoss on the rows of each user.

    Attributes:
        models: names, in the order in which the predictions were given.
        user: ``int64 [users]``, distinct codes, rising.
        model: ``int64 [users]``, position in ``models`` of the one that wins the user.
        logloss: ``float64 [users, models]``, mean LogLoss of each model on the user's rows.
    """

    models: tuple[str, ...]
    user: IntArray
    model: IntArray
    logloss: FloatArray

    @property
    def shares(self) -> dict[str, float]:
        """Share of users that each model wins; ties go to the first model (``grouped.users_won`` splits them)."""
        counts = np.bincount(self.model, minlength=len(self.models))
        return dict(zip(self.models, (counts / len(self.user)).tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class PerfectUser:
    """The predictions of the perfect user-level selector.

    Attributes:
        probability: ``float32 [rows]`` or ``[rows, classes]``, that of the model which wins the row's user.
        winners: which model each user got.
    """

    probability: npt.NDArray[np.float32]
    winners: Winners


def perfect_sample(label: npt.NDArray[Any], predictions: Predictions) -> npt.NDArray[np.float32]:
    """For each row the probability of the model with the lowest LogLoss on that row.

    Args:
        label: ``[rows]``, 0 or 1, or a class.
        predictions: by model, ``[rows]`` or ``[rows, classes]``.

    Returns:
        ``float32``, of the shape of one model's predictions.

    Raises:
        InputError: no models, shapes that differ, or rows that cannot be evaluated; names the model.
    """
    return _chosen(predictions, np.argmin(_losses(label, predictions), axis=0))


def perfect_user(label: npt.NDArray[Any], user: IntArray, predictions: Predictions) -> PerfectUser:
    """For each row the probability of the model with the lowest mean LogLoss on all rows of the row's user.

    Args:
        label: ``[rows]``, 0 or 1, or a class.
        user: ``[rows]``, the user's code; rows may stand in any order.
        predictions: by model, ``[rows]`` or ``[rows, classes]``.

    Raises:
        InputError: as ``perfect_sample``, or not one user code a row.
    """
    won = winners(label, user, predictions)
    return PerfectUser(_chosen(predictions, won.model[np.searchsorted(won.user, user)]), won)


def winners(label: npt.NDArray[Any], user: IntArray, predictions: Predictions) -> Winners:
    """The model that wins each user; arguments and errors as those of ``perfect_user``.

    Args:
        label: ``[rows]``.
        user: ``[rows]``, codes.
        predictions: by model.
    """
    losses = _losses(label, predictions)
    codes, member, rows = group_users(user, losses.shape[1])
    sums = [np.bincount(member, weights=loss, minlength=len(codes)) for loss in losses]
    means = np.stack(sums, axis=1) / rows[:, None]
    return Winners(tuple(predictions), codes, np.argmin(means, axis=1), means)


def _losses(label: npt.NDArray[Any], predictions: Predictions) -> FloatArray:
    """LogLoss of each model on each row, ``[models, rows]``."""
    if not predictions:
        raise InputError("predictions: no models to choose from; give at least one")
    first, shape = next((name, np.shape(values)) for name, values in predictions.items())
    for name, values in predictions.items():
        if np.shape(values) != shape:
            raise InputError(
                f"predictions: those of {name!r} have shape {np.shape(values)}; "
                f"it must be {shape} like those of {first!r}"
            )
    return np.stack([_loss(name, label, values) for name, values in predictions.items()])


def _loss(name: str, label: npt.NDArray[Any], probability: npt.NDArray[Any]) -> FloatArray:
    try:
        return example_logloss(label, probability)
    except InputError as error:
        raise InputError(f"predictions of {name!r}: {error}") from None


def _chosen(predictions: Predictions, choice: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
    """Row by row the probability of the model at position ``choice``, ``[rows]`` or ``[rows, classes]``."""
    stacked = np.stack([np.asarray(values, dtype=np.float32) for values in predictions.values()])
    return stacked[choice, np.arange(len(choice))]
