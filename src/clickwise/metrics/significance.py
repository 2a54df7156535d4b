"""From bootstrap replicates and seeds to intervals and p-values."""

from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt
from scipy import stats

from clickwise.array_types import FloatArray
from clickwise.errors import InputError

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval; the ends are None where there is nothing to estimate them from."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Difference:
    """A paired difference with its 95 % percentile interval and two-sided p-value; all NaN where it is undefined."""

    difference: float
    low: float
    high: float
    p: float


def percentile_interval(replicates: FloatArray) -> tuple[float, float]:
    """The middle 95 % of ``replicates``, those that are NaN left out; NaN twice when all are."""
    defined = replicates[~np.isnan(replicates)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def paired_difference(replicates_a: FloatArray, replicates_b: FloatArray, observed: float) -> Difference:
    """Is a different from b? ``replicates_*`` are ``[replicates]`` with the same draws; ``observed`` is a - b.

    p is twice the smaller tail of the replicates' differences beyond 0, each tail counted with one replicate more
    than was seen, so it is never below ``2 / (replicates + 1)``. Replicates where either is NaN are left out.

    Args:
        replicates_a: ``[replicates]``.
        replicates_b: ``[replicates]``, of the same draws.
        observed: a - b on the rows as they are.
    """
    if replicates_a.shape != replicates_b.shape:
        raise InputError(f"paired_difference: {len(replicates_a)} and {len(replicates_b)} replicates cannot be paired")
    difference = replicates_a - replicates_b
    difference = difference[~np.isnan(difference)]
    low, high = percentile_interval(difference)
    if not len(difference):
        return Difference(float(observed), low, high, float("nan"))
    tail = min(int((difference <= 0).sum()), int((difference >= 0).sum()))
    return Difference(float(observed), low, high, min(1.0, 2 * (tail + 1) / (len(difference) + 1)))


def enough_replicates(asked: int, methods: int) -> int:
    """As many as asked for, or more.

    So many that the smallest p-value there is, of methods held against one of them and corrected (Holm), lies at half
    the level of significance.

    Args:
        asked: at least so many.
        methods: how many there are.
    """
    return max(asked, ceil(4 * (methods - 1) / (1 - LEVEL)))


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Holm's step-down correction, ``[tests]``: the family-wise error holds whatever the dependence. NaN stays NaN."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)[: int((~np.isnan(p)).sum())]  # NaN sorts last
    corrected = np.full_like(p, np.nan)
    steps = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * steps))
    return corrected


def over_seeds(values: npt.ArrayLike) -> Interval:
    """Mean of ``values [seeds]`` and its Student t interval; no interval from a single seed."""
    values = np.asarray(values, dtype=np.float64)
    if not len(values):
        raise InputError("over_seeds: no values; give one a seed")
    mean = float(values.mean())
    if len(values) == 1:
        return Interval(mean, None, None)
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * stats.sem(values))
    return Interval(mean, mean - half, mean + half)


def combine(replicates: FloatArray, seed: int) -> FloatArray:
    """Two-level bootstrap: ``[seeds, replicates]`` to ``[replicates]``, so that intervals speak for users and seeds.

    In each replicate the seeds are drawn with replacement and the values of those drawn averaged. The same ``seed``
    draws the same seeds for all methods that have equally many. With few seeds the spread between them is
    understated, by ``(seeds - 1) / seeds`` in variance.

    Args:
        replicates: ``[seeds, replicates]``.
        seed: of the draws of seeds.
    """
    seeds, columns = replicates.shape
    if seeds == 1:
        return replicates[0]
    drawn = np.random.default_rng([seed, 1]).integers(seeds, size=(seeds, columns))
    return np.take_along_axis(replicates, drawn, axis=0).mean(axis=0)
