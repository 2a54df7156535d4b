"""What users show: which share of them each model wins, and how the loss is spread over them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from scipy import stats

from clickwise.array_types import FloatArray
from clickwise.metrics.grouped import user_table
from clickwise.metrics.selectors import winners
from clickwise.metrics.significance import holm, paired_difference, percentile_interval
from clickwise.reproduce.against import Rows
from clickwise.reproduce.resampled import resampled_sums


def share_rows(
    rows: Rows, models: Sequence[str], published: Mapping[str, float], replicates: int
) -> list[dict[str, Any]]:
    """Share of users on whose test rows each model has the lowest LogLoss, ``{"mean", "low", "high"}`` over seeds.

    Args:
        rows: the test rows.
        models: between which each user is given away; a tie goes to the first.
        published: shares of the paper by model.
        replicates: bootstrap resamples of the users, for the 95 % interval.
    """
    seeds = zip(*(rows.predictions[name] for name in models), strict=True)
    won = [winners(rows.label, rows.user, dict(zip(models, each, strict=True))).model for each in seeds]
    wins = np.stack([np.mean([one == place for one in won], axis=0) for place in range(len(models))])
    drawn = resampled_sums(wins, replicates) / wins.shape[1]
    found = []
    for name, of_model, resampled in zip(models, wins, drawn, strict=True):
        low, high = percentile_interval(resampled)
        share = {"mean": float(of_model.mean()), "low": low, "high": high}
        found.append({"method": name, "published": published.get(name), "share": share, "users": wins.shape[1]})
    return found


def losses_by_user(rows: Rows, methods: Sequence[str]) -> dict[str, FloatArray]:
    """LogLoss of each user's test rows, averaged over seeds, ``[users]``."""
    return {
        name: np.mean([user_table(rows.label, each, rows.user).logloss for each in rows.predictions[name]], axis=0)
        for name in methods
    }


def spread_rows(losses: Mapping[str, FloatArray], first: str, replicates: int) -> list[dict[str, Any]]:
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


def pitman_morgan(first: FloatArray, second: FloatArray) -> float:
    """Two-sided p that paired values have one variance: whether their sum and difference are correlated."""
    return float(stats.pearsonr(first + second, first - second).pvalue)


def _moments(values: FloatArray, replicates: int) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation in each replicate, ``[replicates]``; the same users are drawn for every method."""
    centred = np.stack([values, (values - values.mean()) ** 2])
    mean, square = resampled_sums(centred, replicates) / len(values)
    return mean, np.sqrt(np.maximum(square - (mean - values.mean()) ** 2, 0))
