"""Rows that become known while a log is scored: what a session's weights adapt to."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from clickwise.array_types import IntArray
from clickwise.data.log import Batch, ClickLog
from clickwise.data.moments import begins, first_of_moment
from clickwise.methods.memory import Memory, bounds, by_key, stranger


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
        user, time = users[known], log.time[known]
        rank = first_of_moment(user, time) - np.searchsorted(user, user)  # of the row's moment
        first = begins(user, rank // query_size)
        self.user, self.start = user[first], time[first]  # of each stretch
        remembered = len(memory)
        keys = np.concatenate([memory.key.cpu().numpy(), user])
        times = np.concatenate([memory.time.cpu().numpy(), time])
        order = np.lexsort((times, keys))
        # Places from ``remembered`` on are those of the log.
        self.place = np.concatenate([np.arange(remembered), known + remembered])[order]
        self.key, self.time = keys[order], times[order]
        self.users = np.unique(keys)

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
        of_user = self.start[slice(*bounds(self.user, user))]
        return torch.from_numpy(of_user[np.searchsorted(of_user, time.cpu().numpy(), side="right") - 1])

    def before(self, user: int, time: int) -> Batch | None:
        """The latest rows of a user before a time, as many as the memory keeps of one; None where there are none."""
        first, last = bounds(self.key, stranger(self.users, user) if self.memory.shuffled else user)
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
