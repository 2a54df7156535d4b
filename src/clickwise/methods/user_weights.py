"""Mixture weights of many users at once, in closed form, from the likelihood of their rows under each model."""

import numpy as np

from clickwise.array_types import FloatArray, IntArray
from clickwise.metrics.pointwise import CLIP, negative_log

KINDS = ("hedge", "dirichlet")
STRENGTHS = {
    "hedge": (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
    "dirichlet": (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0),
}
"""What is tried where the strength is not given: learning rates, and rows that the prior counts as."""

STEPS = 500
TOLERANCE = 1e-5


def weights_by_user(
    kind: str, strength: float, prior: FloatArray, likelihood: FloatArray, user: IntArray, users: int
) -> FloatArray:
    """``hedge_weights`` or ``dirichlet_weights``.

    Args:
        kind: ``hedge`` or ``dirichlet``.
        strength: its learning rate, or its prior rows.
        prior: ``[models]``, they sum to 1.
        likelihood: probability that each model gives to the recorded label, ``[rows, models]``.
        user: code of each row's user, ``[rows]``, below ``users``.
        users: number of users.

    Returns:
        ``[users, models]``, each row sums to 1; ``prior`` for a user without rows.
    """
    one = hedge_weights if kind == "hedge" else dirichlet_weights
    return one(strength, prior, likelihood, user, users)


def hedge_weights(
    learning_rate: float, prior: FloatArray, likelihood: FloatArray, user: IntArray, users: int
) -> FloatArray:
    """``w_k ~ prior_k * exp(-learning_rate * sum of the user's losses under model k)``.

    Args:
        learning_rate: eta; 0 keeps the prior.
        prior: ``[models]``, weights of a user without rows.
        likelihood: ``[rows, models]``, probability that each model gives to the recorded label.
        user: ``[rows]``, which of the users each row is of.
        users: how many there are.
    """
    gain = -learning_rate * _sums(negative_log(likelihood), user, users)
    gain = np.where(prior > 0, gain, -np.inf)
    powers = prior * np.exp(gain - gain.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def dirichlet_weights(
    prior_rows: float, prior: FloatArray, likelihood: FloatArray, user: IntArray, users: int
) -> FloatArray:
    """Maximise ``sum_rows log sum_k w_k p_k(row) + prior_rows * sum_k prior_k log w_k`` over each user's simplex.

    The problem is concave; expectation maximisation climbs to its one top from ``prior`` for all users at once.

    Args:
        prior_rows: how many rows the prior counts for.
        prior: ``[models]``, weights of a user without rows.
        likelihood: ``[rows, models]``, probability that each model gives to the recorded label.
        user: ``[rows]``, which of the users each row is of.
        users: how many there are.
    """
    found = np.tile(prior, (users, 1))
    climbing, member = np.unique(user, return_inverse=True)
    likelihood = np.maximum(likelihood, CLIP)
    for _ in range(STEPS):
        if not len(climbing):
            break
        before = found[climbing]
        share = before[member] * likelihood
        share /= share.sum(axis=1, keepdims=True)
        rows = np.bincount(member)[:, None]
        after = (_sums(share, member, len(climbing)) + prior_rows * prior) / (rows + prior_rows)
        found[climbing] = after
        moved = np.abs(after - before).max(axis=1) >= TOLERANCE
        # A few users with many rows climb longest; the others are left out as soon as that saves more than it costs.
        if moved.sum() <= len(climbing) / 2:
            kept = moved[member]
            likelihood, member = likelihood[kept], (np.cumsum(moved) - 1)[member[kept]]
            climbing = climbing[moved]
    return found


def _sums(values: FloatArray, user: IntArray, users: int) -> FloatArray:
    """Sum of each user's rows of ``values [rows, models]``, ``[users, models]``."""
    return np.stack([np.bincount(user, weights=column, minlength=users) for column in values.T], axis=1)


def mean_loss(weights: FloatArray, likelihood: FloatArray) -> float:
    """Mean LogLoss of rows whose models have the weights ``[rows, models]``."""
    return float(negative_log((weights * likelihood).sum(axis=1)).mean())
