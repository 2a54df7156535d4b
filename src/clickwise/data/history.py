"""Who clicked what before: windows over the user's own strictly earlier clicks, without a loop over rows.

Events (clicked rows) are sorted by one integer key, ``user * moments + moment``. The earlier events of a row are
then the ones between the user's first key and the row's own key: two binary searches for all rows at once.
"""

from dataclasses import dataclass

import numpy as np

from clickwise.array_types import CodeArray, IntArray
from clickwise.data.columns import spread


@dataclass(frozen=True)
class Moments:
    """Keys of rows that order them by user, then time; equal for rows of one user at one time.

    Attributes:
        key: ``int64 [rows]``.
        first: ``int64 [rows]``, the smallest key that a row of the same user may have.
    """

    key: IntArray
    first: IntArray

    @classmethod
    def of(cls, user: IntArray, time: IntArray) -> "Moments":
        """Keys for dense user codes and times."""
        moments, rank = np.unique(time, return_inverse=True)
        first = user * len(moments)
        return cls(first + rank, first)


def earlier_range(events: IntArray, key: IntArray, first: IntArray) -> tuple[IntArray, IntArray]:
    """Half-open range of the sorted event keys that are strictly earlier and of the same user, a row each."""
    return np.searchsorted(events, first, side="left"), np.searchsorted(events, key, side="left")


def pad_windows(flat: CodeArray, start: IntArray, end: IntArray, length: int) -> CodeArray:
    """``int32 [rows, length]``: ``flat[start:end]`` of each row, padding 0 after; no range exceeds ``length``."""
    if not len(flat):
        return np.zeros((len(start), length), dtype=np.int32)
    index = start[:, None] + np.arange(length)
    inside = index < end[:, None]
    return np.where(inside, flat[np.where(inside, index, 0)], np.int32(0)).astype(np.int32, copy=False)


@dataclass(frozen=True)
class HistoryColumn:
    """Values of the events of one history field, in the order of the events.

    Attributes:
        flat: ids, ``int32``.
        offsets: ``int64 [events + 1]``, where each event's values start; None where each has exactly one.
        length: values that a row may hold.
    """

    flat: CodeArray
    offsets: IntArray | None
    length: int

    def window(self, start: IntArray, end: IntArray) -> tuple[IntArray, IntArray]:
        """Range in ``flat`` of the last ``length`` values within events ``start`` to ``end``."""
        if self.offsets is not None:
            start, end = self.offsets[start], self.offsets[end]
        return np.maximum(start, end - self.length), end

    def block(self, start: IntArray, end: IntArray) -> CodeArray:
        """``int32 [rows, length]``, most recent last among the values, padding after."""
        return pad_windows(self.flat, *self.window(start, end), self.length)

    def occurrences(self, start: IntArray, end: IntArray) -> IntArray:
        """How many of the rows' windows hold each value of ``flat``: ``int64 [values]``."""
        low, high = self.window(start, end)
        size = len(self.flat) + 1
        return np.cumsum(np.bincount(low, minlength=size) - np.bincount(high, minlength=size))[:-1]


def select_events(flat: CodeArray, lengths: IntArray | None, events: IntArray, length: int) -> HistoryColumn:
    """The column for the chosen events, in the given order; ``flat`` and ``lengths`` describe all of them."""
    if lengths is None:
        return HistoryColumn(flat[events], None, length)
    starts = np.cumsum(lengths) - lengths
    chosen = lengths[events]
    offsets = np.concatenate([[0], np.cumsum(chosen)])
    return HistoryColumn(flat[spread(starts[events], chosen)], offsets, length)


def last_of_each_user(user: IntArray, count: int) -> IntArray:
    """Positions of the last ``count`` entries of each user; equal users stand next to each other."""
    if not len(user):
        return np.empty(0, dtype=np.int64)
    ends = np.append(np.flatnonzero(np.diff(user)) + 1, len(user))
    sizes = np.diff(ends, prepend=0)
    from_end = np.repeat(ends, sizes) - np.arange(len(user))
    return np.flatnonzero(from_end <= count)
