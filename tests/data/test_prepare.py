"""Preparing against a slow reference that goes row by row, and that nothing of test rows leaks into training."""

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clickwise.data import parts
from clickwise.data.prepare import prepare
from clickwise.data.splits import SPLITS
from clickwise.data.storage import PreparedLog
from clickwise.data.tables import from_frame, read_table
from clickwise.schema import Field, Schema

PARTS = ("train", "valid", "test")
SCHEMA = Schema(
    fields=(
        Field("user", owner="user"),
        Field("movie", owner="item", min_count=2),
        Field("genres", owner="item", kind="bag", separator="|", length=2),
        Field("price", kind="number"),
        Field("hour", transform="hour"),
        Field("last_movies", owner="history", kind="sequence", of="movie", vocabulary="movie", length=3),
        Field("own_movies", owner="history", kind="sequence", of="movie", length=2),
        Field("last_genres", owner="history", kind="bag", of="genres", vocabulary="genres", length=4),
    ),
    label="click",
    user="user",
    time="time",
    item="movie",
    keep=("price",),
)


def random_frame(seed: int, rows: int = 240) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    genres = ["", "a", "b|a", "c|b|a", "d"]
    movie = [None if rng.random() < 0.05 else int(value) for value in rng.integers(0, 25, rows)]
    return pl.DataFrame(
        {
            "user": [f"u{value}" for value in rng.integers(0, 12, rows)],
            "movie": pl.Series(movie, dtype=pl.Int64),
            "genres": [genres[value] for value in rng.integers(0, 5, rows)],
            "price": pl.Series([None if rng.random() < 0.1 else float(value) for value in rng.normal(5, 2, rows)]),
            "time": rng.integers(0, 40, rows) * 3600,
            "click": rng.integers(0, 2, rows),
        }
    )


def part_of_rows(log: PreparedLog) -> np.ndarray:
    rows = [getattr(log, name).row for name in PARTS]
    part = np.empty(sum(map(len, rows)), dtype=int)
    for code, of_part in enumerate(rows):
        part[of_part] = code
    return part


def value_lists(frame: pl.DataFrame) -> dict[str, list[list[object]]]:
    """Raw values of each field in each row, None where missing, as the rules for bags and categories say."""
    return {
        "user": [[value] for value in frame["user"]],
        "movie": [[value] for value in frame["movie"]],
        "genres": [([g for g in text.split("|") if g] or [None])[:2] for text in frame["genres"]],
        "hour": [[time // 3600 % 24] for time in frame["time"]],
    }


def earlier_rows(frame: pl.DataFrame, part: np.ndarray, row: int) -> list[int]:
    user, time = frame["user"].to_list(), frame["time"].to_list()
    known = [
        other
        for other in range(len(user))
        if user[other] == user[row] and time[other] < time[row] and part[other] <= part[row]
    ]
    return sorted(known, key=lambda other: (time[other], other))


def slow_encoding(frame: pl.DataFrame, part: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Ids, number of earlier rows, and sizes of the vocabularies, with plain Python."""
    values = value_lists(frame)
    clicks = frame["click"].to_list()
    histories: dict[str, list[list[object]]] = {}
    for name, of, length in (("last_movies", "movie", 3), ("own_movies", "movie", 2), ("last_genres", "genres", 4)):
        histories[name] = []
        for row in range(len(part)):
            known = [other for other in earlier_rows(frame, part, row) if clicks[other]]
            flat = [value for other in known for value in values[of][other]]
            histories[name].append(flat[-length:])
    sources = {"user": values, "movie": values, "genres": values, "hour": values, "own_movies": histories}
    ids_of: dict[str, dict[object, int]] = {}
    offset, sizes = 1, []
    for name, source in sources.items():
        counts = Counter(v for row in np.flatnonzero(part == 0) for v in source[name][row] if v is not None)
        kept = [value for value in counts if counts[value] >= (2 if name == "movie" else 1)]
        kept.sort(key=lambda value: (-counts[value], value))
        ids_of[name] = {None: offset + 1, **{value: offset + 2 + place for place, value in enumerate(kept)}}
        ids_of[name]["unknown"] = offset
        sizes.append(2 + len(kept))
        offset += sizes[-1]
    layout = [
        ("user", "user", values, 1),
        ("movie", "movie", values, 1),
        ("genres", "genres", values, 2),
        ("hour", "hour", values, 1),
        ("last_movies", "movie", histories, 3),
        ("own_movies", "own_movies", histories, 2),
        ("last_genres", "genres", histories, 4),
    ]
    matrix = []
    for row in range(len(part)):
        line: list[int] = []
        for name, vocabulary, source, length in layout:
            ids = [ids_of[vocabulary].get(value, ids_of[vocabulary]["unknown"]) for value in source[name][row]]
            line += ids + [0] * (length - len(ids))
        matrix.append(line)
    earlier = [len(earlier_rows(frame, part, row)) for row in range(len(part))]
    return np.array(matrix), np.array(earlier), sizes


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("seed", [0, 1])
def test_prepared_log_equals_the_slow_reference(tmp_path: Path, split: str, seed: int) -> None:
    frame = random_frame(seed)
    log = prepare(from_frame(frame, "random"), SCHEMA, split, tmp_path / "log", seed, fractions=(0.6, 0.2, 0.2))
    part = part_of_rows(log)
    ids, earlier, sizes = slow_encoding(frame, part)
    assert list(log.schema.vocabularies.values()) == sizes
    prices = frame["price"].to_numpy()
    known = prices[(part == 0) & ~np.isnan(prices)]
    for name in PARTS:
        rows = getattr(log, name)
        np.testing.assert_array_equal(rows.ids, ids[rows.row])
        np.testing.assert_array_equal(rows.earlier, earlier[rows.row])
        np.testing.assert_array_equal(rows.label, frame["click"].to_numpy()[rows.row])
        np.testing.assert_array_equal(rows.time, frame["time"].to_numpy()[rows.row])
        assert rows.users.gather(rows.user).to_list() == frame["user"].gather(rows.row).to_list()
        price = prices[rows.row]
        scaled = np.where(np.isnan(price), 0, (price - known.mean()) / known.std())
        np.testing.assert_allclose(rows.numbers, np.stack([scaled, np.isnan(price)], axis=1), atol=1e-6)
        np.testing.assert_array_equal(rows.extras["price"], price.astype(np.float32))
    np.testing.assert_array_equal(log.train.counts, np.bincount(ids[part == 0].ravel(), minlength=log.schema.size))


@pytest.mark.parametrize("split", SPLITS)
def test_test_rows_never_reach_training_inputs_or_vocabularies(tmp_path: Path, split: str) -> None:
    frame = random_frame(3)
    before = prepare(from_frame(frame, "before"), SCHEMA, split, tmp_path / "before", fractions=(0.6, 0.2, 0.2))
    test = pl.Series(part_of_rows(before) == 2)
    changed = frame.with_columns(
        click=pl.when(test).then(1 - pl.col("click")).otherwise("click"),
        movie=pl.when(test).then(pl.col("movie") + 100).otherwise("movie"),
        genres=pl.when(test).then(pl.lit("new|words")).otherwise("genres"),
        price=pl.when(test).then(1e6).otherwise("price"),
    )
    after = prepare(from_frame(changed, "after"), SCHEMA, split, tmp_path / "after", fractions=(0.6, 0.2, 0.2))
    assert after.schema == before.schema
    for name in ("ids", "numbers", "label", "user", "time", "row", "earlier", "counts"):
        np.testing.assert_array_equal(getattr(after.train, name), getattr(before.train, name))
        if name != "counts":
            np.testing.assert_array_equal(getattr(after.valid, name), getattr(before.valid, name))
    for name, vocabulary in before.encoder.vocabularies.items():
        assert vocabulary.values.equals(after.encoder.vocabularies[name].values)


def test_the_same_rows_give_the_same_log_from_every_kind_of_file(tmp_path: Path) -> None:
    frame = random_frame(4)
    frame.write_csv(tmp_path / "log.csv")
    frame.write_csv(tmp_path / "log.tsv", separator="\t")
    frame.write_parquet(tmp_path / "log.parquet")
    frame.write_ndjson(tmp_path / "log.jsonl")
    folder = tmp_path / "folder"
    folder.mkdir()
    frame[:100].write_parquet(folder / "a.parquet")
    frame[100:].write_parquet(folder / "b.parquet")
    first = prepare(from_frame(frame, "frame"), SCHEMA, "random-per-user", tmp_path / "out" / "frame")
    for name in ("log.csv", "log.tsv", "log.parquet", "log.jsonl", "folder"):
        other = prepare(read_table(tmp_path / name), SCHEMA, "random-per-user", tmp_path / "out" / name)
        np.testing.assert_array_equal(other.train.ids, first.train.ids)
        np.testing.assert_array_equal(other.test.ids, first.test.ids)
        assert other.train.users.equals(first.train.users)


def test_long_logs_are_written_in_several_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = from_frame(random_frame(5), "random")
    whole = prepare(source, SCHEMA, "chronological", tmp_path / "whole")
    monkeypatch.setattr(parts, "CHUNK", 7)
    pieces = prepare(source, SCHEMA, "chronological", tmp_path / "pieces")
    for name in PARTS:
        np.testing.assert_array_equal(getattr(whole, name).ids, getattr(pieces, name).ids)
        np.testing.assert_array_equal(getattr(whole, name).numbers, getattr(pieces, name).numbers)


def test_a_log_without_user_and_time_is_ordered_by_its_rows(tmp_path: Path) -> None:
    frame = pl.DataFrame({"label": [0, 1] * 50, "colour": ["red", "blue", "red", "green"] * 25})
    log = prepare(from_frame(frame, "plain"), Schema((Field("colour"),)), "chronological", tmp_path / "log")
    assert [len(getattr(log, name)) for name in PARTS] == [80, 10, 10]
    np.testing.assert_array_equal(log.test.time, np.arange(90, 100))
    assert log.train.users is None
    assert not (tmp_path / "log" / "users.parquet").exists()
    assert log.encoder.vocabularies["colour"].values.to_list() == ["red", "blue", "green"]
    assert log.train.ids[:4, 0].tolist() == [3, 4, 3, 5]


def test_classes_beyond_two(tmp_path: Path) -> None:
    frame = random_frame(1).with_columns(stars=pl.int_range(pl.len()) % 5)
    schema = Schema((Field("movie"), *_history()), label="stars", classes=5, click_from=3, user="user", time="time")
    log = prepare(from_frame(frame, "stars"), schema, "random-per-user", tmp_path / "log")
    assert set(log.train.label.tolist()) == {0, 1, 2, 3, 4}
    part, row = part_of_rows(log), int(log.test.row[-1])
    liked = [other for other in earlier_rows(frame, part, row) if frame["stars"][other] >= 3]
    assert np.count_nonzero(log.test.ids[-1, 1:]) == min(3, len(liked))


def _history() -> tuple[Field, ...]:
    return (Field("last", owner="history", kind="sequence", of="movie", vocabulary="movie", length=3),)
