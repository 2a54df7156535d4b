"""Histories of all earlier rows and of their labels, against loops over rows; and that no label is known too early."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clickwise.data import parts
from clickwise.data.encoder import Encoder
from clickwise.data.prepare import prepare
from clickwise.data.splits import SPLITS
from clickwise.data.storage import PreparedLog, open_prepared
from clickwise.data.tables import from_frame
from clickwise.model_folder import load_model, save_model
from clickwise.models import LR
from clickwise.schema import Field, Schema

PARTS = ("train", "valid", "test")
SCHEMA = Schema(
    fields=(
        Field("user", owner="user"),
        Field("movie", owner="item", min_count=2),
        Field("genres", owner="item", kind="bag", separator="|", length=2),
        Field("clicked", owner="history", kind="sequence", of="movie", vocabulary="movie", length=3),
        Field("session", owner="history", kind="sequence", of="movie", vocabulary="movie", length=4, events="all"),
        Field("own", owner="history", kind="sequence", of="movie", length=5, events="all", min_count=2),
        Field("labels", owner="history", kind="sequence", of="stars", length=4, events="all"),
        Field("more_labels", owner="history", kind="sequence", of="stars", vocabulary="labels", length=6, events="all"),
        Field("seen_genres", owner="history", kind="bag", of="genres", vocabulary="genres", length=3, events="all"),
    ),
    label="stars",
    user="user",
    time="time",
    item="movie",
    classes=5,
    click_from=3,
)
SESSIONS = ("session", "own", "labels", "more_labels", "seen_genres")
FRACTIONS = (0.6, 0.2, 0.2)


def raw(seed: int = 0, rows: int = 240) -> pl.DataFrame:
    """Users come back often, several times in one moment; some movies are missing; no row has class 2."""
    rng = np.random.default_rng(seed)
    movie = [None if rng.random() < 0.05 else int(value) for value in rng.integers(0, 15, rows)]
    return pl.DataFrame(
        {
            "user": [f"u{value}" for value in rng.integers(0, 12, rows)],
            "movie": pl.Series(movie, dtype=pl.Int64),
            "genres": [("", "a", "b|a", "c|b|a", "d")[value] for value in rng.integers(0, 5, rows)],
            "time": rng.integers(0, 60, rows) * 3600,
            "stars": rng.choice([0, 1, 3, 4], rows),
        }
    )


def prepared(folder: Path, frame: pl.DataFrame, split: str = "chronological") -> PreparedLog:
    return prepare(from_frame(frame, "raw"), SCHEMA, split, folder, 1, fractions=FRACTIONS)


def part_of_rows(log: PreparedLog) -> np.ndarray:
    part = np.empty(sum(len(of_part) for of_part in log), dtype=int)
    for code, of_part in enumerate(log):
        part[of_part.row] = code
    return part


def earlier_rows(frame: pl.DataFrame, part: np.ndarray, row: int) -> list[int]:
    user, time = frame["user"].to_list(), frame["time"].to_list()
    known = []
    for other in range(len(user)):
        if user[other] == user[row] and time[other] < time[row] and part[other] <= part[row]:
            known.append(other)
    return sorted(known, key=lambda other: (time[other], other))


def expected_ids(log: PreparedLog, frame: pl.DataFrame, part: np.ndarray, row: int, name: str) -> list[int]:
    """The slots of one history of one row, by the definition."""
    spec = log.schema[name]
    events = earlier_rows(frame, part, row)
    if spec.events == "clicks":
        events = [other for other in events if frame["stars"][other] >= 3]
    if spec.of == "genres":
        lists = [([g for g in frame["genres"][other].split("|") if g] or [None])[:2] for other in events]
        values: list[object] = [value for found in lists for value in found]
    else:
        values = [frame[spec.of][other] for other in events]
    offset = log.schema.offsets[spec.vocabulary]
    known = log.encoder.vocabularies[spec.vocabulary].values.to_list()
    ids = []
    for value in values[-spec.length :]:
        ids.append(offset + 1 if value is None else offset + 2 + known.index(value) if value in known else offset)
    return ids + [0] * (spec.length - len(ids))


@pytest.mark.parametrize("split", SPLITS)
def test_every_history_equals_loops_over_rows(split: str, tmp_path: Path) -> None:
    frame = raw()
    log = prepared(tmp_path / "log", frame, split)
    part = part_of_rows(log)
    for of_part in log:
        for name in ("clicked", *SESSIONS):
            expected = [expected_ids(log, frame, part, int(row), name) for row in of_part.row]
            np.testing.assert_array_equal(of_part.ids[:, log.schema.slots(name)], expected)
    np.testing.assert_array_equal(log.train.counts, np.bincount(log.train.ids.ravel(), minlength=log.schema.size))


def test_labels_stand_in_order_of_class_beside_what_they_are_of(tmp_path: Path) -> None:
    frame = raw(1)
    log = prepared(tmp_path / "log", frame)
    vocabulary = log.encoder.vocabularies["labels"]
    assert vocabulary.values.to_list() == [0, 1, 2, 3, 4]
    assert log.schema.vocabularies["labels"] == 7
    assert vocabulary.counts[2] == 0 and vocabulary.counts[0] > 0  # the class that no row has keeps its id
    first = log.schema.offsets["labels"] + 2
    np.testing.assert_array_equal(log.encoder.counts()[first : first + 5], log.train.counts[first : first + 5])
    for of_part in log:
        labels, movies = (of_part.ids[:, log.schema.slots(name)] for name in ("labels", "session"))
        np.testing.assert_array_equal(labels > 0, movies > 0)
        assert set(np.unique(labels)) <= {0, *range(first, first + 5)}


def test_values_of_a_session_count_as_training_sessions_hold_them(tmp_path: Path) -> None:
    log = prepared(tmp_path / "log", raw(2))
    vocabulary, offset = log.encoder.vocabularies["own"], log.schema.offsets["own"]
    held = log.train.ids[:, log.schema.slots("own")]
    counts = [int((held == offset + 2 + place).sum()) for place in range(len(vocabulary.values))]
    assert vocabulary.counts.tolist() == counts
    assert min(counts) >= 2 and counts == sorted(counts, reverse=True)


@pytest.mark.parametrize("split", SPLITS)
def test_a_label_is_known_to_strictly_later_rows_of_its_user_alone(split: str, tmp_path: Path) -> None:
    frame = raw()
    before = prepared(tmp_path / "before", frame, split)
    part, width = part_of_rows(before), np.arange(before.schema.width)
    beside = np.delete(width, np.r_[*(width[before.schema.slots(name)] for name in ("labels", "more_labels"))])
    swapped = {0: 1, 1: 0, 3: 4, 4: 3}  # what was a click stays one, so that only histories of labels can tell
    reached = 0
    for row in np.random.default_rng(0).choice(len(frame), 6, replace=False).tolist():
        stars = pl.when(pl.int_range(pl.len()) == row).then(swapped[frame["stars"][row]]).otherwise("stars")
        after = prepared(tmp_path / f"after {row}", frame.with_columns(stars=stars.cast(pl.Int64)), split)
        for one, two in zip(before, after, strict=True):
            np.testing.assert_array_equal(one.ids[:, beside], two.ids[:, beside])
            changed = one.row[(one.ids != two.ids).any(1)].tolist()
            assert all(frame["user"][late] == frame["user"][row] for late in changed)
            assert all(frame["time"][late] > frame["time"][row] for late in changed)
            assert all(part[late] >= part[row] for late in changed)
            reached += len(changed)
    assert reached > 5


def test_long_logs_are_written_in_several_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = prepared(tmp_path / "whole", raw(3))
    monkeypatch.setattr(parts, "CHUNK", 7)
    pieces = prepared(tmp_path / "pieces", raw(3))
    for one, two in zip(whole, pieces, strict=True):
        np.testing.assert_array_equal(one.ids, two.ids)


def test_the_log_itself_is_encoded_as_it_was_prepared(tmp_path: Path) -> None:
    log = prepared(tmp_path / "log", raw(4))
    again = log.encoder.encode_table(from_frame(raw(4), "raw"))
    for of_part in log:
        np.testing.assert_array_equal(again.ids[of_part.row], of_part.ids)
        np.testing.assert_array_equal(again.earlier[of_part.row], of_part.earlier)


def test_later_rows_go_on_from_the_saved_sessions(tmp_path: Path) -> None:
    frame = raw(5).sort("time", maintain_order=True)
    cut = int((frame["time"] < frame["time"][180]).sum())  # between two moments
    log = prepared(tmp_path / "log", frame[:cut])
    whole = log.encoder.encode_table(from_frame(frame, "all"))
    later = log.encoder.encode_table(from_frame(frame[cut:], "later"))
    np.testing.assert_array_equal(later.ids, whole.ids[cut:])
    everything = np.zeros(len(frame), dtype=int)
    for row in range(cut, len(frame)):
        for name in SESSIONS:
            found = later.ids[row - cut, log.schema.slots(name)].tolist()
            assert found == expected_ids(log, frame, everything, row, name)


def test_rows_without_labels_know_the_saved_sessions_and_not_each_other(tmp_path: Path) -> None:
    frame = raw(6)
    log = prepared(tmp_path / "log", frame)
    times = [10**6, 10**6 + 1, 10**6 + 2]
    later = pl.DataFrame({"user": ["u3"] * 3, "movie": [1, 2, 3], "genres": ["a"] * 3, "time": times})
    encoded = log.encoder.encode_table(from_frame(later, "later"), require_label=False)
    end = frame.with_row_index().filter(pl.col("user") == "u3").sort("time", maintain_order=True)
    for name, column in (("session", "movie"), ("labels", "stars")):
        values, offset = end[column].tail(4).to_list(), log.schema.offsets[log.schema[name].vocabulary]
        known = log.encoder.vocabularies[log.schema[name].vocabulary].values.to_list()
        ids = [offset + 1 if v is None else offset + 2 + known.index(v) if v in known else offset for v in values]
        assert encoded.ids[:, log.schema.slots(name)].tolist() == [ids] * 3
    held = max(SCHEMA[name].length for name in SESSIONS)
    assert encoded.earlier.tolist() == [held, held + 1, held + 2]


def test_sessions_of_users_never_seen_are_empty_until_they_have_rows(tmp_path: Path) -> None:
    log = prepared(tmp_path / "log", raw(7))
    rows = raw(8, 3).with_columns(user=pl.lit("new"), time=pl.Series([1, 2, 2]), stars=pl.Series([2, 4, 0]))
    encoded = log.encoder.encode_table(from_frame(rows, "new"))
    first = log.schema.offsets["labels"] + 2
    labels = encoded.ids[:, log.schema.slots("labels")].tolist()
    assert labels == [[0] * 4, [first + 2, 0, 0, 0], [first + 2, 0, 0, 0]]


def test_sessions_survive_every_folder(tmp_path: Path) -> None:
    frame = raw(9)
    log = prepared(tmp_path / "log", frame)
    source = from_frame(raw(10, 60), "later")
    expected = log.encoder.encode_table(source).ids
    again = open_prepared(tmp_path / "log", verify="full")
    assert again.schema == log.schema
    np.testing.assert_array_equal(again.encoder.encode_table(source).ids, expected)
    save_model(LR(log.schema), tmp_path / "model", log)
    loaded = load_model(tmp_path / "model")
    assert loaded.schema == log.schema
    np.testing.assert_array_equal(loaded.encoder.encode_table(source).ids, expected)
    np.testing.assert_array_equal(loaded.encode(tmp_path / "log").ids, log.test.ids)
    assert Encoder.load(tmp_path / "model" / "encoder", log.schema).tails.keys() == {"clicks", "all"}


def test_a_log_without_sessions_is_written_as_before(tmp_path: Path) -> None:
    fields = tuple(field for field in SCHEMA.fields if field.name not in SESSIONS)
    log = prepare(from_frame(raw(), "raw"), replace(SCHEMA, fields=fields), "chronological", tmp_path / "log")
    assert sorted(path.name for path in (tmp_path / "log" / "encoder").iterdir()) == [
        "history.parquet",
        "numbers.json",
        *(f"vocabulary {name}.parquet" for name in ("genres", "movie", "user")),
    ]
    written = json.loads((tmp_path / "log" / "schema.json").read_text())
    assert written["version"] == 1
    assert not any("events" in field for field in written["fields"])
    assert Schema.from_dict(written) == log.schema
