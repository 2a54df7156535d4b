"""Losses that are no numbers any more."""

import math
from collections.abc import Mapping

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


def require_finite_values(values: Mapping[str, Tensor], when: str, rates: str) -> None:
    """Raise ``TrainingDiverged`` unless all of these are finite.

    Args:
        values: scalars by name.
        when: they became what they are, as words after "became".
        rates: those that may be too high, with their values.
    """
    for name, value in values.items():
        if not math.isfinite(value.item()):
            raise TrainingDiverged(f"{name} became {value.item()} {when}; {rates} is too high")
