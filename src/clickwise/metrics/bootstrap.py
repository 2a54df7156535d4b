"""Bootstrap clustered by user: whole users are drawn with replacement, and all methods see the same draws.

Rows of one user are not independent, so rows are never resampled singly. Every metric is a function of sums over
users (AUC aside, see ``weighted_auc``), so a replicate is a vector of user counts, and those sums for all
predictions and many replicates are one matrix product.
"""

from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from clickwise.array_types import FloatArray, IntArray
from clickwise.errors import InputError, nearest
from clickwise.metrics.grouped import UserTable, group_users, user_table
from clickwise.metrics.pointwise import (
    checked,
    entropy,
    example_logloss,
    mean_defined,
    one_versus_rest,
    ratio,
)
from clickwise.metrics.weighted_auc import Ranking, rank

METRICS = ("auc", "gauc", "logloss", "rig", "rmse", "pcoc")

Name = TypeVar("Name", bound=Hashable)

_CHUNK_VALUES = 2**24


def resample_weights(users: int, replicates: int, seed: int) -> Iterator[npt.NDArray[np.float32]]:
    """How often each user is drawn: chunks ``[users, some replicates]``, ``replicates`` columns in all.

    Each column is multinomial: ``users`` draws with replacement, each user equally likely, so it sums to ``users``.
    A chunk holds at most 128 replicates and 64 MiB (but at least one replicate). The same ``seed`` gives the same
    weights.

    Args:
        users: how many there are.
        replicates: how many.
        seed: of the draws.
    """
    if users < 1 or replicates < 1:
        raise InputError(f"bootstrap: needs at least 1 user and 1 replicate, not {users} and {replicates}")
    generator = np.random.default_rng(seed)
    chunk = max(1, min(128, _CHUNK_VALUES // users))
    for start in range(0, replicates, chunk):
        columns = min(chunk, replicates - start)
        counts = [np.bincount(generator.integers(users, size=users), minlength=users) for _ in range(columns)]
        yield np.ascontiguousarray(np.array(counts, dtype=np.float32).T)


def bootstrap_metrics(
    label: npt.NDArray[Any],
    probabilities: Mapping[Name, npt.NDArray[Any]],
    user: IntArray,
    metrics: Collection[str] = ("auc", "gauc", "logloss"),
    replicates: int = 1000,
    seed: int = 0,
    tables: Mapping[Name, UserTable] | None = None,
) -> dict[Name, dict[str, FloatArray]]:
    """Metrics of every prediction in every replicate, ``float64 [replicates]`` each.

    Replicate ``i`` draws the same users for all predictions, so differences may be taken replicate by replicate.
    A replicate that does not define a metric (no click drawn, say) has NaN there; so have all of a single user, who
    says nothing of others.

    Args:
        label: ``[rows]``.
        user: ``[rows]``, codes.
        probabilities: a prediction ``[rows]`` or ``[rows, classes]`` for each name.
        metrics: some of ``METRICS``.
        replicates: how many.
        seed: of the draws.
        tables: ``user_table`` of each prediction where it is known already; GAUC reads it.
    """
    if not probabilities:
        raise InputError("bootstrap: no predictions; give at least one")
    for metric in metrics:
        if metric not in METRICS:
            raise InputError(f"bootstrap: metric {metric!r} is unknown{nearest(metric, METRICS)}")
    _, member, rows = group_users(user, len(label))
    if len(rows) == 1:
        return {name: {metric: np.full(replicates, np.nan) for metric in metrics} for name in probabilities}
    if "gauc" in metrics and tables is None:
        tables = {name: user_table(label, p, user) for name, p in probabilities.items()}
    prepared = {
        name: _prepare(label, p, member, rows, "auc" in metrics, (tables or {}).get(name))
        for name, p in probabilities.items()
    }
    sums = [values for prediction in prepared.values() for values in prediction.sums.values()]
    stacked, bounds = np.concatenate(sums), np.cumsum([len(values) for values in sums])[:-1]
    chunks: dict[Name, list[dict[str, FloatArray]]] = {name: [] for name in prepared}
    for weights in resample_weights(len(rows), replicates, seed):
        weighted = iter(np.split(stacked @ weights.astype(np.float64), bounds))
        for name, prediction in prepared.items():
            totals = {key: next(weighted) for key in prediction.sums}
            chunks[name].append({metric: _value(metric, prediction.rankings, totals, weights) for metric in metrics})
    return {
        name: {metric: np.concatenate([part[metric] for part in parts]) for metric in metrics}
        for name, parts in chunks.items()
    }


@dataclass(frozen=True)
class _Prediction:
    """What the metrics need of one prediction: rankings (one a binary problem) and sums over each user's rows.

    ``sums`` are ``[problems or classes, users]``; ``gauc`` counts only users with more than one class, and
    ``covered`` their rows.
    """

    rankings: tuple[Ranking, ...]
    sums: dict[str, FloatArray]


def _prepare(
    label: npt.NDArray[Any],
    probability: npt.NDArray[Any],
    member: IntArray,
    rows: IntArray,
    ranked: bool,
    table: UserTable | None,
) -> _Prediction:
    label, probability = checked(label, probability)
    hits, columns = one_versus_rest(label, probability)
    classes = hits if len(hits) > 1 else np.concatenate([~hits, hits])
    sums = {
        "rows": rows[None].astype(np.float64),
        "classes": _by_user(classes, member),
        "hits": _by_user(hits, member),
        "logloss": _by_user(example_logloss(label, probability)[None], member),
        "squared_error": _by_user((columns - hits) ** 2, member),
        "probability": _by_user(columns, member),
    }
    if table is not None:
        sums["gauc"] = (np.nan_to_num(table.auc) * rows)[None]
        sums["covered"] = (~np.isnan(table.auc) * rows)[None].astype(np.float64)
    problems = zip(hits, columns, strict=True) if ranked else ()
    return _Prediction(tuple(rank(hit, column, member, len(rows)) for hit, column in problems), sums)


def _by_user(values: npt.NDArray[Any], member: IntArray) -> FloatArray:
    return np.stack([np.bincount(member, weights=row) for row in values])


def _value(
    metric: str, rankings: tuple[Ranking, ...], totals: Mapping[str, FloatArray], weights: npt.NDArray[np.float32]
) -> FloatArray:
    """One metric under each column of ``weights [users, chunk]``; ``totals`` are a prediction's sums times weights."""
    match metric:
        case "auc":
            return mean_defined([ranking.auc(weights) for ranking in rankings])
        case "gauc":
            return ratio(totals["gauc"][0], totals["covered"][0])
        case "logloss":
            return totals["logloss"][0] / totals["rows"][0]
        case "rig":
            return 1.0 - ratio(totals["logloss"][0] / totals["rows"][0], entropy(totals["classes"]))
        case "rmse":
            return np.sqrt(totals["squared_error"] / totals["rows"]).mean(axis=0)
        case _:
            return mean_defined(ratio(totals["probability"], totals["hits"]))
