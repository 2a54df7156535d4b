"""Generalised cold start: who is warm, which rows train, and that nothing tells the label of a last session."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from clickwise.data.cold_start import SUBSETS, GeneralisedColdStart, generalised_cold_start
from clickwise.data.cold_start_sessions import own_sessions
from clickwise.data.log import ClickLog
from clickwise.data.prepare import prepare
from clickwise.data.storage import PreparedLog
from clickwise.data.tables import from_frame
from clickwise.errors import InputError
from clickwise.schema import Field, Schema

LENGTH, USERS, ITEMS, ROWS = 4, 60, 30, 2400
FIELDS = (
    Field("user", "user"),
    Field("session_items", "history", "sequence", "item", LENGTH, of="item", events="all"),
    Field("session_labels", "history", "sequence", length=LENGTH, of="label", events="all"),
    Field("item", "item"),
)
SCHEMA = Schema(FIELDS, user="user", time="time", item="item")


@cache
def frame() -> pl.DataFrame:
    """Users and items of very different counts, in no order of time, with ties."""
    rng = np.random.default_rng(0)
    user = rng.choice(USERS, ROWS, p=np.arange(1, USERS + 1) / np.arange(1, USERS + 1).sum())
    item = rng.choice(ITEMS, ROWS, p=np.arange(1, ITEMS + 1) / np.arange(1, ITEMS + 1).sum())
    time, label = rng.integers(0, 3 * ROWS, ROWS), rng.integers(0, 2, ROWS)
    return pl.DataFrame({"user": user, "item": item, "time": time, "label": label})


def prepared(folder: Path, schema: Schema = SCHEMA, table: pl.DataFrame | None = None) -> PreparedLog:
    rows = frame() if table is None else table
    return prepare(from_frame(rows, "clicks"), schema, "chronological-per-user", folder / "log", 0)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> PreparedLog:
    return prepared(tmp_path_factory.mktemp("cold"))


def whole(log: PreparedLog, **options: Any) -> GeneralisedColdStart:
    return generalised_cold_start(log, **{"published_size": False, **options})


def all_rows(found: GeneralisedColdStart, subset: str) -> list[ClickLog]:
    parts = found.subsets[subset]
    return [parts.train, *parts.fine_tuning, parts.test]


def test_users_and_items_are_divided_by_count(log: PreparedLog) -> None:
    found, table = whole(log), frame()
    of_user = table.group_by("user").len()
    kept = of_user.filter(pl.col("len") >= 20)
    assert found.few_users == len(of_user) - len(kept)
    assert found.few_rows == of_user["len"].sum() - kept["len"].sum()
    assert (found.warm_users, found.cold_users) == (round(0.8 * len(kept)), len(kept) - round(0.8 * len(kept)))
    counts = dict(kept.iter_rows())
    rows = {name: np.concatenate([part.row for part in all_rows(found, name)]) for name in SUBSETS}
    users = {name: set(table["user"].gather(each).to_list()) for name, each in rows.items()}
    assert min(counts[user] for user in users["WC"]) >= max(counts[user] for user in users["CW"])
    inside = table.filter(pl.col("user").is_in(kept["user"].implode()))
    of_item = dict(inside.group_by("item").len().iter_rows())
    assert all(of_item[item] <= found.item_threshold for item in table["item"].gather(rows["WC"]))
    assert all(of_item[item] > found.item_threshold for item in table["item"].gather(rows["CW"]))
    assert abs(found.warm_items - found.cold_items) <= 2


@pytest.mark.parametrize("subset", SUBSETS)
def test_last_rows_are_fine_tuned_on_or_judged_and_the_others_train(log: PreparedLog, subset: str) -> None:
    found = whole(log)
    train, *others = all_rows(found, subset)
    rows = np.concatenate([part.row for part in (train, *others)])
    assert len(np.unique(rows)) == len(rows)
    last = np.concatenate([part.user for part in others])
    assert len(np.unique(last)) == len(last) and set(last) == set(train.user)
    for part in others:
        for user, time in zip(part.user, part.time, strict=True):
            assert time >= train.time[train.user == user].max()
    sizes = [len(part) for part in others]
    assert max(sizes) - min(sizes) <= 1
    assert sorted(found.subsets[subset].valid.row) == sorted(np.concatenate([part.row for part in others[:-1]]))
    np.testing.assert_array_equal(train.counts, np.bincount(train.ids.ravel(), minlength=log.schema.size))


@pytest.mark.parametrize("sessions", ["subset", "all"])
def test_the_label_of_a_last_row_stands_in_no_other_rows_features(tmp_path: Path, sessions: str) -> None:
    """Turning all labels of test rows around changes not one feature of any training row."""
    first = prepared(tmp_path / "first")
    test = np.concatenate([whole(first, sessions=sessions).subsets[name].test.row for name in SUBSETS])
    turned = (
        frame()
        .with_row_index()
        .with_columns(label=pl.when(pl.col("index").is_in(test)).then(1 - pl.col("label")).otherwise(pl.col("label")))
    )
    second = prepared(tmp_path / "second", table=turned.drop("index"))
    for name in SUBSETS:
        before, after = (whole(log, sessions=sessions).subsets[name] for log in (first, second))
        for one, other in zip(
            (before.train, *before.fine_tuning), (after.train, *after.fine_tuning), strict=True
        ):  # of WC the sessions in CW belong to other users
            np.testing.assert_array_equal(one.ids, other.ids)
            np.testing.assert_array_equal(one.label, other.label)
        np.testing.assert_array_equal(before.test.label, 1 - after.test.label)


def test_windows_hold_the_users_strictly_earlier_rows_of_the_subset(log: PreparedLog) -> None:
    parts = all_rows(whole(log), "WC")
    table = frame()
    rows = np.concatenate([part.row for part in parts])
    subset = table.with_row_index().filter(pl.col("index").is_in(rows))
    item, label = log.schema.offsets["item"] + 2, log.schema.offsets["session_labels"] + 2
    of_id = {int(part.ids[at, log.schema.slots("item").start]): table["item"][int(part.row[at])]
             for part in parts for at in range(len(part))}  # fmt: skip
    assert all(code >= item for code in of_id)
    for at in range(0, len(parts[0]), 7):
        train = parts[0]
        own = subset.filter((pl.col("user") == table["user"][int(train.row[at])]) & (pl.col("time") < train.time[at]))
        own = own.sort("time", "index", maintain_order=True).tail(LENGTH)
        told = [of_id[int(code)] for code in train.ids[at, log.schema.slots("session_items")] if code]
        assert told == own["item"].to_list()
        labels = [int(code) - label for code in train.ids[at, log.schema.slots("session_labels")] if code]
        assert labels == own["label"].to_list()


def test_windows_over_all_rows_are_those_of_the_prepared_log(log: PreparedLog) -> None:
    for part in (log.train,):  # histories of training rows hold training rows
        np.testing.assert_array_equal(own_sessions(part).ids, part.ids)


def test_stride_keeps_windows_counted_from_the_last(log: PreparedLog) -> None:
    one, three = whole(log).subsets["WC"], whole(log, stride=3).subsets["WC"]
    assert set(three.train.row) < set(one.train.row)
    np.testing.assert_array_equal(one.test.row, three.test.row)
    for user in np.unique(three.train.user):
        rows = one.train.row[one.train.user == user][::-1]  # in order of time
        assert list(three.train.row[three.train.user == user][::-1]) == list(rows[2::3])


def test_the_published_size_is_cut_to_full_batches(log: PreparedLog) -> None:
    found, every = whole(log, published_size=True, batch=2), whole(log)
    for name, parts in found.subsets.items():
        assert [len(part) for part in parts.fine_tuning] == [2, 2, 2]
        assert len(parts.test) == len(every.subsets[name].test) // 2 * 2
        assert len(parts.valid) == len(every.subsets[name].valid)
    seeds = [whole(log, seed=seed).subsets["WC"].test.row for seed in (0, 0, 1)]
    np.testing.assert_array_equal(seeds[0], seeds[1])
    assert not np.array_equal(seeds[0], seeds[2])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"least": 10_000}, "no user has 10000 rows"),
        ({"warm_users": 0.001}, "WC: no row is of warm users and cold items"),
        ({"warm_users": 0.999}, "CW: no row is of cold users and warm items"),
        ({"published_size": True}, "fewer than a batch of 128: give published_size=false"),
        ({"stride": 0}, "stride and batch must be at least 1"),
        ({"warm_users": 1.0}, "warm_users must lie between 0 and 1"),
        ({"sessions": "subsets"}, "did you mean 'subset'"),
    ],
)
def test_bad_options(log: PreparedLog, options: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        whole(log, **options)


def schema_with(session: int = LENGTH, vocabulary: str = "item", **changed: str) -> Schema:
    fields = [f for f in FIELDS if f.owner != "history"]
    if session:
        fields.append(Field("session_items", "history", "sequence", vocabulary, session, of="item", events="all"))
    return Schema(tuple(fields), **{"user": "user", "time": "time", "item": "item", **changed})


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        (schema_with(session=0), "give the source a session_length"),
        (schema_with(session=500), "longer than every user's history"),
        (schema_with(time=""), "the log has no times.*time=file_order"),
        (schema_with(item=""), "name its 'user' and its 'item'"),
        (schema_with(vocabulary="own"), "shared_vocabulary=true, or sessions=all"),
    ],
)
def test_logs_that_cannot_be_used(tmp_path: Path, schema: Schema, named: str) -> None:
    with pytest.raises(InputError, match=named):
        whole(prepared(tmp_path, schema))


def test_an_empty_fine_tuning_set_is_an_error(tmp_path: Path) -> None:
    table = frame().filter(pl.col("user") >= USERS - 6)
    with pytest.raises(InputError, match=r"CW: FT-. has 0 rows, none"):
        whole(prepared(tmp_path, table=table), least=2, warm_users=0.7)


def test_sessions_of_all_rows_need_no_shared_ids(tmp_path: Path) -> None:
    log = prepared(tmp_path, schema_with(vocabulary="own"))
    parts = whole(log, sessions="all").subsets["WC"]
    assert parts.train.schema is log.schema and len(parts.test)
