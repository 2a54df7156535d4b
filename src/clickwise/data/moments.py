"""Ranks of rows and of moments: the rows of one user at one time are one moment, and are not told apart."""

import numpy as np

from clickwise.array_types import BoolArray, CodeArray, IntArray


def within_user(user: IntArray, order: IntArray) -> tuple[IntArray, IntArray]:
    """Rank of each row among its user's rows, and the number of rows of its user; ``order`` sorts rows by user."""
    sizes = np.bincount(user)
    starts = np.cumsum(sizes) - sizes
    rank = np.empty(len(user), dtype=np.int64)
    rank[order] = np.arange(len(user)) - starts[user[order]]
    return rank, sizes[user]


def first_of_moment(user: IntArray | CodeArray, time: IntArray) -> IntArray:
    """Place of the first row of each row's moment, ``int64 [rows]``; rows stand in order of user, then of time."""
    fresh = begins(user, time)
    return np.flatnonzero(fresh)[np.cumsum(fresh) - 1]


def begins(user: IntArray | CodeArray, within: IntArray) -> BoolArray:
    """Which rows, in order of user, begin another user or another value ``within`` a user, ``bool [rows]``."""
    fresh = np.ones(len(user), dtype=bool)
    fresh[1:] = (np.diff(user) != 0) | (np.diff(within) != 0)
    return fresh
