"""Rows that become known while a log is scored: what a session's weights adapt to."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from clickwise.array_types import IntArray
from clickwise.data.log import Batch, ClickLog
from clickwise.methods.memory import Memory, by_key, stranger


class Following:
    """The rows that a memory holds and those of a labelled log, by user in order of time.

    The log is divided into stretches of a user's rows, as ``UserStretches`` does in training: every row has for support
    what stands before its stretch, remembered or in the log. No row's own label, nor one of its moment, is among it.

    Args:
        memory: rows remembered; they may lie anywhere in time.
        log: labelled rows, in any order.
        query_size: rows of a stretch; more where more share its last moment.
    """

    def __init__(self, memory: Memory, log: ClickLog, query_size: int) -> None:
        self.memory, self.log = memory, log
        users = log.ids[:, memory.column]
        known = np.flatnonzero(users >= memory.known_from)
        known = known[np.lexsort((log.time[known], users[known]))]
        self.user, self.start = users[known], log.time[known]
        self._begin_stretches(query_size)
        remembered = len(memory)
        keys = np.concatenate([memory.key.cpu().numpy(), users[known]])
        times = np.concatenate([memory.time.cpu().numpy(), log.time[known]])
        order = np.lexsort((times, keys))
        # Places from ``remembered`` on are those of the log.
        self.place = np.concatenate([np.arange(remembered), known + remembered])[order]
        self.key, self.time = keys[order], times[order]
        self.users = np.unique(keys)

    def _begin_stretches(self, query_size: int) -> None:
        """Leave, of the sorted rows of the log, the first one of each stretch."""
        new_user = np.diff(self.user, prepend=-1) != 0
        new_moment = new_user | (np.diff(self.start, prepend=0) != 0)
        first_of_user = np.maximum.accumulate(np.where(new_user, np.arange(len(self.user)), 0))
        first_of_moment = np.maximum.accumulate(np.where(new_moment, np.arange(len(self.user)), 0))
        stretch = (first_of_moment - first_of_user) // query_size
        begins = new_user | (np.diff(stretch, prepend=-1) != 0)
        self.user, self.start = self.user[begins], self.start[begins]

    def supports(self, batch: Batch) -> Iterator[tuple[Batch | None, Tensor]]:
        """What is known before each stretch that stands in a batch of the log, or None, and the places of its rows."""
        for user, rows in by_key(batch.ids[:, self.memory.column]):
            if user < self.memory.known_from:  # users that the vocabulary does not know share that id
                yield None, rows
                continue
            for start, places in by_key(self.starts(user, batch.time[rows]).to(rows.device)):
                yield self.before(user, start), rows[places]

    def starts(self, user: int, time: Tensor) -> Tensor:
        """When the stretches of a user began that rows of these times stand in, ``int64 [rows]``."""
        of_user = self.start[slice(*_bounds(self.user, user))]
        return torch.from_numpy(of_user[np.searchsorted(of_user, time.cpu().numpy(), side="right") - 1])

    def before(self, user: int, time: int) -> Batch | None:
        """The latest rows of a user before a time, as many as the memory keeps of one; None where there are none."""
        first, last = _bounds(self.key, stranger(self.users, user) if self.memory.shuffled else user)
        last = first + int(np.searchsorted(self.time[first:last], time))
        return self._rows(self.place[max(first, last - self.memory.size) : last]) if last > first else None

    def _rows(self, places: IntArray) -> Batch:
        held = len(self.memory)
        remembered, scored = places[places < held], places[places >= held] - held
        device = self.memory.ids.device
        with torch.inference_mode(False):  # the inner step differentiates what it computes from them
            parts = [self.memory.rows(torch.from_numpy(remembered).to(device))] if len(remembered) else []
            if len(scored):
                parts.append(Batch.of(self.log, scored).to(device))
            return Batch.join(parts)


def _bounds(sorted_values: np.ndarray, value: int) -> tuple[int, int]:
    """Where the entries of a value begin and end."""
    # Of the values' own type, for which numpy need not convert all of them.
    first, last = np.searchsorted(sorted_values, np.array([value, value + 1], dtype=sorted_values.dtype))
    return int(first), int(last)
