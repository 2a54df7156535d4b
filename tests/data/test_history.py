"""Windows over sorted events."""

import numpy as np

from clickwise.data.history import (
    HistoryColumn,
    Moments,
    earlier_range,
    last_of_each_user,
    pad_windows,
    select_events,
)


def test_earlier_events_by_hand() -> None:
    user, time = np.array([1, 0, 1, 1, 0]), np.array([5, 5, 9, 5, -3])
    moments = Moments.of(user, time)
    events = np.sort(moments.key)
    start, end = earlier_range(events, moments.key, moments.first)
    assert (end - start).tolist() == [0, 1, 2, 0, 0]  # rows of one user at one time are one moment


def test_pad_windows_puts_padding_after() -> None:
    flat = np.array([7, 8, 9], dtype=np.int32)
    windows = pad_windows(flat, np.array([0, 1, 3]), np.array([2, 3, 3]), 3)
    assert windows.tolist() == [[7, 8, 0], [8, 9, 0], [0, 0, 0]]
    assert pad_windows(flat[:0], np.array([0]), np.array([0]), 2).tolist() == [[0, 0]]


def test_bag_windows_keep_the_last_values_across_events() -> None:
    flat, lengths = np.array([1, 2, 3, 4, 5, 6], dtype=np.int32), np.array([2, 1, 3])
    column = select_events(flat, lengths, np.array([0, 1, 2]), 4)
    assert column.block(np.array([0, 0, 0]), np.array([1, 2, 3])).tolist() == [[1, 2, 0, 0], [1, 2, 3, 0], [3, 4, 5, 6]]
    backwards = select_events(flat, lengths, np.array([2, 0]), 4)
    assert backwards.flat.tolist() == [4, 5, 6, 1, 2]
    assert backwards.block(np.array([0]), np.array([2])).tolist() == [[5, 6, 1, 2]]


def test_occurrences_count_what_blocks_hold() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 4, 30)
    flat = np.arange(1, lengths.sum() + 1, dtype=np.int32)
    start = rng.integers(0, 15, 50)
    end = start + rng.integers(0, 15, 50)
    for column in (
        select_events(flat, lengths, np.arange(30), 5),
        HistoryColumn(flat[:30], None, 4),
    ):
        block = column.block(start, end)
        expected = np.bincount(block[block > 0], minlength=len(column.flat) + 1)[1:]
        np.testing.assert_array_equal(column.occurrences(start, end), expected)


def test_last_of_each_user() -> None:
    assert last_of_each_user(np.array([0, 0, 0, 4, 7, 7]), 2).tolist() == [1, 2, 3, 4, 5]
    assert last_of_each_user(np.empty(0, dtype=np.int64), 2).tolist() == []
