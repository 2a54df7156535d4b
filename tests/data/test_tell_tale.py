"""A column that was written after the click is asked about."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import mutual_info_score

from clickwise.data.infer import infer_schema
from clickwise.data.tell_tale import share_told

ROWS = 2000
RNG = np.random.default_rng(0)
CLICK = RNG.integers(0, 2, ROWS)
COLUMNS = {
    "revenue": np.where(CLICK == 1, RNG.random(ROWS), 0.0),
    "paid_at": [f"day {place}" if click else None for place, click in enumerate(CLICK)],
    "outcome": [("left", "stayed")[click] for click in CLICK],
    "order": [f"order {place}" if click else "none" for place, click in enumerate(CLICK)],
    "click_id": [f"{place}" if click else "" for place, click in enumerate(CLICK)],
    "paid_by": [None if not click else ("card" if place % 2 else f"note {place}") for place, click in enumerate(CLICK)],
    "price": RNG.random(ROWS),
    "page": [f"page {value}" for value in RNG.integers(0, 30, ROWS)],
    "address": [f"{value}" for value in RNG.integers(0, 10**6, ROWS)],
}
TELLING = ("revenue", "paid_at", "outcome", "order", "click_id", "paid_by")


@pytest.mark.parametrize("name", COLUMNS)
def test_what_was_written_after_the_click_tells_it(name: str) -> None:
    told = share_told(pl.Series(COLUMNS[name]), pl.Series(CLICK))
    assert told > 0.9 if name in TELLING else told < 0.05


@pytest.mark.parametrize("rows", [60, 100, 300, 999])
def test_small_logs(rows: int) -> None:
    click = CLICK[:rows]
    score = click + 0.1 * RNG.random(rows)
    assert share_told(pl.Series(score), pl.Series(click)) > 0.5
    assert share_told(pl.Series(RNG.random(rows)), pl.Series(click)) < 0.25
    assert share_told(pl.Series(COLUMNS["order"][:rows]), pl.Series(click)) == pytest.approx(1)


@pytest.mark.parametrize("rows", [1, 5, 19, 30])
def test_logs_of_hardly_any_rows_raise_no_question(rows: int) -> None:
    click = pl.Series(np.arange(rows) % 2)
    for values in (click, click.cast(pl.String), pl.Series(np.arange(rows)), pl.Series(["a"] * rows)):
        assert share_told(values, click) == pytest.approx(0)


TEXTS = pl.Series([f"{place}" if place % 2 else "none" for place in range(100)])
KINDS = {
    "binary": TEXTS.cast(pl.Binary),
    "category": TEXTS.cast(pl.Categorical),
    "list": TEXTS.str.split(","),
    "day": pl.Series(range(100)).cast(pl.Date),
    "moment": pl.Series(range(100)).cast(pl.Datetime),
    "decimal": pl.Series(range(100)).cast(pl.Decimal(10, 2)),
    "nothing": pl.Series([None] * 100),
    "no text": pl.Series([None] * 100, dtype=pl.String),
}


@pytest.mark.parametrize("rows", [10, 100])
@pytest.mark.parametrize("name", KINDS)
def test_columns_of_every_kind(name: str, rows: int) -> None:
    told = share_told(KINDS[name][:rows], pl.Series([0, 1] * (rows // 2)))
    assert told == pytest.approx(1 if rows == 100 and name in ("binary", "category") else 0, abs=0.01)


def test_by_another_library() -> None:
    noisy = np.where(RNG.random(ROWS) < 0.2, 1 - CLICK, CLICK)
    expected = mutual_info_score(noisy, CLICK) / mutual_info_score(CLICK, CLICK)
    assert share_told(pl.Series(noisy), pl.Series(CLICK)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("click", "none"), [(1, 0), (1.0, 0.0), ("1", "0"), ("True", "False"), (True, False)])
def test_labels_of_every_type(click: object, none: object) -> None:
    assert share_told(pl.Series(["a", "b"] * 50), pl.Series([click, none] * 50)) == pytest.approx(1)


def test_a_label_of_one_class_is_told_by_nothing() -> None:
    assert share_told(pl.Series(["a", "b"] * 50), pl.Series([1] * 100)) == 0


def test_the_guessed_schema_asks(tmp_path: Path) -> None:
    pl.DataFrame({"click": CLICK, **COLUMNS}).write_csv(tmp_path / "clicks.csv")
    asking = {
        line.split("name: ")[1].split(",")[0].strip('"')
        for line in infer_schema(tmp_path / "clicks.csv").splitlines()
        if "known before the click?" in line
    }
    assert asking == set(TELLING)
