"""An A/B test on simulated requests: users are split into arms, and each arm is ranked by its own model."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import optimize, stats

from clickwise.array_types import BoolArray, FloatArray
from clickwise.data.sources.auction import winners
from clickwise.errors import InputError
from clickwise.metrics.significance import paired_difference, percentile_interval
from clickwise.reproduce.ecpm import Auction
from clickwise.reproduce.resampled import resampled_sums

LEVEL, POWER = 0.05, 0.8


@dataclass(frozen=True, eq=False)
class Shown:
    """What users were shown when one model ranked: the candidate with the highest probability of each request.

    Attributes:
        impressions: ``[users]``, requests of each user.
        clicks: ``[users]``, recorded clicks.
        expected: ``[users]``, sums of the true click probability.
    """

    impressions: FloatArray
    clicks: FloatArray
    expected: FloatArray

    @classmethod
    def ranked_by(cls, probability: FloatArray, auction: Auction) -> "Shown":
        """What ``probability``, ``[rows]`` of the candidates, puts first."""
        users = int(auction.rows.user.max()) + 1
        first = winners(probability, auction.request)
        user = auction.rows.user[first]
        columns = (None, auction.rows.label[first].astype(np.float64), auction.truth[first])
        return cls(*(np.bincount(user, weights, minlength=users).astype(np.float64) for weights in columns))

    def of(self, users: BoolArray) -> "Shown":
        """That of an arm."""
        return Shown(self.impressions[users], self.clicks[users], self.expected[users])

    @property
    def rate(self) -> float:
        """Clicks an impression."""
        return float(self.clicks.sum() / self.impressions.sum())


def arms(shown: Shown, seed: int) -> tuple[BoolArray, BoolArray]:
    """Users with requests, split at random into two arms of equal size, as masks ``[users]``: control and treatment.

    Raises:
        InputError: fewer than four users have requests.
    """
    users = np.flatnonzero(shown.impressions)
    if len(users) < 4:
        raise InputError(f"table4: {len(users)} users have requests, and two arms need four; give more requests")
    drawn = np.random.default_rng(seed).permutation(users)
    control = np.zeros(len(shown.impressions), dtype=bool)
    treatment = control.copy()
    control[drawn[: len(drawn) // 2]] = True
    treatment[drawn[len(drawn) // 2 :]] = True
    return control, treatment


def observed_lift(control: Shown, treatment: Shown, replicates: int) -> dict[str, float | None]:
    """Relative lift of CTR that a test between two arms observes, with the 95 % interval and p of a bootstrap of users.

    Arms are resampled independently of each other. A control arm without a click has no lift, and gives None.
    """
    drawn = [_rates(arm.clicks, arm.impressions, replicates, seed) for seed, arm in enumerate((control, treatment))]
    return _lift(drawn[0], drawn[1], control.rate, treatment.rate)


def true_lift(base: Shown, other: Shown, replicates: int) -> dict[str, float | None]:
    """As ``observed_lift``, of expected clicks, were all users ranked by either model: paired by user."""
    rates = [float(one.expected.sum() / one.impressions.sum()) for one in (base, other)]
    drawn = [_rates(one.expected, one.impressions, replicates, 0) for one in (base, other)]
    return _lift(drawn[0], drawn[1], *rates)


def _rates(clicks: FloatArray, impressions: FloatArray, replicates: int, seed: int) -> FloatArray:
    """Clicks an impression in each replicate, ``[replicates]``."""
    drawn = resampled_sums(np.stack([clicks, impressions]), replicates, seed)
    return np.divide(drawn[0], drawn[1], out=np.full(replicates, np.nan), where=drawn[1] > 0)


def _lift(base: FloatArray, other: FloatArray, base_rate: float, other_rate: float) -> dict[str, float | None]:
    if base_rate == 0:
        return {"lift": None, "low": None, "high": None, "p": None}
    ratio = np.divide(other, base, out=np.full(len(base), np.nan), where=base > 0)
    low, high = percentile_interval(ratio - 1.0)
    p = asdict(paired_difference(other, base, other_rate - base_rate))["p"]
    return {"lift": other_rate / base_rate - 1.0, "low": low, "high": high, "p": p}


def design_effect(shown: Shown) -> float:
    """How many times the variance of CTR, users being independent and not their impressions, is the binomial one."""
    rate, total, users = shown.rate, shown.impressions.sum(), len(shown.impressions)
    binomial = rate * (1.0 - rate) / total
    residuals = shown.clicks - rate * shown.impressions
    return float((residuals**2).sum() * users / (users - 1) / total**2 / binomial) if binomial > 0 else 1.0


def impressions_needed(rate: float, lift: float) -> float:
    """Impressions an arm for a two-sided test of two proportions, ``rate`` and ``rate * (1 + lift)``.

    ``n = (z_a sqrt(2 p (1 - p)) + z_b sqrt(p_1 (1 - p_1) + p_2 (1 - p_2)))^2 / (p_1 - p_2)^2`` with ``p`` the mean of
    both, ``z_a`` the normal quantile of ``1 - LEVEL / 2`` and ``z_b`` that of ``POWER``.
    """
    other = rate * (1.0 + lift)
    mean = (rate + other) / 2.0
    spread = stats.norm.isf(LEVEL / 2) * math.sqrt(2 * mean * (1 - mean))
    spread += stats.norm.ppf(POWER) * math.sqrt(rate * (1 - rate) + other * (1 - other))
    return float((spread / (rate - other)) ** 2)


def detectable_lift(rate: float, impressions: float) -> float | None:
    """The least lift that so many independent impressions an arm show with power 0.8; None where none is."""
    most = (1.0 - 1e-9) / rate - 1.0
    if impressions_needed(rate, most) > impressions:
        return None
    return float(optimize.brentq(lambda lift: impressions_needed(rate, lift) - impressions, 1e-9, most))


def plan(control: Shown, lifts: dict[str, float | None]) -> dict[str, Any]:
    """The sample-size calculation: what the arm at hand can show, and how many impressions each of ``lifts`` needs."""
    rate, effect, total = control.rate, max(1.0, design_effect(control)), float(control.impressions.sum())
    possible = 0.0 < rate < 1.0
    needed = {
        name: effect * impressions_needed(rate, lift) if possible and lift and 0 < rate * (1 + lift) < 1 else None
        for name, lift in lifts.items()
    }
    return {
        "level": LEVEL,
        "power": POWER,
        "design_effect": effect,
        "detectable_lift": detectable_lift(rate, total / effect) if possible else None,
        "impressions_needed": needed,
    }
