"""Stretches of users' rows: each row is query once, and support lies before it."""

from collections import Counter

import numpy as np
import pytest

from clickwise.methods.stretches import UserStretches
from tests.methods.planted_switches import switches

LOG = switches(1200).train


@pytest.mark.parametrize("shuffle_users", [False, True])
def test_rows_are_query_once_and_support_is_what_the_user_did_before(shuffle_users: bool) -> None:
    stretches = UserStretches(LOG, 7, query_size=5, support_size=4, shuffle_users=shuffle_users)
    seen: Counter[tuple[int, int, int]] = Counter()
    supports = 0
    for episode in stretches.epoch(3, 2):
        assert 1 <= len(episode) <= 7
        for task in episode:
            assert len(task.support) <= 4 and set(task.query.user.tolist()) == {task.user}
            seen.update(
                zip(task.query.user.tolist(), task.query.time.tolist(), task.query.ids[:, 2].tolist(), strict=True)
            )
            if not len(task.support):
                continue
            supports += 1
            first, donor = int(task.query.time.min()), int(task.support.user[0])
            assert (donor == task.user) != shuffle_users
            earlier = np.sort(LOG.time[(LOG.user == donor) & (LOG.time < first)])[-4:]
            np.testing.assert_array_equal(np.sort(task.support.time.numpy()), earlier)
    assert seen == Counter(zip(LOG.user.tolist(), LOG.time.tolist(), LOG.ids[:, 2].tolist(), strict=True))
    assert supports > 50


def test_an_epoch_goes_on_where_it_was_left_and_the_next_one_differs() -> None:
    stretches = UserStretches(LOG, 7, query_size=5, support_size=4)

    def queries(epoch: int, first: int = 0) -> list[str]:
        return [str(task.query.time.tolist()) for episode in stretches.epoch(0, epoch, first) for task in episode]

    assert queries(1, first=3) == queries(1)[21:]
    assert abs(len(queries(1)) - 7 * len(stretches)) < 14
    assert sorted(queries(1)) != sorted(queries(2))


def test_a_few_tasks_an_epoch() -> None:
    stretches = UserStretches(LOG, 7, query_size=5, support_size=4, tasks_per_epoch=10)
    assert [len(episode) for episode in stretches.epoch(0, 0)] == [7, 3] and len(stretches) == 2
