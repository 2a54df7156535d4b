"""Metrics within users and within groups of rows: per-user AUC and LogLoss, GAUC, users won, cold-start curve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from clickwise.array_types import BoolArray, FloatArray, IntArray
from clickwise.errors import InputError
from clickwise.metrics.pointwise import (
    auc,
    checked,
    example_logloss,
    mean_defined,
    one_versus_rest,
    ratio,
)

EARLIER_EDGES = (0, 1, 2, 3, 6, 11, 21, 51, 101)
"""Lowest number of earlier interactions of each bucket of the cold-start curve: 0, 1, 2, 3-5, ... 51-100, 101+."""


@dataclass(frozen=True)
class UserTable:
    """One entry a user, sorted by user code.

    Attributes:
        user: ``int64 [users]``, the codes.
        rows: ``int64 [users]``, impressions.
        clicks: ``int64 [users]``, impressions with a label of a click.
        auc: ``float64 [users]``, ties counting half; NaN for users with one class only. With several classes the
            mean of one against the rest over the classes that the user has rows in and out of.
        logloss: ``float64 [users]``, mean over the user's rows.
    """

    user: IntArray
    rows: IntArray
    clicks: IntArray
    auc: FloatArray
    logloss: FloatArray


@dataclass(frozen=True)
class Gauc:
    """AUC within users, weighted by their impressions, over the users who have more than one class.

    Attributes:
        value: the weighted mean; NaN when no user has more than one class.
        coverage: share of impressions that belong to those users.
        user_coverage: share of users that they are.
        users_without_clicks, users_only_clicks: the users left out, by count: all their rows are of one class.
    """

    value: float
    coverage: float
    user_coverage: float
    users_without_clicks: int
    users_only_clicks: int


@dataclass(frozen=True)
class EarlierBucket:
    """Rows whose user has ``low`` to ``high`` (inclusive; None: no upper end) earlier interactions, and their AUC."""

    low: int
    high: int | None
    rows: int
    auc: float


def user_table(
    label: npt.NDArray[Any], probability: npt.NDArray[Any], user: IntArray, click_from: int = 1
) -> UserTable:
    """Rows, clicks, AUC and LogLoss of each user.

    Args:
        label: ``[rows]``, as in ``pointwise``.
        probability: ``[rows]`` or ``[rows, classes]``.
        user: ``[rows]``, codes.
        click_from: the lowest label that is a click.
    """
    label, probability = checked(label, probability)
    codes, member, rows = group_users(user, len(label))
    hits, columns = one_versus_rest(label, probability)
    aucs = [_auc_by_group(hit, column, member, rows) for hit, column in zip(hits, columns, strict=True)]
    return UserTable(
        user=codes,
        rows=rows,
        clicks=np.bincount(member[label >= click_from], minlength=len(codes)),
        auc=mean_defined(aucs),
        logloss=np.bincount(member, weights=example_logloss(label, probability)) / rows,
    )


def group_users(user: IntArray, rows: int) -> tuple[IntArray, IntArray, IntArray]:
    """Distinct codes ``[users]``, position of each row's user among them ``[rows]``, rows of each user ``[users]``."""
    user = np.asarray(user)
    if user.shape != (rows,):
        raise InputError(f"user: shape {user.shape} does not fit {rows} labels; give one user code a row")
    return np.unique(user, return_inverse=True, return_counts=True)


def _auc_by_group(hit: BoolArray, score: FloatArray, member: IntArray, group_rows: IntArray) -> FloatArray:
    """Mann-Whitney AUC of each group from ranks within it, tied rows sharing their mean rank."""
    order = np.lexsort((score, member))
    hit, score, member = hit[order], score[order], member[order]
    starts_tie = np.ones(len(hit), dtype=bool)
    starts_tie[1:] = (score[1:] != score[:-1]) | (member[1:] != member[:-1])
    first = np.flatnonzero(starts_tie)
    last = np.append(first[1:], len(hit)) - 1
    mean_position = ((first + last) / 2)[np.cumsum(starts_tie) - 1]
    rank = mean_position - (np.cumsum(group_rows) - group_rows)[member] + 1
    hits = np.bincount(member, weights=hit, minlength=len(group_rows))
    rank_sum = np.bincount(member, weights=np.where(hit, rank, 0.0), minlength=len(group_rows))
    return ratio(rank_sum - hits * (hits + 1) / 2, hits * (group_rows - hits))


def gauc(table: UserTable) -> Gauc:
    """GAUC of a ``user_table``."""
    has_both = ~np.isnan(table.auc)
    covered = table.rows[has_both].sum()
    return Gauc(
        value=float(ratio((table.auc[has_both] * table.rows[has_both]).sum(), covered)),
        coverage=float(covered / table.rows.sum()),
        user_coverage=float(has_both.mean()),
        users_without_clicks=int((~has_both & (table.clicks == 0)).sum()),
        users_only_clicks=int((~has_both & (table.clicks > 0)).sum()),
    )


def users_won(logloss: Mapping[str, FloatArray]) -> dict[str, float]:
    """Share of users for whom each method has the lowest LogLoss (``[users]`` a method); ties are split equally."""
    if len({len(values) for values in logloss.values()}) != 1:
        raise InputError("users_won: give every method one LogLoss a user, for the same users")
    values = np.stack(list(logloss.values()))
    best = values == values.min(axis=0)
    share = (best / best.sum(axis=0)).mean(axis=1)
    return dict(zip(logloss, share.tolist(), strict=True))


def auc_by_earlier(
    label: npt.NDArray[Any],
    probability: npt.NDArray[Any],
    earlier: npt.NDArray[np.integer[Any]],
    edges: Sequence[int] = EARLIER_EDGES,
) -> tuple[EarlierBucket, ...]:
    """AUC of the rows whose user has so many earlier interactions; the cold-start curve.

    Args:
        label: ``[rows]``, as in ``pointwise``.
        probability: ``[rows]`` or ``[rows, classes]``.
        earlier: ``[rows]``, number of strictly earlier rows of the row's user.
        edges: lowest value of each bucket, rising from 0. A bucket with no rows, or rows of one class, has AUC NaN.
    """
    label, probability = checked(label, probability)
    if edges[0] != 0 or (np.diff(edges) <= 0).any():
        raise InputError(f"edges: {tuple(edges)} must rise from 0")
    if np.shape(earlier) != label.shape or np.min(earlier) < 0:
        raise InputError("earlier: give one count of at least 0 a row")
    bucket = np.searchsorted(edges, earlier, side="right") - 1
    return tuple(
        _earlier_bucket(label, probability, bucket == i, low, edges[i + 1] - 1 if i + 1 < len(edges) else None)
        for i, low in enumerate(edges)
    )


def _earlier_bucket(
    label: IntArray, probability: FloatArray, inside: BoolArray, low: int, high: int | None
) -> EarlierBucket:
    rows = int(inside.sum())
    return EarlierBucket(low, high, rows, auc(label[inside], probability[inside]) if rows else float("nan"))
