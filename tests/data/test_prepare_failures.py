"""What preparing promises about folders, caches, bad values and failures half-way."""

import errno
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clickwise.data import prepare as preparing
from clickwise.data.prepare import prepare, prepare_cached
from clickwise.data.storage import PreparedLog
from clickwise.data.tables import from_frame
from clickwise.errors import InputError
from clickwise.schema import Field, Schema

SCHEMA = Schema(
    fields=(
        Field("movie", owner="item"),
        Field("price", kind="number"),
        Field("last", owner="history", kind="sequence", of="movie", vocabulary="movie", length=3),
    ),
    label="click",
    user="user",
    time="time",
)


def clicks(seed: int, rows: int = 240) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "user": rng.integers(0, 12, rows),
            "movie": rng.integers(0, 25, rows),
            "price": rng.normal(size=rows),
            "time": np.arange(rows),
            "click": rng.integers(0, 2, rows),
        }
    )


def test_out_is_reopened_when_identical_and_never_overwritten(tmp_path: Path) -> None:
    source, out = from_frame(clicks(6), "random"), tmp_path / "log"
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
    source = from_frame(clicks(7), "random")
    first = prepare_cached(source, SCHEMA, "random-per-user", 0, tmp_path)
    stamp = (first.folder / "manifest.json").stat().st_mtime_ns
    again = prepare_cached(source, SCHEMA, "random-per-user", 0, tmp_path)
    assert (again.folder / "manifest.json").stat().st_mtime_ns == stamp
    folders = {
        first.folder,
        prepare_cached(source, SCHEMA, "random-per-user", 1, tmp_path).folder,
        prepare_cached(source, SCHEMA, "chronological", 0, tmp_path).folder,
        prepare_cached(from_frame(clicks(8), "random"), SCHEMA, "random-per-user", 0, tmp_path).folder,
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
        prepare(from_frame(clicks(9), "random"), SCHEMA, "chronological", tmp_path / "log")
    assert list(tmp_path.iterdir()) == []


BAD_COLUMNS = [
    ({"click": [2] * 10}, r"label column 'click', data row 1: 2 is not 0 or 1"),
    ({"click": [0, 1, None] + [1] * 7}, r"label column 'click', data row 3: None is not 0 or 1"),
    ({"click": [0.0, 0.5] + [1.0] * 8}, r"data row 2: 0\.5 is not 0 or 1"),
    ({"click": ["0", "yes"] + ["1"] * 8}, r"data row 2: 'yes' is not 0 or 1"),
    ({"click": [1] * 10}, "every label is 1"),
    ({"time": ["2024-01-01", "tomorrow"] * 5}, r"time column 'time', data row 2: 'tomorrow' is not a time"),
    ({"time": [1, None] * 5}, r"time column 'time', data row 2: None is not a time"),
    ({"user": ["a", None] * 5}, r"user column 'user', data row 2: the user is missing; leave such rows out"),
    ({"price": [1.0, float("inf")] * 5}, r"column 'price', data row 2: inf is not a finite number"),
    ({"price": ["1", "cheap"] * 5}, r"column 'price', data row 2: 'cheap' is not a finite number"),
    ({"movie": [[1], [2]] * 5}, r"column 'movie' of category field 'movie' holds List\(Int64\); use a bag"),
]


@pytest.mark.parametrize(("columns", "message"), BAD_COLUMNS)
def test_bad_values_name_column_and_row(tmp_path: Path, columns: dict[str, list[object]], message: str) -> None:
    columns = {"click": [0, 1] * 5} | columns
    frame = clicks(0, rows=100).with_columns(**{k: pl.Series(v * 10, strict=False) for k, v in columns.items()})
    with pytest.raises(InputError, match=message) as caught:
        prepare(from_frame(frame, "bad table"), SCHEMA, "chronological", tmp_path / "log")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("bad table")
    assert list(tmp_path.iterdir()) == []


def test_missing_columns_suggest_the_nearest(tmp_path: Path) -> None:
    frame = clicks(0).rename({"movie": "movies"})
    with pytest.raises(InputError, match=r"no column 'movie', which .* field 'movie'; did you mean 'movies'"):
        prepare(from_frame(frame, "renamed"), SCHEMA, "chronological", tmp_path / "log")
    with pytest.raises(InputError, match="split 'chronologic' is unknown; did you mean 'chronological"):
        prepare(from_frame(clicks(0), "table"), SCHEMA, "chronologic", tmp_path / "log")


def test_a_part_of_a_single_class_is_named(tmp_path: Path) -> None:
    frame = pl.DataFrame({"label": [0, 1] * 45 + [0] * 10, "colour": ["red"] * 100})
    with pytest.raises(InputError, match=r"'chronological' leaves a single class \(0\) in the test part"):
        prepare(from_frame(frame, "plain"), Schema((Field("colour"),)), "chronological", tmp_path / "log")


@pytest.mark.parametrize("cached", [True, False])
def test_the_same_log_of_another_process_is_opened(
    cached: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process begins and ends while this one is at work."""
    source, build, made = from_frame(clicks(10), "random"), preparing.__dict__["_build"], []

    def prepared() -> PreparedLog:
        if cached:
            return prepare_cached(source, SCHEMA, "chronological", 0, tmp_path)
        return prepare(source, SCHEMA, "chronological", tmp_path / "log")

    def slow(*given: object) -> object:
        monkeypatch.setattr(preparing, "_build", build)
        made.append(prepared())
        return build(*given)

    monkeypatch.setattr(preparing, "_build", slow)
    log = prepared()
    assert log.folder == made[0].folder and log.manifest == made[0].manifest
    np.testing.assert_array_equal(log.train.ids, made[0].train.ids)
    assert list(tmp_path.iterdir()) == [log.folder]


def test_the_cache_is_cleared_of_logs_that_were_never_finished(tmp_path: Path) -> None:
    half = tmp_path / ".log-0123.abcd.half"
    (half / "train").mkdir(parents=True)
    (half / "train" / "ids.npy").write_bytes(b"half of it")
    log = prepare_cached(from_frame(clicks(11), "random"), SCHEMA, "chronological", 0, tmp_path)
    assert list(tmp_path.iterdir()) == [log.folder]
