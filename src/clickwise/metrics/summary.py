"""The honest comparison of methods on one set of rows: values with intervals, and differences with p-values.

``predictions`` maps a method to its probabilities, one array ``[rows]`` or ``[rows, classes]`` a training seed.
Results are plain dicts of floats, ints and None (where a value is undefined): ready for JSON.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from clickwise.errors import InputError, nearest
from clickwise.metrics import pointwise
from clickwise.metrics.bootstrap import METRICS as BOOTSTRAPPED
from clickwise.metrics.bootstrap import bootstrap_metrics
from clickwise.metrics.grouped import UserTable, auc_by_earlier, gauc, user_table, users_won
from clickwise.metrics.pointwise import FloatArray
from clickwise.metrics.significance import Interval, combine, holm, over_seeds, paired_difference, percentile_interval

Predictions = Mapping[str, Sequence[npt.NDArray[Any]]]

METRICS = ("auc", "gauc", "logloss", "rig", "rmse", "ece", "pcoc")
COMPARED = ("auc", "logloss")
ORACLE = "oracle"
"""The method that predicts the true probabilities."""


@dataclass(frozen=True)
class Replicates:
    """Bootstrap values ``[replicates]`` by method and metric: users, and seeds where there are several, resampled."""

    values: Mapping[str, Mapping[str, FloatArray]]

    def of(self, method: str) -> Mapping[str, FloatArray]:
        """Those of one method."""
        if method not in self.values:
            raise InputError(f"replicates: none of method {method!r}{nearest(method, self.values)}")
        return self.values[method]


def replicate(
    label: npt.NDArray[Any],
    user: npt.NDArray[np.int64],
    predictions: Predictions,
    truth: npt.NDArray[Any] | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> Replicates:
    """The bootstrap that ``summarise`` and ``differences`` share; the costly part of both."""
    methods = _with_oracle(predictions, truth)
    flat = {(method, i): p for method, seeds in methods.items() for i, p in enumerate(seeds)}
    drawn = bootstrap_metrics(label, flat, user, BOOTSTRAPPED, replicates, seed)
    return Replicates(
        {
            method: {
                metric: combine(np.stack([drawn[method, i][metric] for i in range(len(seeds))]), seed)
                for metric in BOOTSTRAPPED
            }
            for method, seeds in methods.items()
        }
    )


def summarise(
    label: npt.NDArray[Any],
    user: npt.NDArray[np.int64],
    predictions: Predictions,
    earlier: npt.NDArray[np.integer[Any]] | None = None,
    truth: npt.NDArray[Any] | None = None,
    replicates: int | Replicates = 1000,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """Every metric of every method.

    Args:
        label, user: ``[rows]``.
        predictions: see above.
        earlier: ``[rows]``, number of the user's earlier interactions; without it there is no cold-start curve.
        truth: the true probabilities, if known; they join the methods as ``"oracle"`` and win no users.
        replicates: how many, or those of ``replicate`` (then made with the same rows, predictions and truth).
        seed: of the bootstrap; read only when ``replicates`` is a number.

    Returns:
        By method: for each of ``METRICS`` ``{"mean", "low", "high"}`` (mean over seeds on the rows as they are; the
        95 % interval is of users and seeds, for ``ece`` of seeds alone and so None with one seed), ``"seeds"``,
        ``"coverage"`` (shares of ``users`` and ``impressions`` that GAUC covers, counts of the users left out),
        ``"users_won"`` (share, by LogLoss averaged over seeds; None for the oracle), and ``"cold_start"``.
    """
    drawn = _replicates(label, user, predictions, truth, replicates, seed)
    methods = _with_oracle(predictions, truth)
    tables = {method: [user_table(label, p, user) for p in seeds] for method, seeds in methods.items()}
    won = users_won({method: np.mean([t.logloss for t in tables[method]], axis=0) for method in predictions})
    return {
        method: {
            **_metrics(label, seeds, tables[method], drawn.of(method)),
            "seeds": len(seeds),
            "coverage": _coverage(tables[method][0]),
            "users_won": won.get(method),
            "cold_start": [] if earlier is None else _cold_start(label, seeds, earlier),
        }
        for method, seeds in methods.items()
    }


def differences(
    label: npt.NDArray[Any],
    user: npt.NDArray[np.int64],
    predictions: Predictions,
    reference: str,
    replicates: int | Replicates = 1000,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """AUC and LogLoss of every other method minus those of ``reference``, paired by user.

    Each entry has ``method``, ``reference``, ``metric``, ``difference`` (of the means over seeds), ``low`` and
    ``high`` (95 %), ``p`` (two-sided) and ``p_corrected`` (Holm, over the methods within a metric).
    """
    if reference not in predictions:
        raise InputError(f"reference: no method {reference!r}{nearest(reference, predictions)}")
    drawn = _replicates(label, user, predictions, None, replicates, seed)
    others = [method for method in predictions if method != reference]
    rows: list[dict[str, Any]] = []
    for metric in COMPARED:
        means = {m: np.mean([getattr(pointwise, metric)(label, p) for p in predictions[m]]) for m in predictions}
        found = [
            paired_difference(drawn.of(m)[metric], drawn.of(reference)[metric], means[m] - means[reference])
            for m in others
        ]
        for method, one, corrected in zip(others, found, holm([one.p for one in found]), strict=True):
            names = {"method": method, "reference": reference, "metric": metric}
            rows.append(names | _plain(asdict(one) | {"p_corrected": corrected}))
    return rows


def _replicates(
    label: npt.NDArray[Any],
    user: npt.NDArray[np.int64],
    predictions: Predictions,
    truth: npt.NDArray[Any] | None,
    replicates: int | Replicates,
    seed: int,
) -> Replicates:
    if isinstance(replicates, Replicates):
        return replicates
    return replicate(label, user, predictions, truth, replicates, seed)


def _with_oracle(predictions: Predictions, truth: npt.NDArray[Any] | None) -> dict[str, Sequence[npt.NDArray[Any]]]:
    """The methods, and the oracle where the truth is known."""
    if empty := [method for method, seeds in predictions.items() if not len(seeds)]:
        raise InputError(f"predictions: method {empty[0]!r} has none; give one array a seed")
    if not predictions or (truth is not None and ORACLE in predictions):
        raise InputError(f"predictions: give at least one method, none of them named {ORACLE!r} beside a truth")
    return dict(predictions) | ({} if truth is None else {ORACLE: [truth]})


def _metrics(
    label: npt.NDArray[Any],
    seeds: Sequence[npt.NDArray[Any]],
    tables: Sequence[UserTable],
    drawn: Mapping[str, FloatArray],
) -> dict[str, dict[str, float | None]]:
    values = {name: [getattr(pointwise, name)(label, p) for p in seeds] for name in METRICS if name != "gauc"}
    values["gauc"] = [gauc(table).value for table in tables]
    intervals = {name: over_seeds(values[name]) for name in METRICS}
    for name, replicates in drawn.items():
        intervals[name] = Interval(intervals[name].mean, *percentile_interval(replicates))
    return {name: _plain(asdict(interval)) for name, interval in intervals.items()}


def _coverage(table: UserTable) -> dict[str, float | int]:
    found = gauc(table)
    return {
        "users": found.user_coverage,
        "impressions": found.coverage,
        "users_without_clicks": found.users_without_clicks,
        "users_only_clicks": found.users_only_clicks,
    }


def _cold_start(
    label: npt.NDArray[Any], seeds: Sequence[npt.NDArray[Any]], earlier: npt.NDArray[np.integer[Any]]
) -> list[dict[str, float | int | None]]:
    """AUC by number of earlier interactions, averaged over seeds; ``to`` is inclusive, None in the last bucket."""
    curves = [auc_by_earlier(label, p, earlier) for p in seeds]
    return [
        {"from": b[0].low, "to": b[0].high, "rows": b[0].rows} | _plain({"auc": float(np.mean([x.auc for x in b]))})
        for b in zip(*curves, strict=True)
    ]


def _plain(values: Mapping[str, Any]) -> dict[str, float | None]:
    """Python floats, None for what is undefined: JSON knows no NaN."""
    return {name: None if value is None or not math.isfinite(value) else float(value) for name, value in values.items()}
