"""The cold-start protocol: who is active, who is new, which rows come when; and its table."""

from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest

from clickwise.data.prepare import prepare
from clickwise.data.storage import PreparedLog
from clickwise.data.tables import from_frame
from clickwise.errors import InputError
from clickwise.methods.meta_embedding import MetaEmbedding
from clickwise.metrics.pointwise import auc, logloss
from clickwise.models import DeepFM
from clickwise.prediction import predict
from clickwise.reproduce.udg.newcomer_table import newcomer_table
from clickwise.reproduce.udg.newcomers import PHASES, ColdStart, NewUsers, cold_start_batches, warm_up
from clickwise.schema import Field, Schema
from clickwise.training import fit, seeded

SCHEMA = Schema(
    (Field("user", "user"), Field("age", "user"), Field("gender", "user"), Field("item", "item")),
    user="user",
    time="time",
    item="item",
)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> PreparedLog:
    """150 users with 5 to 34 rows each, in no order of time."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(5, 35, 150)
    user = rng.permutation(np.repeat(np.arange(150), sizes))
    age, gender, item = rng.integers(0, 4, 150)[user], rng.integers(0, 2, 150)[user], rng.integers(0, 9, len(user))
    odds = rng.normal(size=(4, 9))[age, item] + rng.normal(size=(2, 9))[gender, item]
    label = (rng.random(len(user)) < 1 / (1 + np.exp(-odds))).astype(int)
    columns = {"user": user, "age": age, "gender": gender, "item": item, "label": label}
    frame = pl.DataFrame({**columns, "time": rng.permutation(len(user))})
    folder = tmp_path_factory.mktemp("log") / "prepared"
    return prepare(from_frame(frame, "raw"), SCHEMA, "leave-users-out", folder)


@pytest.fixture(scope="module")
def users(log: PreparedLog) -> ColdStart:
    return cold_start_batches(log, active_above=20, new_from=12, new_to=30, batch=3)


def test_active_users_train_and_nobody_new_is_known(log: PreparedLog, users: ColdStart) -> None:
    rows_of = {user: rows for user, rows in zip(*np.unique(log.train.user, return_counts=True), strict=True)}
    active = {user for user, rows in rows_of.items() if rows > 20}
    assert 0 < len(active) == users.active < len(rows_of)
    assert set(users.train.user) == active
    assert len(users.train) + len(users.valid) == sum(rows_of[user] for user in active)
    for user in active:
        of_train, of_valid = (part.time[part.user == user] for part in (users.train, users.valid))
        assert not len(of_valid) or of_train.max() < of_valid.min()
    column, unknown = SCHEMA.slots("user").start, log.schema.offsets["user"]
    for part in (*users.new.batches, users.new.held_out, *users.tuned_on.batches, users.tuned_on.held_out):
        assert (part.ids[:, column] == unknown).all()
    assert users.train.counts.sum() == users.train.ids.size
    assert np.array_equal(users.train.counts, np.bincount(users.train.ids.ravel(), minlength=log.schema.size))


def test_new_users_have_three_batches_and_later_rows_held_out(log: PreparedLog, users: ColdStart) -> None:
    rows_of = {user: rows for user, rows in zip(*np.unique(log.test.user, return_counts=True), strict=True)}
    new = sorted(user for user, rows in rows_of.items() if 12 <= rows <= 30)
    assert users.new.users == len(new) < len(rows_of)
    for user in new:
        times = [part.time[part.user == user] for part in (*users.new.batches, users.new.held_out)]
        assert [len(part) for part in times] == [3, 3, 3, rows_of[user] - 9]
        assert np.array_equal(np.concatenate(times), np.sort(log.test.time[log.test.user == user]))


def trained(users: ColdStart, seed: int) -> MetaEmbedding:
    with seeded(seed):
        model = DeepFM(users.train.schema, embedding_dim=4, hidden_dims=(8,), initial_deviation=0.1)
        method = MetaEmbedding(model, ids_per_step=20, rows_per_id=5, learning_rate=0.02)
    fit(method, users.train, users.valid, epochs=3, seed=seed, progress=False)
    return method


def test_the_table_holds_each_phase_and_start(users: ColdStart) -> None:
    load = cache(lambda seed: trained(users, seed))
    rows = newcomer_table(users, load, 2, rates=(0.01, 0.1), steps=2, replicates=100)
    assert [(row["phase"], row["start"]) for row in rows] == [
        (phase, start) for phase in PHASES for start in ("generator", "unknown", "random")
    ]
    held, by_key = users.new.held_out, {(row["phase"], row["start"]): row for row in rows}
    for metric, value in (("auc", auc), ("logloss", logloss)):
        cold = [value(held.label, predict(load(seed), held)) for seed in range(2)]
        assert by_key["cold", "generator"][metric] == pytest.approx(np.mean(cold), abs=1e-6)
        plain = [value(held.label, predict(load(seed).model, held)) for seed in range(2)]
        row = by_key["cold", "unknown"]
        assert row[metric] == pytest.approx(np.mean(plain), abs=1e-6)
        minus = row["generator_minus"][metric]
        assert minus["difference"] == pytest.approx(np.mean(cold) - np.mean(plain), abs=1e-6)
        assert minus["low"] <= minus["difference"] <= minus["high"]
    for start in ("generator", "unknown", "random"):
        rates = by_key["c", start]["rates"]
        assert len(rates) == 2 and set(rates) <= {0.01, 0.1}
        warm = [warm_up(load(s), users.new, start, rates[s], 2, seed=s)[3] for s in range(2)]
        expected = np.mean([logloss(held.label, probability) for probability in warm])
        assert by_key["c", start]["logloss"] == pytest.approx(expected, abs=1e-9)
    assert all(row["users"] == users.new.users and row["rows"] == len(held) for row in rows)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"new_from": 70}, "70 to 200 rows do not give 3 batches of 20"),
        ({"new_from": 12, "new_to": 11, "batch": 3, "active_above": 20}, "do not give"),
        ({"active_above": 1000}, "nobody has more than 1000 training rows"),
        ({"active_above": 20}, "nobody of the held-out users has 80 to 200 rows"),
    ],
)
def test_what_cannot_be_is_refused(log: PreparedLog, options: dict[str, Any], said: str) -> None:
    options = {"active_above": 20, **options}
    with pytest.raises(InputError, match=said):
        cold_start_batches(log, **options)


def test_another_split_is_refused(prepared: PreparedLog, users: ColdStart) -> None:
    with pytest.raises(InputError, match=r"needs the split 'leave-users-out'.*not 'chronological'"):
        cold_start_batches(prepared)
    with pytest.raises(InputError, match="must hold 'generator'"):
        newcomer_table(users, lambda seed: trained(users, seed), 1, starts=("unknown",))
    with pytest.raises(InputError, match="nobody"):
        NewUsers.of(users.new.held_out.take(slice(0, 0)), 12, 30, 3)
