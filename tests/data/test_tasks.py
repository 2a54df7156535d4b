"""Support and query of users: nobody's row twice or lost, and nothing of the future in the support."""

import numpy as np
import pytest
import torch

from clickwise.data.log import Batch, ClickLog
from clickwise.data.tasks import Task, UserEpisodes, UserRows, divide_by_user
from clickwise.errors import InputError
from tests.logs import make_logs, mixed_schema

every_order = pytest.mark.parametrize("order", ["time", "random"])
LOGS = make_logs(400)


def log_of(user: list[int], time: list[int], start: int = 0) -> ClickLog:
    """Rows of the named users and times; the first slot of ``ids`` is the number of the row, from ``start`` on."""
    rows, schema = len(user), mixed_schema()
    ids = np.zeros((rows, schema.width), dtype=np.int32)
    ids[:, 0] = np.arange(start, start + rows)
    return ClickLog(
        schema=schema,
        ids=ids,
        numbers=np.zeros((rows, 2), dtype=np.float32),
        label=np.arange(rows, dtype=np.int32) % 2,
        user=np.array(user, dtype=np.int64),
        time=np.array(time, dtype=np.int64),
        row=np.arange(start, start + rows),
        earlier=np.zeros(rows, dtype=np.int32),
        counts=np.zeros(schema.size, dtype=np.int64),
    )


def many_users(users: int = 60, seed: int = 0) -> tuple[ClickLog, ClickLog]:
    """Seen rows, and later fresh ones, of users of 0 to 12 rows each, in no order, with many ties in time."""
    rng = np.random.default_rng(seed)
    parts = []
    for start, at in ((0, 0), (10_000, 100)):
        user = np.repeat(np.arange(users), rng.integers(0, 13, users))
        rng.shuffle(user)
        parts.append(log_of(user.tolist(), (at + rng.integers(0, 6, len(user))).tolist(), start))
    return parts[0], parts[1]


def numbers(batch: Batch) -> list[int]:
    return batch.ids[:, 0].tolist()


def same(one: Task, other: Task) -> bool:
    pairs = ((one.support, other.support), (one.query, other.query))
    return one.user == other.user and all(
        torch.equal(getattr(first, name), getattr(second, name))
        for first, second in pairs
        for name in ("ids", "numbers", "label", "user", "time")
    )


@every_order
@pytest.mark.parametrize("query_share", [0.3, 1.0])
def test_support_and_query_are_the_users_own_rows_and_share_none(order: str, query_share: float) -> None:
    seen, fresh = many_users()
    of_row = dict(zip([*seen.row, *fresh.row], [*seen.user, *fresh.user], strict=True))
    for episode in UserEpisodes(seen, fresh, 7, query_share, order=order).epoch(0, 0):
        for task in episode:
            support, query = numbers(task.support), numbers(task.query)
            assert len(set(support + query)) == len(support) + len(query)
            assert len(query) and min(query) >= 10_000
            assert {of_row[row] for row in support + query} == {task.user}
            assert set(task.support.user.tolist()) <= {task.user}
            assert set(support + query) == {row for row, user in of_row.items() if user == task.user}
            if query_share == 1.0:
                assert max(support, default=0) < 10_000


@every_order
def test_every_user_with_a_fresh_row_stands_in_one_episode_an_epoch(order: str) -> None:
    seen, fresh = many_users()
    episodes = UserEpisodes(seen, fresh, users_per_episode=7, order=order)
    found = list(episodes.epoch(3, 1))
    assert sorted(task.user for episode in found for task in episode) == np.unique(fresh.user).tolist()
    assert [len(episode) for episode in found[:-1]] == [7] * (len(episodes) - 1)
    assert len(found) == len(episodes)


@every_order
def test_episodes_are_a_function_of_seed_and_epoch(order: str) -> None:
    seen, fresh = many_users()

    def users(seed: int, epoch: int) -> list[int]:
        return [t.user for e in UserEpisodes(seen, fresh, 7, order=order).epoch(seed, epoch) for t in e]

    one, other = (list(UserEpisodes(seen, fresh, 7, order=order).epoch(5, 2)) for _ in range(2))
    assert all(same(a, b) for first, second in zip(one, other, strict=True) for a, b in zip(first, second, strict=True))
    assert users(5, 2) != users(5, 3)
    assert users(5, 2) != users(6, 2)


@every_order
@pytest.mark.parametrize("first", [1, 4])
def test_resuming_inside_an_epoch_gives_the_same_episodes(order: str, first: int) -> None:
    seen, fresh = many_users()
    whole = list(UserEpisodes(seen, fresh, 7, order=order).epoch(5, 2))
    rest = list(UserEpisodes(seen, fresh, 7, order=order).epoch(5, 2, first))
    assert len(rest) == len(whole) - first
    for one, other in zip(whole[first:], rest, strict=True):
        assert all(same(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("query_share", [0.2, 0.5, 0.8])
def test_in_order_of_time_the_query_is_later_than_the_support(query_share: float) -> None:
    """Strictly later: rows of one moment are not told apart. Its share is met to within the moment of the cut."""
    seen, fresh = many_users()
    for episode in UserEpisodes(seen, fresh, 10, query_share, order="time").epoch(0, 0):
        for task in episode:
            support, query = task.support.time, task.query.time
            assert torch.equal(query, query.sort().values)
            if len(support):
                assert support.max() < query.min()
            rows = int((fresh.user == task.user).sum())
            wanted = max(1, round(query_share * rows))
            assert wanted <= len(query) < wanted + int((query == query.min()).sum())


def test_random_queries_differ_from_epoch_to_epoch() -> None:
    episodes = UserEpisodes(LOGS.train, LOGS.valid, order="random")
    queries = [
        {t.user: sorted(t.query.time.tolist()) for e in episodes.epoch(0, epoch) for t in e} for epoch in range(2)
    ]
    assert queries[0] != queries[1]


def test_few_places_go_to_fresh_rows_first_and_to_the_latest_of_the_others() -> None:
    seen = log_of([0] * 6, [5, 0, 4, 1, 3, 2])
    fresh = log_of([0] * 5, [14, 10, 13, 11, 12], start=100)
    generator = np.random.default_rng(0)

    def times(support_size: int, order: str = "time") -> list[int]:
        episodes = UserEpisodes(seen, fresh, 1, query_share=0.4, support_size=support_size, order=order)
        return episodes.task(0, generator).support.time.tolist()

    assert times(2) == [11, 12]
    assert times(3) == [10, 11, 12]
    assert times(5) == [4, 5, 10, 11, 12]
    assert times(50) == [0, 1, 2, 3, 4, 5, 10, 11, 12]
    drawn = times(5, "random")
    assert len(drawn) == 5 and sum(time >= 10 for time in drawn) == 3


def test_a_user_of_one_row_has_an_empty_support() -> None:
    one, nothing = log_of([1], [7]), log_of([], [])
    for order in ("time", "random"):
        (task,) = next(UserEpisodes(nothing, one, order=order).epoch(0, 0))
        assert (task.user, len(task.support), len(task.query)) == (1, 0, 1)
        assert task.support.ids.shape == (0, one.schema.width)


def test_without_a_fresh_row_there_is_no_episode() -> None:
    with pytest.raises(InputError, match="no user has a row that the models were not trained on"):
        UserEpisodes(LOGS.train, LOGS.valid.take(slice(0, 0)))


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(InputError, match="order 'latest' is unknown; write 'time' or 'random'"):
        UserEpisodes(LOGS.train, LOGS.valid, order="latest")
    with pytest.raises(InputError, match="order 'latest'"):
        divide_by_user(LOGS.train, 0.5, "latest")


@every_order
def test_shuffled_users_adapt_to_the_rows_of_one_other_user(order: str) -> None:
    seen, fresh = many_users()
    episodes = UserEpisodes(seen, fresh, 10, order=order, shuffle_users=True)
    donors = {}
    for task in (task for episode in episodes.epoch(0, 0) for task in episode):
        assert set(task.query.user.tolist()) == {task.user}
        of_support = set(task.support.user.tolist())
        assert len(of_support) <= 1 and task.user not in of_support
        donors[task.user] = of_support
    given = [user for one in donors.values() for user in one]
    assert len(set(given)) == len(given) > len(donors) / 2


# divide_by_user


@every_order
@pytest.mark.parametrize("share", [0.25, 0.75])
def test_nobody_loses_a_row(order: str, share: float) -> None:
    _, log = many_users()
    first, rest = divide_by_user(log, share, order)
    assert sorted([*first.row, *rest.row]) == sorted(log.row)
    for part in (first, rest):
        assert np.array_equal(part.row, log.row[np.isin(log.row, part.row)])
        assert np.array_equal(log.user[np.searchsorted(log.row, part.row)], part.user)


@every_order
@pytest.mark.parametrize(("rows", "share"), [(1, 0.75), (3, 0.75), (3, 0.1), (7, 0.5)])
def test_the_share_holds_on_average_however_few_rows_a_user_has(order: str, rows: int, share: float) -> None:
    users = 4000
    log = log_of(np.repeat(np.arange(users), rows).tolist(), np.tile(np.arange(rows), users).tolist())
    first, _ = divide_by_user(log, share, order)
    of_user = np.bincount(first.user, minlength=users)
    assert set(of_user) <= {int(np.floor(rows * share)), int(np.ceil(rows * share))}
    # A whole number of rows apart, one Bernoulli draw a user.
    assert of_user.mean() == pytest.approx(rows * share, abs=4 * 0.5 / np.sqrt(users))


def test_in_order_of_time_the_first_part_is_strictly_earlier() -> None:
    _, log = many_users()
    first, rest = divide_by_user(log, 0.6, "time")
    both = np.intersect1d(first.user, rest.user)
    assert len(both) > 30
    for user in both:
        assert first.time[first.user == user].max() < rest.time[rest.user == user].min()


def test_a_user_of_one_moment_goes_to_one_part() -> None:
    log = log_of([0] * 8 + [1] * 8, [4] * 8 + list(range(8)))
    first, rest = divide_by_user(log, 0.5, "time")
    assert (first.user == 0).sum() in (0, 8)
    assert (first.user == 1).sum() == (rest.user == 1).sum() == 4


def test_a_random_division_is_that_of_its_seed() -> None:
    one, again, other = (divide_by_user(LOGS.train, 0.5, "random", seed)[0].row for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    # It is no division by time in disguise.
    by_time = divide_by_user(LOGS.train, 0.5, "time", 1)[0].row
    assert not np.array_equal(one, by_time)


def test_user_codes_may_have_gaps() -> None:
    log = log_of([9, 3, 9, 3], [0, 1, 2, 3])
    first, rest = divide_by_user(log, 0.5, "time")
    assert first.row.tolist() == [0, 1] and rest.row.tolist() == [2, 3]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.2])
def test_a_share_that_cannot_be_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="share must lie between 0 and 1"):
        divide_by_user(LOGS.train, share, "time")


# Rows of users


def test_rows_of_a_user_stand_in_order_of_time() -> None:
    log = log_of([2, 0, 2, 2, 0], [5, 3, 1, 4, 0])
    rows = UserRows(log, 4)
    assert [rows.of(user).tolist() for user in range(4)] == [[4, 1], [], [2, 3, 0], []]
    assert rows.sizes().tolist() == [2, 0, 3, 0]
