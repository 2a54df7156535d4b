"""User tasks: which rows of a user are support (to adapt on) and which are query (to be judged on)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from clickwise.array_types import IntArray
from clickwise.data.log import Batch, ClickLog
from clickwise.data.moments import first_of_moment, within_user
from clickwise.errors import InputError


def raw_users(log: ClickLog) -> pl.Series:
    """Raw value of each user code; the codes themselves where the log keeps no values."""
    return pl.Series(np.arange(int(log.user.max(initial=-1)) + 1)) if log.users is None else log.users


@dataclass(frozen=True)
class Task:
    """One user's support and query.

    Attributes:
        user: the log's code of the user.
        support: rows to adapt on; may be empty.
        query: rows that the adapted parameters are judged on.
    """

    user: int
    support: Batch
    query: Batch


class UserRows:
    """The rows of a log by user, in order of time.

    Args:
        log: the rows.
        users: number of user codes; a log of fewer users, such as a part, still has a place for all of them.
    """

    def __init__(self, log: ClickLog, users: int) -> None:
        self.log = log
        self.order = np.lexsort((log.time, log.user))
        self.starts = np.searchsorted(log.user[self.order], np.arange(users + 1))

    def of(self, user: int) -> IntArray:
        """Places of the user's rows in the log, earliest first."""
        return self.order[self.starts[user] : self.starts[user + 1]]

    def sizes(self) -> IntArray:
        """Rows of each user, ``int64 [users]``."""
        return np.diff(self.starts)


def divide_by_user(log: ClickLog, share: float, order: str, seed: int = 0) -> tuple[ClickLog, ClickLog]:
    """Each user's rows in two: the first ``share`` of them and the rest, rounded fairly, at random or in order of time.

    Args:
        log: the rows.
        share: of the first part, between 0 and 1.
        order: ``time`` (the first part is the earlier one; rows of one moment stay together) or ``random``.
        seed: of a random order and of the rounding.

    Raises:
        InputError: a share or an order that cannot be.
    """
    check_order(order)
    if not 0 < share < 1:
        raise InputError(f"share must lie between 0 and 1, not {share}")
    generator = np.random.default_rng(seed)
    # A moment is one key: rows of a user that have one time are not told apart.
    key = log.time if order == "time" else generator.permutation(len(log))
    users, member = np.unique(log.user, return_inverse=True)
    placed = np.lexsort((key, member))
    rank, size = within_user(member, placed)
    if order == "time":
        rank[placed] = rank[placed][first_of_moment(member[placed], log.time[placed])]
    first = rank < np.floor(size * share + generator.random(len(users))[member])
    return log.take(np.flatnonzero(first)), log.take(np.flatnonzero(~first))


def rows_of_users(log: ClickLog, users: int) -> ClickLog:
    """The rows of ``users`` users of a log at most, drawn at random but always the same."""
    found = np.unique(log.user)
    if len(found) <= users:
        return log
    return log.take(np.flatnonzero(np.isin(log.user, np.random.default_rng(0).choice(found, users, replace=False))))


def check_order(order: str) -> None:
    """Raise ``InputError`` for an order that is not known."""
    if order not in ("time", "random"):
        raise InputError(f"order {order!r} is unknown; write 'time' or 'random'")


class UserEpisodes:
    """Episodes of user tasks. A user with a query row stands in one episode of an epoch.

    A user's query is drawn from ``fresh``, rows that the models were not trained on; the support is what is left of
    the user's fresh rows, and rows of ``seen``, which the models were trained on.

    Args:
        seen, fresh: rows of one log, with shared user codes.
        users_per_episode: tasks an episode.
        query_share: share of the user's fresh rows that is query; 1 leaves them out of the support. In order of time
            it is more where rows of one moment stand on both sides of the cut.
        support_size: rows of support at most; the most recent ones where ``order`` is ``time``, else random ones.
        order: whether the query is the latest of the fresh rows (``time``) or random ones (``random``).
        shuffle_users: take the support from another user, half the list of users away.
        users_per_epoch: users that stand in the episodes of one epoch at most; all of them where None.
    """

    def __init__(
        self,
        seen: ClickLog,
        fresh: ClickLog,
        users_per_episode: int = 10,
        query_share: float = 0.5,
        support_size: int = 128,
        order: str = "random",
        shuffle_users: bool = False,
        users_per_epoch: int | None = None,
    ) -> None:
        check_order(order)
        users = int(max(seen.user.max(initial=-1), fresh.user.max(initial=-1))) + 1
        self.seen, self.fresh = UserRows(seen, users), UserRows(fresh, users)
        self.users = np.flatnonzero(self.fresh.sizes() > 0)
        if not len(self.users):
            raise InputError("episodes: no user has a row that the models were not trained on")
        self.users_per_episode = users_per_episode
        self.users_per_epoch = len(self.users) if users_per_epoch is None else min(users_per_epoch, len(self.users))
        self.query_share = query_share
        self.support_size = support_size
        self.order = order
        shift = len(self.users) // 2 if shuffle_users else 0
        self.donor = dict(zip(self.users.tolist(), np.roll(self.users, -shift).tolist(), strict=True))

    def __len__(self) -> int:
        """Episodes an epoch."""
        return -(-self.users_per_epoch // self.users_per_episode)

    def epoch(self, seed: int, epoch: int, first: int = 0) -> Iterator[list[Task]]:
        """Episodes of one epoch, from number ``first`` on; a function of seed and epoch alone."""
        order = np.random.default_rng([seed, epoch]).permutation(self.users)[: self.users_per_epoch]
        for start in range(first * self.users_per_episode, len(order), self.users_per_episode):
            # One generator an episode, so that a run can resume inside an epoch.
            generator = np.random.default_rng([seed, epoch, start])
            yield [self.task(int(user), generator) for user in order[start : start + self.users_per_episode]]

    def task(self, user: int, generator: np.random.Generator) -> Task:
        """A task of one user."""
        kept, query = self._divide(self.fresh.of(user), generator)
        donor = self.donor[user]
        if donor != user:
            kept, _ = self._divide(self.fresh.of(donor), generator)
        seen = self.seen.of(donor)
        if self.order == "random":
            seen = generator.permutation(seen)
        kept = kept[max(0, len(kept) - self.support_size) :]
        seen = seen[max(0, len(seen) + len(kept) - self.support_size) :]
        support = Batch.join([Batch.of(self.seen.log, seen), Batch.of(self.fresh.log, kept)])
        return Task(user, support, Batch.of(self.fresh.log, query))

    def _divide(self, fresh: IntArray, generator: np.random.Generator) -> tuple[IntArray, IntArray]:
        """A user's fresh rows as those for the support and those for the query, of which there is at least one."""
        if self.order == "random":
            fresh = generator.permutation(fresh)
        kept = len(fresh) - max(1, round(self.query_share * len(fresh)))
        if self.order == "time":
            # Rows of one moment are not told apart, so all of the moment that the cut falls into are query.
            time = self.fresh.log.time[fresh]
            kept = int(np.searchsorted(time, time[kept]))
        return fresh[:kept], fresh[kept:]
