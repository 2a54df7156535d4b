"""How the loss is spread over users: means, standard deviations, and tests of whether a spread is smaller."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from clickwise.metrics.bootstrap import resample_weights
from clickwise.metrics.grouped import user_table
from clickwise.metrics.significance import holm, paired_difference
from clickwise.reproduce.selection_table import Rows

Floats = npt.NDArray[np.float64]


def losses_by_user(rows: Rows, methods: Sequence[str]) -> dict[str, Floats]:
    """LogLoss of each user's test rows, averaged over seeds, ``[users]``."""
    return {
        name: np.mean([user_table(rows.label, each, rows.user).logloss for each in rows.predictions[name]], axis=0)
        for name in methods
    }


def spread_rows(losses: Mapping[str, Floats], first: str, replicates: int) -> list[dict[str, Any]]:
    """Mean and standard deviation over users, and whether those of ``first`` differ from those of each other method.

    ``deviation`` and ``mean`` of ``against`` are paired differences, ``first`` minus the other, under a bootstrap of
    the users with p corrected over the other methods (Holm). ``pitman_morgan_p`` is that of the classical test for the
    variances of paired values, two-sided.
    """
    others = [name for name in losses if name != first]
    drawn = {name: _moments(values, replicates) for name, values in losses.items()}
    tests: dict[str, dict[str, dict[str, float]]] = {name: {} for name in others}
    for key, place in (("mean", 0), ("deviation", 1)):
        observed = {name: (values.mean(), values.std())[place] for name, values in losses.items()}
        found = [
            paired_difference(drawn[first][place], drawn[name][place], float(observed[first] - observed[name]))
            for name in others
        ]
        for name, one, corrected in zip(others, found, holm([one.p for one in found]), strict=True):
            tests[name][key] = {**asdict(one), "p_corrected": float(corrected)}
    return [
        {
            "method": name,
            "users": len(values),
            "mean": float(values.mean()),
            "deviation": float(values.std()),
            "against": None
            if name == first
            else {"method": first, **tests[name], "pitman_morgan_p": pitman_morgan(losses[first], values)},
        }
        for name, values in losses.items()
    ]


def pitman_morgan(first: Floats, second: Floats) -> float:
    """Two-sided p that paired values have one variance: whether their sum and difference are correlated."""
    return float(stats.pearsonr(first + second, first - second).pvalue)


def _moments(values: Floats, replicates: int) -> tuple[Floats, Floats]:
    """Mean and standard deviation in each replicate, ``[replicates]``; the same users are drawn for every method."""
    centred = np.stack([values, (values - values.mean()) ** 2])
    drawn = np.concatenate(
        [centred @ weights / len(values) for weights in resample_weights(len(values), replicates, 0)], axis=1
    )
    mean, square = drawn
    return mean, np.sqrt(np.maximum(square - (mean - values.mean()) ** 2, 0))
