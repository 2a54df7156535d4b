"""Losses of users' tasks that are no numbers any more."""

import math

import polars as pl
from torch import Tensor

from clickwise.errors import TrainingDiverged


def require_finite(loss: Tensor, user: int, names: pl.Series | None, rates: str) -> None:
    """Raise ``TrainingDiverged`` unless the loss of a task's query is finite.

    Args:
        loss: a scalar.
        user: code of the task's user; negative for a task that is a batch.
        names: the users by code; None where codes are all that is known of them.
        rates: those that may be too high, with their values.
    """
    value = loss.item()
    if math.isfinite(value):
        return
    whose = "a batch" if user < 0 else f"user {user if names is None else names[user]!r}"
    raise TrainingDiverged(f"{whose}: the query loss became {value} after the inner step; {rates} is too high")
