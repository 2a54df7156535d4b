"""Encoding raw rows at prediction time."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pytest

from clickwise.data.encoder import Encoder
from clickwise.data.log import ClickLog
from clickwise.data.prepare import prepare
from clickwise.data.storage import PreparedLog
from clickwise.data.tables import from_frame, read_table
from clickwise.errors import InputError
from clickwise.schema import Field, Schema

SCHEMA = Schema(
    fields=(
        Field("user", owner="user"),
        Field("item", owner="item"),
        Field("tags", owner="item", kind="bag", separator="|", length=2),
        Field("price", kind="number"),
        Field("size", kind="number", transform="quantile", buckets=3),
        Field("items", owner="history", kind="sequence", of="item", vocabulary="item", length=3),
        Field("seen_tags", owner="history", kind="bag", of="tags", vocabulary="tags", length=4),
    ),
    user="user",
    time="time",
    item="item",
    keep=("bid",),
)


def raw(seed: int = 0, rows: int = 300) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "user": rng.integers(0, 15, rows),
            "item": [f"{value:03d}" for value in rng.integers(0, 20, rows)],
            "tags": [("a|b|c", "c", "", "b|d")[value] for value in rng.integers(0, 4, rows)],
            "price": rng.normal(size=rows),
            "size": rng.integers(0, 100, rows),
            "time": np.sort(rng.integers(0, 10_000, rows)),
            "bid": rng.random(rows),
            "label": rng.integers(0, 2, rows),
        }
    )


def prepared(folder: Path, frame: pl.DataFrame | None = None, schema: Schema = SCHEMA) -> PreparedLog:
    return prepare(from_frame(raw() if frame is None else frame, "raw"), schema, "chronological", folder)


def test_the_log_itself_is_encoded_as_it_was_prepared(tmp_path: Path) -> None:
    log = prepared(tmp_path / "log")
    again = log.encoder.encode_table(from_frame(raw(), "raw"))
    for part in (log.train, log.valid, log.test):
        for name in ("ids", "numbers", "label", "user", "time", "earlier"):
            np.testing.assert_array_equal(getattr(again, name)[part.row], getattr(part, name))
        np.testing.assert_array_equal(again.extras["bid"][part.row], part.extras["bid"])
    assert again.row.tolist() == list(range(300))
    assert again.users.equals(log.train.users)


def test_rows_after_the_log_take_their_history_from_the_tail(tmp_path: Path) -> None:
    log = prepared(tmp_path / "log")
    frame = raw()
    later = pl.DataFrame(
        {"user": [3, 3], "item": ["004"] * 2, "tags": [None, "zz"], "price": [None, 0.0], "size": [5, None]}
    )
    later = later.with_columns(time=pl.Series([10_001, 500]))
    encoded = log.encoder.encode_table(from_frame(later, "later"), require_label=False)
    assert not encoded.labelled
    assert encoded.label.tolist() == [0, 0]
    assert dict(encoded.extras) == {}
    clicked = frame.filter((pl.col("user") == 3) & (pl.col("label") == 1))
    values = log.encoder.vocabularies["item"].values.to_list()
    first = log.schema.offsets["item"] + 2
    expected = [first + values.index(item) for item in clicked["item"].tail(3)]
    assert encoded.ids[0, log.schema.slots("items")].tolist() == expected
    tail = clicked.tail(4).filter(pl.col("time") < 500)  # the longest history holds four values
    assert np.count_nonzero(encoded.ids[1, log.schema.slots("items")]) == min(3, len(tail))
    tags = log.schema.offsets["tags"]
    assert encoded.ids[0, log.schema.slots("tags")].tolist() == [tags + 1, 0]
    assert encoded.ids[1, log.schema.slots("tags")].tolist() == [tags, 0]
    assert encoded.numbers[0].tolist() == [0.0, 1.0]
    assert encoded.ids[1, log.schema.slots("size")].tolist() == [log.schema.offsets["size"] + 1]


def test_own_clicks_of_a_labelled_table_extend_the_tail_once(tmp_path: Path) -> None:
    frame = raw()
    log = prepared(tmp_path / "log", frame[:200])
    whole = log.encoder.encode_table(from_frame(frame, "all"))
    later = log.encoder.encode_table(from_frame(frame[200:], "later"))
    slots = [slice(*log.schema.slots(name).indices(log.schema.width)[:2]) for name in ("items", "seen_tags")]
    for columns in slots:
        np.testing.assert_array_equal(later.ids[:, columns], whole.ids[200:, columns])


def test_unseen_users_and_values_are_ordinary(tmp_path: Path) -> None:
    log = prepared(tmp_path / "log")
    frame = raw(1, rows=20).with_columns(user=pl.lit("somebody new"), item=pl.lit("999"))
    encoded = log.encoder.encode_table(from_frame(frame, "new"))
    assert (encoded.ids[:, 0] == log.schema.offsets["user"]).all()
    assert (encoded.ids[:, 1] == log.schema.offsets["item"]).all()
    assert encoded.user.tolist() == [0] * 20
    assert encoded.ids.max() < log.schema.size


def test_rows_without_user_are_served_as_those_of_unknown_ones(tmp_path: Path) -> None:
    log = prepared(tmp_path / "log")
    rows = raw(1, rows=20).with_columns(user=pl.lit(3), label=pl.lit(1), time=pl.arange(20_000, 20_020))
    missing = rows.with_columns(user=pl.when(pl.col("time") % 2 == 0).then(None).otherwise("user"))
    stranger = rows.with_columns(user=pl.when(pl.col("time") % 2 == 0).then(-pl.col("time")).otherwise("user"))
    found, expected = (
        log.encoder.encode_table(from_frame(frame, "later"), require_label=False) for frame in (missing, stranger)
    )
    for name in ("ids", "numbers", "user", "earlier"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert found.users is not None and found.users[:3].to_list() == [None, 3, None]
    with pytest.raises(InputError, match="user column 'user', data row 1: the user is missing"):
        log.encoder.encode_table(from_frame(missing, "later"))


@pytest.mark.parametrize("events", ["clicks", "all"])
def test_an_empty_label_is_none(tmp_path: Path, events: Literal["clicks", "all"]) -> None:
    fields = tuple(replace(f, events=events) if f.owner == "history" else f for f in SCHEMA.fields)
    log = prepared(tmp_path / "log", schema=replace(SCHEMA, fields=fields))

    def encoded(frame: pl.DataFrame) -> ClickLog:
        return log.encoder.encode_table(from_frame(frame, "later"), require_label=False)

    later = raw(1, rows=60).with_columns(pl.col("time") + 20_000)
    empty = encoded(later.with_columns(label=pl.lit(None, dtype=pl.Int64)))
    np.testing.assert_array_equal(empty.ids, encoded(later.drop("label")).ids)
    assert not empty.label.any()
    half = encoded(later.with_columns(label=pl.when(pl.col("time").rank("ordinal") <= 30).then("label")))
    assert half.label.tolist() == [*later["label"][:30], *[0] * 30]
    first = encoded(later[:30])
    np.testing.assert_array_equal(half.ids[:30], first.ids)
    last_of_user_3 = np.flatnonzero(half.user == half.user[later["user"].to_list().index(3)])[-1]
    as_next = pl.concat([later[:30], later[int(last_of_user_3)].with_columns(label=pl.lit(0, pl.Int64))])
    np.testing.assert_array_equal(half.ids[last_of_user_3], encoded(as_next).ids[-1])  # it saw labelled rows alone


def test_text_values_stay_text_in_later_files(tmp_path: Path) -> None:
    csv = tmp_path / "log.csv"
    raw().with_columns(item=pl.concat_str(pl.lit("x"), "item").replace("x007", "007")).write_csv(csv)
    log = prepare(read_table(csv), SCHEMA, "chronological", tmp_path / "log")
    later = tmp_path / "later.csv"
    raw(rows=3).with_columns(item=pl.lit("007")).write_csv(later)
    encoded = log.encoder.encode_table(later)
    place = log.encoder.vocabularies["item"].values.to_list().index("007")
    assert (encoded.ids[:, 1] == log.schema.offsets["item"] + 2 + place).all()


def test_the_encoder_stands_alone_on_disk(tmp_path: Path) -> None:
    log = prepared(tmp_path / "log")
    log.schema.save(tmp_path / "schema.json")
    log.encoder.save(tmp_path / "encoder")
    schema = Schema.load(tmp_path / "schema.json")
    loaded = Encoder.load(tmp_path / "encoder", schema)
    source = from_frame(raw(2, rows=50), "raw")
    np.testing.assert_array_equal(loaded.encode_table(source).ids, log.encoder.encode_table(source).ids)
    np.testing.assert_array_equal(loaded.encode_table(source).numbers, log.encoder.encode_table(source).numbers)
    other = schema.fitted({**schema.vocabularies, "item": 3})
    with pytest.raises(InputError, match="belongs to another schema"):
        Encoder.load(tmp_path / "encoder", other)
    (tmp_path / "encoder" / "numbers.json").write_text("{")
    with pytest.raises(InputError, match="the encoder is damaged"):
        Encoder.load(tmp_path / "encoder", schema)
    (tmp_path / "encoder" / "vocabulary item.parquet").unlink()
    with pytest.raises(InputError, match=r"vocabulary item\.parquet: cannot read"):
        Encoder.load(tmp_path / "encoder", schema)


def test_rows_without_time_come_after_the_log(tmp_path: Path) -> None:
    fields = (Field("item"), Field("items", owner="history", kind="sequence", of="item", vocabulary="item", length=3))
    schema = Schema(fields, user="user")
    log = prepared(tmp_path / "log", schema=schema)
    one = raw(rows=1)
    encoded = log.encoder.encode_table(from_frame(one, "one"))
    clicks = raw().filter((pl.col("user") == one["user"][0]) & (pl.col("label") == 1))
    assert encoded.time.tolist() == [300]
    assert np.count_nonzero(encoded.ids[0, 1:]) == min(3, len(clicks))


def test_missing_columns_at_prediction_time(tmp_path: Path) -> None:
    log = prepared(tmp_path / "log")
    with pytest.raises(InputError, match="no column 'label', which the schema names as its label"):
        log.encoder.encode_table(from_frame(raw().drop("label"), "later"))
    with pytest.raises(InputError, match="no column 'price'"):
        log.encoder.encode_table(from_frame(raw().drop("price"), "later"), require_label=False)
