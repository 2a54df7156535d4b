"""Split protocols: shares, order of time, whole users, seeds."""

import numpy as np
import pytest

from clickwise.data.splits import FILE_ORDER, SPLITS, assign, find_split, leaks_of
from clickwise.errors import InputError
from clickwise.schema import Field, Schema


def log(seed: int = 0, rows: int = 20_000, users: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    _, user = np.unique(rng.integers(0, users, rows), return_inverse=True)
    return user, rng.integers(0, 5_000, rows)


@pytest.mark.parametrize("name", SPLITS)
def test_shares_seeds_and_description(name: str) -> None:
    user, time = log()
    part = assign(name, user, time, seed=1)
    assert part.dtype == np.int8
    np.testing.assert_allclose(np.bincount(part) / len(part), SPLITS[name].fractions, atol=0.02)
    np.testing.assert_array_equal(part, assign(name, user, time, seed=1))
    if name != "chronological":
        assert (part != assign(name, user, time, seed=2)).any()
    assert SPLITS[name].name == name
    assert "Leaks" in SPLITS[name].leaks
    other = assign(name, user, time, seed=1, fractions=(0.5, 0.25, 0.25))
    np.testing.assert_allclose(np.bincount(other) / len(other), (0.5, 0.25, 0.25), atol=0.02)


def test_random_per_user_gives_each_user_their_shares() -> None:
    user = np.repeat(np.arange(50), 25)
    part = assign("random-per-user", user, np.zeros_like(user), seed=0)
    for code, share in enumerate((0.72, 0.08, 0.20)):
        counts = np.bincount(user[part == code], minlength=50)
        assert counts.min() >= np.floor(25 * share)
        assert counts.max() <= np.ceil(25 * share + 1e-9)


def test_users_of_few_rows_feed_all_parts_fairly() -> None:
    user = np.repeat(np.arange(40_000), 2)
    for name in ("random-per-user", "chronological-per-user"):
        part = assign(name, user, np.tile([0, 1], 40_000), seed=3)
        np.testing.assert_allclose(np.bincount(part) / len(part), (0.72, 0.08, 0.20), atol=0.01)


def test_chronological_has_one_cut_for_all_and_keeps_moments_whole() -> None:
    user, time = log(rows=3_000)
    part = assign("chronological", user, time // 100, seed=0)
    for earlier, later in ((0, 1), (1, 2)):
        assert (time // 100)[part == earlier].max() < (time // 100)[part == later].min()


def test_chronological_per_user_follows_each_users_time() -> None:
    user, time = log(rows=5_000, users=40)
    part = assign("chronological-per-user", user, time // 200, seed=0)
    for one in range(40):
        own, when = part[user == one], (time // 200)[user == one]
        order = np.argsort(when, kind="stable")
        assert (np.diff(own[order]) >= 0).all()
        assert all(len(set(own[when == moment])) == 1 for moment in set(when))


def test_leave_users_out_keeps_users_whole() -> None:
    user, time = log()
    part = assign("leave-users-out", user, time, seed=0)
    assert all(len(set(part[user == one])) == 1 for one in range(300))


@pytest.mark.parametrize(
    ("name", "fractions", "message"),
    [
        ("random", None, "split 'random' is unknown"),
        ("chronological", (0.9, 0.2, 0.1), "add up to 1"),
        ("chronological", (1.0, 0.0, 0.0), "three positive shares"),
        ("chronological", (0.5, 0.5), "three positive shares"),
    ],
)
def test_bad_options(name: str, fractions: tuple[float, ...] | None, message: str) -> None:
    user, time = log()
    with pytest.raises(InputError, match=message):
        assign(name, user, time, 0, fractions)


def test_an_empty_part_is_named() -> None:
    with pytest.raises(InputError, match="'chronological' leaves the valid part empty"):
        assign("chronological", np.arange(10), np.zeros(10, dtype=np.int64), 0)
    with pytest.raises(InputError, match="'leave-users-out' leaves the test part empty"):
        assign("leave-users-out", np.repeat([0, 1], 5), np.arange(10), 0)


def test_what_a_split_says_is_true_of_a_log_without_users() -> None:
    for name in ("chronological-per-user", "leave-users-out"):
        with pytest.raises(InputError, match=f"split '{name}' needs the schema's 'user'"):
            find_split(name, users=False)
    for name in ("chronological", "random-per-user"):
        assert find_split(name, users=False) is SPLITS[name]
    rows = np.arange(20_000)
    part = assign("random-per-user", rows, rows, seed=0)
    np.testing.assert_allclose(np.bincount(part) / len(part), SPLITS["random-per-user"].fractions, atol=0.02)


def test_what_a_split_says_is_true_of_a_log_without_times() -> None:
    item = Field("item", "item")
    history = Field("seen", "history", kind="sequence", of="item", length=3)
    plain, looking_back = (item, Field("user", "user")), (item, Field("user", "user"), history)
    for name, split in SPLITS.items():
        timed = Schema(looking_back, user="user", item="item", time="time")
        assert leaks_of(name, timed) == split.leaks
        assert leaks_of(name, Schema(looking_back, user="user", item="item")) == f"{split.leaks} {FILE_ORDER}"
        told = leaks_of(name, Schema(plain, user="user", item="item"))
        assert told == (f"{split.leaks} {FILE_ORDER}" if "chronological" in name else split.leaks)
