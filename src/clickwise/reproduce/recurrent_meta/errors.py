"""The standard error of AUC over rows, and of a difference of two of them (DeLong et al. 1988)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from clickwise.array_types import FloatArray
from clickwise.errors import InputError

Parts = tuple[FloatArray, FloatArray]


def components(clicked: npt.NDArray[Any], probabilities: Sequence[npt.NDArray[Any]]) -> Parts:
    """What each click, and each other row, adds to the AUC: the share of the other kind that it is ranked right to.

    The mean of either is the AUC. Over several predictions, a seed each, it is the mean of theirs.

    Args:
        clicked: ``[rows]``, whether a row is a click; two and more are, and two and more are not.
        probabilities: ``[rows]`` each.

    Raises:
        InputError: there are too few rows of a label.
    """
    clicked = np.asarray(clicked, dtype=np.bool_)
    clicks, others = int(clicked.sum()), int((~clicked).sum())
    if min(clicks, others) < 2:
        raise InputError(f"{clicks} clicks and {others} other rows give AUC no standard error; use more rows")
    of_clicks, of_others = np.zeros(clicks), np.zeros(others)
    for each in probabilities:
        p = np.asarray(each, dtype=np.float64)
        ranks = stats.rankdata(p)
        of_clicks += (ranks[clicked] - stats.rankdata(p[clicked])) / others
        of_others += 1 - (ranks[~clicked] - stats.rankdata(p[~clicked])) / clicks
    return of_clicks / len(probabilities), of_others / len(probabilities)


def standard_error(parts: Parts) -> float:
    """Of the AUC whose components they are, or of a difference of two AUCs whose differences they are."""
    return float(np.sqrt(sum(part.var(ddof=1) / len(part) for part in parts)))


def difference(first: Parts, second: Parts) -> dict[str, float | None]:
    """First AUC minus the second on the same rows: ``difference``, ``standard_error``, and ``p`` of a z test.

    ``p`` is None where the two rank all rows alike.
    """
    minus = (first[0] - second[0], first[1] - second[1])
    value, error = float(minus[0].mean()), standard_error(minus)
    p = float(2 * stats.norm.sf(abs(value) / error)) if error > 0 else None
    return {"difference": value, "standard_error": error, "p": p}
