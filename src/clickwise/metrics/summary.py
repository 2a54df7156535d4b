"""The honest comparison of methods on one set of rows: values with intervals, and differences with p-values.

``predictions`` maps a method to its probabilities, one array ``[rows]`` or ``[rows, classes]`` a training seed.
Results are plain dicts of floats, ints and None (where a value is undefined): ready for JSON.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from clickwise.array_types import FloatArray, IntArray
from clickwise.errors import InputError, nearest
from clickwise.metrics import pointwise
from clickwise.metrics.bootstrap import METRICS as BOOTSTRAPPED
from clickwise.metrics.bootstrap import bootstrap_metrics
from clickwise.metrics.grouped import UserTable, gauc, user_table, users_won
from clickwise.metrics.plain import cold_start, coverage, plain
from clickwise.metrics.significance import Interval, combine, holm, over_seeds, paired_difference, percentile_interval

Predictions = Mapping[str, Sequence[npt.NDArray[Any]]]

METRICS = ("auc", "gauc", "logloss", "rig", "rmse", "ece", "pcoc")
COMPARED = ("auc", "logloss")
ORACLE = "oracle"
"""The method that predicts the true probabilities."""


@dataclass(frozen=True)
class Replicates:
    """What the bootstrap gives, beside what it was drawn from.

    Attributes:
        values: ``[replicates]`` by method and metric: users, and seeds where there are several, resampled.
        observed: ``[seeds]`` by method and metric of ``COMPARED``, on the rows as they are.
        tables: by method, the ``user_table`` of each seed.
    """

    values: Mapping[str, Mapping[str, FloatArray]]
    observed: Mapping[str, Mapping[str, FloatArray]]
    tables: Mapping[str, Sequence[UserTable]]

    def of(self, method: str) -> Mapping[str, FloatArray]:
        """Values of one method."""
        if method not in self.values:
            raise InputError(f"replicates: none of method {method!r}{nearest(method, self.values)}")
        return self.values[method]


def replicate(
    label: npt.NDArray[Any],
    user: IntArray,
    predictions: Predictions,
    truth: npt.NDArray[Any] | None = None,
    replicates: int = 1000,
    seed: int = 0,
    click_from: int = 1,
) -> Replicates:
    """The bootstrap that ``summarise`` and ``differences`` share; the costly part of both.

    Args:
        label: ``[rows]``.
        user: ``[rows]``, codes.
        predictions: by method, one array ``[rows]`` or ``[rows, classes]`` a training seed.
        truth: the true probabilities, if known.
        replicates: how many.
        seed: of the bootstrap.
        click_from: the lowest label that is a click.
    """
    methods = _with_oracle(predictions, truth)
    flat = {(method, i): p for method, seeds in methods.items() for i, p in enumerate(seeds)}
    tables = {name: user_table(label, p, user, click_from) for name, p in flat.items()}
    drawn = bootstrap_metrics(label, flat, user, BOOTSTRAPPED, replicates, seed, tables)
    return Replicates(
        {
            method: {
                metric: combine(np.stack([drawn[method, i][metric] for i in range(len(seeds))]), seed)
                for metric in BOOTSTRAPPED
            }
            for method, seeds in methods.items()
        },
        {
            method: {metric: np.array([getattr(pointwise, metric)(label, p) for p in seeds]) for metric in COMPARED}
            for method, seeds in methods.items()
        },
        {method: [tables[method, i] for i in range(len(seeds))] for method, seeds in methods.items()},
    )


def summarise(
    label: npt.NDArray[Any],
    user: IntArray,
    predictions: Predictions,
    earlier: npt.NDArray[np.integer[Any]] | None = None,
    truth: npt.NDArray[Any] | None = None,
    replicates: int | Replicates = 1000,
    seed: int = 0,
    click_from: int = 1,
) -> dict[str, dict[str, Any]]:
    """Every metric of every method.

    Args:
        label: ``[rows]``.
        user: ``[rows]``, codes.
        predictions: by method, one array ``[rows]`` or ``[rows, classes]`` a training seed.
        earlier: ``[rows]``, number of the user's earlier interactions; without it there is no cold-start curve.
        truth: the true probabilities, if known; they join the methods as ``"oracle"`` and win no users.
        replicates: how many, or those of ``replicate`` (then made with the same rows, predictions and truth).
        seed: of the bootstrap; read only when ``replicates`` is a number.
        click_from: the lowest label that is a click, for ``coverage``; read only when ``replicates`` is a number.

    Returns:
        By method: for each of ``METRICS`` ``{"mean", "low", "high"}`` (mean over seeds on the rows as they are; the
        95 % interval is of users and seeds, for ``ece`` of seeds alone and so None with one seed), ``"seeds"``,
        ``"coverage"`` (shares of ``users`` and ``impressions`` that GAUC covers, counts of the users left out),
        ``"users_won"`` (share, by LogLoss averaged over seeds; None for the oracle), and ``"cold_start"``.
    """
    methods = _with_oracle(predictions, truth)
    drawn = _drawn(label, user, methods, replicates, seed, click_from)
    won = users_won({method: np.mean([t.logloss for t in drawn.tables[method]], axis=0) for method in predictions})
    return {
        method: {
            **_metrics(label, seeds, method, drawn),
            "seeds": len(seeds),
            "coverage": coverage(drawn.tables[method][0]),
            "users_won": won.get(method),
            "cold_start": [] if earlier is None else cold_start(label, seeds, earlier),
        }
        for method, seeds in methods.items()
    }


def differences(
    label: npt.NDArray[Any],
    user: IntArray,
    predictions: Predictions,
    reference: str,
    replicates: int | Replicates = 1000,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """AUC and LogLoss of every other method minus those of ``reference``, paired by user.

    Each entry has ``method``, ``reference``, ``metric``, ``difference`` (of the means over seeds), ``low`` and
    ``high`` (95 %), ``p`` (two-sided) and ``p_corrected`` (Holm, over the methods within a metric).

    Args:
        label: ``[rows]``.
        user: ``[rows]``, codes.
        predictions: by method, one array ``[rows]`` or ``[rows, classes]`` a training seed.
        reference: the method that the others are held against.
        replicates: how many, or those of ``replicate``.
        seed: of the bootstrap; read only when ``replicates`` is a number.
    """
    if reference not in predictions:
        raise InputError(f"reference: no method {reference!r}{nearest(reference, predictions)}")
    drawn = _drawn(label, user, predictions, replicates, seed)
    others = [method for method in predictions if method != reference]
    rows: list[dict[str, Any]] = []
    for metric in COMPARED:
        means = {method: float(np.mean(drawn.observed[method][metric])) for method in predictions}
        found = [
            paired_difference(drawn.of(m)[metric], drawn.of(reference)[metric], means[m] - means[reference])
            for m in others
        ]
        for method, one, corrected in zip(others, found, holm([one.p for one in found]), strict=True):
            names = {"method": method, "reference": reference, "metric": metric}
            rows.append(names | plain(asdict(one) | {"p_corrected": corrected}))
    return rows


def _drawn(
    label: npt.NDArray[Any],
    user: IntArray,
    methods: Predictions,
    replicates: int | Replicates,
    seed: int,
    click_from: int = 1,
) -> Replicates:
    """The replicates given, once they are known to have all ``methods``, or new ones."""
    if not isinstance(replicates, Replicates):
        return replicate(label, user, methods, None, replicates, seed, click_from)
    for method in methods:
        replicates.of(method)
    return replicates


def _with_oracle(predictions: Predictions, truth: npt.NDArray[Any] | None) -> dict[str, Sequence[npt.NDArray[Any]]]:
    """The methods, and the oracle where the truth is known."""
    if empty := [method for method, seeds in predictions.items() if not len(seeds)]:
        raise InputError(f"predictions: method {empty[0]!r} has none; give one array a seed")
    if not predictions or (truth is not None and ORACLE in predictions):
        raise InputError(f"predictions: give at least one method, none of them named {ORACLE!r} beside a truth")
    return dict(predictions) | ({} if truth is None else {ORACLE: [truth]})


def _metrics(
    label: npt.NDArray[Any], seeds: Sequence[npt.NDArray[Any]], method: str, drawn: Replicates
) -> dict[str, dict[str, float | None]]:
    known = {**drawn.observed[method], "gauc": np.array([gauc(table).value for table in drawn.tables[method]])}
    values = {
        name: known[name] if name in known else [getattr(pointwise, name)(label, p) for p in seeds] for name in METRICS
    }
    intervals = {name: over_seeds(values[name]) for name in METRICS}
    for name, replicates in drawn.of(method).items():
        intervals[name] = Interval(intervals[name].mean, *percentile_interval(replicates))
    return {name: plain(asdict(interval)) for name, interval in intervals.items()}
