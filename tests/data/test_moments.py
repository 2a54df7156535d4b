"""Ranks of rows and moments, against the slow way."""

import numpy as np

from clickwise.data.moments import first_of_moment, within_user
from clickwise.data.splits import assign


def test_ranks_and_sizes_are_those_of_each_user() -> None:
    user, time = np.array([1, 0, 1, 1, 0]), np.array([5, 2, 3, 4, 1])
    rank, size = within_user(user, np.lexsort((time, user)))
    assert rank.tolist() == [2, 1, 0, 1, 0] and size.tolist() == [3, 2, 3, 3, 2]


def test_the_first_row_of_a_moment_stands_for_all_of_it() -> None:
    rng = np.random.default_rng(0)
    user = np.sort(rng.integers(0, 30, 500))
    time = np.sort(rng.integers(0, 2000, 500)) // 40
    found = first_of_moment(user, time)
    moments = list(zip(user.tolist(), time.tolist(), strict=True))
    assert found.tolist() == [moments.index(moment) for moment in moments]
    assert first_of_moment(user[:0], time[:0]).tolist() == []


def test_a_split_by_time_gives_a_moment_the_middle_of_its_ranks() -> None:
    rng = np.random.default_rng(1)
    user, time = rng.integers(0, 40, 3000), rng.integers(0, 60, 3000)
    shift, shares = np.random.default_rng(7).random(40), (0.72, 0.08, 0.20)
    expected = np.empty(3000, dtype=int)
    for one in range(40):
        own = user == one
        earlier = np.array([(time[own] < moment).sum() for moment in time[own]])
        equal = np.array([(time[own] == moment).sum() for moment in time[own]])
        middle = earlier + (equal - 1) / 2
        expected[own] = np.searchsorted(np.cumsum(shares)[:2], (middle + shift[one]) / own.sum(), side="right")
    np.testing.assert_array_equal(assign("chronological-per-user", user, time, seed=7, fractions=shares), expected)
