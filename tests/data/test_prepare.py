"""Preparing against a slow reference that goes row by row, and what it promises about leaks, caches and failures."""

import errno
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clickwise.data import parts
from clickwise.data.prepare import prepare, prepare_cached
from clickwise.data.splits import SPLITS
from clickwise.data.storage import PreparedLog
from clickwise.data.tables import from_frame, read_table
from clickwise.errors import InputError
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
        assert [rows.users[code] for code in rows.user] == frame["user"].gather(rows.row).to_list()
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
        assert other.train.users == first.train.users


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


def test_out_is_reopened_when_identical_and_never_overwritten(tmp_path: Path) -> None:
    source, out = from_frame(random_frame(6), "random"), tmp_path / "log"
    first = prepare(source, SCHEMA, "chronological", out)
    assert prepare(source, SCHEMA, "chronological", out).manifest == first.manifest
    with pytest.raises(InputError, match="holds something else"):
        prepare(source, SCHEMA, "chronological-per-user", out)
    other = tmp_path / "precious"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds something else"):
        prepare(source, SCHEMA, "chronological", other)
    assert (other / "thesis.txt").read_text() == "years of work"


def test_cache_is_keyed_by_what_the_log_comes_from(tmp_path: Path) -> None:
    source = from_frame(random_frame(7), "random")
    first = prepare_cached(source, SCHEMA, "random-per-user", 0, tmp_path)
    stamp = (first.folder / "manifest.json").stat().st_mtime_ns
    again = prepare_cached(source, SCHEMA, "random-per-user", 0, tmp_path)
    assert (again.folder / "manifest.json").stat().st_mtime_ns == stamp
    folders = {
        first.folder,
        prepare_cached(source, SCHEMA, "random-per-user", 1, tmp_path).folder,
        prepare_cached(source, SCHEMA, "chronological", 0, tmp_path).folder,
        prepare_cached(from_frame(random_frame(8), "random"), SCHEMA, "random-per-user", 0, tmp_path).folder,
        prepare_cached(source, SCHEMA, "random-per-user", 0, tmp_path, (0.6, 0.2, 0.2)).folder,
    }
    assert len(folders) == 5
    (first.folder / "train" / "ids.npy").write_bytes(b"damaged")
    assert len(prepare_cached(source, SCHEMA, "random-per-user", 0, tmp_path).train) == len(first.train)


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr("clickwise.data.parts.column_block", fail)
    expected = InputError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected, match="disk is full" if isinstance(failure, OSError) else None):
        prepare(from_frame(random_frame(9), "random"), SCHEMA, "chronological", tmp_path / "log")
    assert list(tmp_path.iterdir()) == []


BAD_COLUMNS = [
    ({"click": [2] * 10}, r"label column 'click', data row 1: 2 is not 0 or 1"),
    ({"click": [0, 1, None] + [1] * 7}, r"label column 'click', data row 3: None is not 0 or 1"),
    ({"click": [0.0, 0.5] + [1.0] * 8}, r"data row 2: 0\.5 is not 0 or 1"),
    ({"click": ["0", "yes"] + ["1"] * 8}, r"data row 2: 'yes' is not 0 or 1"),
    ({"click": [1] * 10}, "every label is 1"),
    ({"time": ["2024-01-01", "tomorrow"] * 5}, r"time column 'time', data row 2: 'tomorrow' is not a time"),
    ({"time": [1, None] * 5}, r"time column 'time', data row 2: None is not a time"),
    ({"user": ["a", None] * 5}, r"user column 'user', data row 2: the user is missing"),
    ({"price": [1.0, float("inf")] * 5}, r"column 'price', data row 2: inf is not a finite number"),
    ({"price": ["1", "cheap"] * 5}, r"column 'price', data row 2: 'cheap' is not a finite number"),
    ({"movie": [[1], [2]] * 5}, r"column 'movie' of category field 'movie' holds List\(Int64\); use a bag"),
]


@pytest.mark.parametrize(("columns", "message"), BAD_COLUMNS)
def test_bad_values_name_column_and_row(tmp_path: Path, columns: dict[str, list[object]], message: str) -> None:
    columns = {"click": [0, 1] * 5} | columns
    frame = random_frame(0, rows=100).with_columns(**{k: pl.Series(v * 10, strict=False) for k, v in columns.items()})
    with pytest.raises(InputError, match=message) as caught:
        prepare(from_frame(frame, "bad table"), SCHEMA, "chronological", tmp_path / "log")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("bad table")
    assert list(tmp_path.iterdir()) == []


def test_missing_columns_suggest_the_nearest(tmp_path: Path) -> None:
    frame = random_frame(0).rename({"movie": "movies"})
    with pytest.raises(InputError, match=r"no column 'movie', which .* field 'movie'; did you mean 'movies'"):
        prepare(from_frame(frame, "renamed"), SCHEMA, "chronological", tmp_path / "log")
    with pytest.raises(InputError, match="split 'chronologic' is unknown; did you mean 'chronological"):
        prepare(from_frame(random_frame(0), "table"), SCHEMA, "chronologic", tmp_path / "log")


def test_a_part_of_a_single_class_is_named(tmp_path: Path) -> None:
    frame = pl.DataFrame({"label": [0, 1] * 45 + [0] * 10, "colour": ["red"] * 100})
    with pytest.raises(InputError, match=r"'chronological' leaves a single class \(0\) in the test part"):
        prepare(from_frame(frame, "plain"), Schema((Field("colour"),)), "chronological", tmp_path / "log")


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
