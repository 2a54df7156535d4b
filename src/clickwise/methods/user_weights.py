"""Mixture weights of many users at once, in closed form, from the likelihood of their rows under each model."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

KINDS = ("hedge", "dirichlet")
STRENGTHS = {
    "hedge": (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
    "dirichlet": (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0),
}
"""What is tried where the strength is not given: learning rates, and rows that the prior counts as."""

LEAST = 1e-12
STEPS = 500
TOLERANCE = 1e-5


def weights_by_user(kind: str, strength: float, prior: Floats, likelihood: Floats, user: Codes, users: int) -> Floats:
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


def hedge_weights(learning_rate: float, prior: Floats, likelihood: Floats, user: Codes, users: int) -> Floats:
    """``w_k ~ prior_k * exp(-learning_rate * sum of the user's losses under model k)``."""
    gain = learning_rate * _sums(np.log(np.maximum(likelihood, LEAST)), user, users)
    gain = np.where(prior > 0, gain, -np.inf)
    powers = prior * np.exp(gain - gain.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def dirichlet_weights(prior_rows: float, prior: Floats, likelihood: Floats, user: Codes, users: int) -> Floats:
    """Maximise ``sum_rows log sum_k w_k p_k(row) + prior_rows * sum_k prior_k log w_k`` over each user's simplex.

    The problem is concave; expectation maximisation climbs to its one top from ``prior`` for all users at once.
    """
    found = np.tile(prior, (users, 1))
    climbing, member = np.unique(user, return_inverse=True)
    likelihood = np.maximum(likelihood, LEAST)
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


def _sums(values: Floats, user: Codes, users: int) -> Floats:
    """Sum of each user's rows of ``values [rows, models]``, ``[users, models]``."""
    return np.stack([np.bincount(user, weights=column, minlength=users) for column in values.T], axis=1)


def mean_loss(weights: Floats, likelihood: Floats) -> float:
    """Mean LogLoss of rows whose models have the weights ``[rows, models]``."""
    return float(-np.log(np.maximum((weights * likelihood).sum(axis=1), LEAST)).mean())
