"""What is remembered of users, against a slow list of rows a user."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from clickwise.data.log import Batch, ClickLog
from clickwise.methods.memory import Memory
from tests.logs import USERS, make_logs, with_unknown_ids

LOGS = make_logs(600)
SCHEMA = LOGS.train.schema
USER = SCHEMA.need_user_field("test")
COLUMN = SCHEMA.slots(USER.name).start
FIRST = SCHEMA.offsets["user"] + 2


def memory(size: int = 1000, *logs: ClickLog, shuffled: bool = False) -> Memory:
    remembered = Memory(SCHEMA, USER, size, shuffled)
    for log in logs:
        remembered.add(log)
    return remembered


def shuffled_rows(log: ClickLog, seed: int = 0) -> ClickLog:
    return log.take(np.random.default_rng(seed).permutation(len(log)))


def assert_rows(batch: Batch | None, expected: ClickLog) -> None:
    assert batch is not None
    for name in ("ids", "numbers", "label", "time"):
        np.testing.assert_array_equal(getattr(batch, name).numpy(), getattr(expected, name), err_msg=name)


def of_user(log: ClickLog, user: int) -> ClickLog:
    rows = np.flatnonzero(log.user == user)
    return log.take(rows[np.argsort(log.time[rows], kind="stable")])


def test_every_user_has_its_rows_in_order_of_time() -> None:
    remembered = memory(1000, shuffled_rows(LOGS.train))
    assert len(remembered) == len(LOGS.train)
    for user in range(USERS):
        assert_rows(remembered.of(FIRST + user), of_user(LOGS.train, user))


@pytest.mark.parametrize("size", [1, 5, 40])
def test_the_rows_remembered_last_stay(size: int) -> None:
    """Rows of a later log count as later, also where their times are earlier; then the later time counts."""
    earlier_clock = replace(LOGS.valid, time=LOGS.valid.time - 10_000)
    remembered = memory(size, shuffled_rows(LOGS.train), shuffled_rows(earlier_clock))
    for user in range(USERS):
        old, new = of_user(LOGS.train, user), of_user(earlier_clock, user)
        batch = remembered.of(FIRST + user)
        assert batch is not None
        times = [*old.time, *new.time][-size:]
        assert batch.time.tolist() == times
        assert len(batch) == min(size, len(old) + len(new))


def test_adding_twice_is_adding_both_at_once() -> None:
    whole = make_logs(600).train
    parts = memory(9, whole.take(slice(0, 100)), whole.take(slice(100, 360)))
    once = memory(9, whole)
    for name, buffer in once.named_buffers():
        assert torch.equal(buffer, dict(parts.named_buffers())[name]), name


def test_unknown_users_are_not_remembered() -> None:
    strangers = with_unknown_ids(LOGS.train)
    remembered = memory(10, strangers)
    assert len(remembered) == 0
    assert remembered.of(SCHEMA.offsets["user"]) is None
    missing = LOGS.train.ids.copy()
    missing[:, COLUMN] = SCHEMA.offsets["user"] + 1
    remembered.add(replace(LOGS.train, ids=missing))
    assert len(remembered) == 0


def test_a_user_without_rows_has_none() -> None:
    remembered = memory(10, LOGS.train.take(np.flatnonzero(LOGS.train.user != 3)))
    assert remembered.of(FIRST + 3) is None
    assert remembered.of(FIRST + 2) is not None
    assert memory().of(FIRST) is None


def test_cleared_it_remembers_only_what_comes_after() -> None:
    remembered = memory(1000, LOGS.train)
    remembered.clear()
    assert len(remembered) == 0
    remembered.add(LOGS.valid)
    for user in range(USERS):
        assert_rows(remembered.of(FIRST + user), of_user(LOGS.valid, user))


@pytest.mark.parametrize("rows_before", [0, 50])
def test_a_state_of_another_number_of_rows_is_taken_over(rows_before: int) -> None:
    source = memory(20, LOGS.train)
    target = torch.nn.ModuleDict({"memory": memory(20, LOGS.valid.take(slice(0, rows_before)))})
    target.load_state_dict(torch.nn.ModuleDict({"memory": source}).state_dict())
    for name, buffer in source.named_buffers():
        found = dict(target["memory"].named_buffers())[name]
        assert torch.equal(found, buffer) and found.dtype == buffer.dtype, name
    assert_rows(target["memory"].of(FIRST), of_user(LOGS.train, 0).take(slice(-20, None)))


def test_a_saved_state_does_not_change_with_the_memory() -> None:
    remembered = memory(20, LOGS.train)
    state = {name: value.clone() for name, value in remembered.state_dict().items()}
    kept = remembered.state_dict()
    remembered.add(LOGS.valid)
    assert all(torch.equal(kept[name], value) for name, value in state.items())


def test_shuffled_it_gives_each_user_the_rows_of_one_other() -> None:
    remembered = memory(1000, LOGS.train, shuffled=True)
    givers = []
    for user in range(USERS):
        batch = remembered.of(FIRST + user)
        assert batch is not None
        found = set(batch.ids[:, COLUMN].tolist())
        assert len(found) == 1 and FIRST + user not in found
        givers += found
    assert len(set(givers)) == USERS
    # A user of whom nothing is remembered gets nothing.
    fewer = memory(1000, LOGS.train.take(np.flatnonzero(LOGS.train.user != 3)), shuffled=True)
    assert fewer.of(FIRST + 3) is None
