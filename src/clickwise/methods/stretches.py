"""Tasks of meta-learning whose queries, over one epoch, are all rows of a log."""

from collections.abc import Iterator

import numpy as np
import torch

from clickwise.array_types import IntArray
from clickwise.data.loading import ShuffledBatches
from clickwise.data.log import Batch, ClickLog
from clickwise.data.moments import begins, first_of_moment
from clickwise.data.tasks import Task
from clickwise.errors import InputError


class UserStretches:
    """Episodes of tasks: a stretch of a user's rows is query, the same user's rows before it are support.

    Every row stands in one query of an epoch, so that learning misses none; where stretches begin changes from epoch to
    epoch. Rows of one moment are never divided. A user's first stretch has no support.

    Args:
        log: the rows.
        tasks_per_episode: tasks an episode.
        query_size: rows of a stretch; more where more share its last moment.
        support_size: rows of support at most, the latest ones before the stretch.
        shuffle_users: take the support from another user's rows before that time, half the list of users away.
        tasks_per_epoch: tasks of one epoch at most; all of them where None.
    """

    def __init__(
        self,
        log: ClickLog,
        tasks_per_episode: int,
        query_size: int,
        support_size: int,
        shuffle_users: bool = False,
        tasks_per_epoch: int | None = None,
    ) -> None:
        self.log = log
        self.tasks_per_episode = tasks_per_episode
        self.query_size = query_size
        self.support_size = support_size
        self.tasks_per_epoch = tasks_per_epoch
        self.order = np.lexsort((log.time, log.user))
        self.time = np.asarray(log.time)[self.order]
        self.users, first, self.member = np.unique(log.user[self.order], return_index=True, return_inverse=True)
        self.bounds = np.append(first, len(log))
        self.shift = len(self.users) // 2 if shuffle_users else 0
        # The rank, among its user's rows, of the first row of each row's moment.
        self.rank = first_of_moment(self.member, self.time) - first[self.member]

    def __len__(self) -> int:
        """Episodes of the first epoch; one more or less in others."""
        return -(-len(self._drawn(0, 0)[0]) // self.tasks_per_episode)

    def epoch(self, seed: int, epoch: int, first: int = 0) -> Iterator[list[Task]]:
        """Episodes of one epoch, from number ``first`` on; a function of seed and epoch alone."""
        drawn, edges = self._drawn(seed, epoch)
        for start in range(first * self.tasks_per_episode, len(drawn), self.tasks_per_episode):
            yield [self._task(edges[at], edges[at + 1]) for at in drawn[start : start + self.tasks_per_episode]]

    def _drawn(self, seed: int, epoch: int) -> tuple[IntArray, IntArray]:
        """Numbers of the stretches of an epoch in random order, and where stretches begin and the last one ends."""
        generator = np.random.default_rng([seed, epoch])
        begin = generator.integers(0, self.query_size, len(self.users))
        stretch = (self.rank + begin[self.member]) // self.query_size
        edges = np.append(np.flatnonzero(begins(self.member, stretch)), len(self.log))
        return generator.permutation(len(edges) - 1)[: self.tasks_per_epoch], edges

    def _task(self, start: int, stop: int) -> Task:
        """The task whose query stands between two places of the order."""
        member = int(self.member[start])
        donor = (member + self.shift) % len(self.users)
        end = int(start)
        if donor != member:
            of_donor = self.time[self.bounds[donor] : self.bounds[donor + 1]]
            end = int(self.bounds[donor] + np.searchsorted(of_donor, self.time[start]))
        support = self.order[max(int(self.bounds[donor]), end - self.support_size) : end]
        query = Batch.of(self.log, self.order[start:stop])
        return Task(int(self.users[member]), Batch.of(self.log, support), query)


class DividedBatches:
    """Episodes of one task each: of a shuffled mini-batch of any users' rows the first ones are support.

    Args:
        log: the rows.
        batch_size: rows a mini-batch.
        support_share: of the rows, rounded down.
    """

    def __init__(self, log: ClickLog, batch_size: int, support_share: float) -> None:
        self.batches = ShuffledBatches(log, batch_size)
        self.support_share = support_share

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, seed: int, epoch: int, first: int = 0) -> Iterator[list[Task]]:
        """As of ``UserStretches``; the user of a task is -1."""
        for batch in self.batches.epoch(seed, epoch, first):
            at = torch.arange(len(batch))
            cut = support_rows(len(batch), self.support_share)
            yield [Task(-1, batch.select(at[:cut]), batch.select(at[cut:]))]


def support_rows(rows: int, share: float) -> int:
    """Rows of a mini-batch that are support; at least one row is not."""
    return min(int(rows * share + 1e-9), rows - 1)  # a share of 2 / 3 of three rows is two of them


def check_share(share: float) -> None:
    """Raise ``InputError`` for a ``support_share`` that leaves no support, or no query."""
    if not 0 < share < 1:
        raise InputError(f"support_share must lie between 0 and 1, not {share}")
