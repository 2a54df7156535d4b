"""Raw tables with odd columns: finite probabilities in the order of the rows, or one line that names what is wrong."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import clickwise as cw
from clickwise.data.prepare import prepare
from clickwise.data.splits import SPLITS
from clickwise.data.storage import PreparedLog
from clickwise.data.tables import from_frame, read_table
from clickwise.errors import InputError
from tests.robustness.judged import answer, listing, tries
from tests.robustness.odd_columns import FLAT, SANE, SCHEMA, TYPED

ROWS = 150
TRAINED: list[PreparedLog] = []


def table(odd: dict[str, str], rows: int, seed: int) -> pl.DataFrame:
    """A sane table but for the columns in ``odd``, which name a maker."""
    rng = np.random.default_rng(seed)
    makers = {**FLAT, **TYPED}
    return pl.DataFrame({name: makers.get(odd.get(name, ""), sane)(rng, rows) for name, sane in SANE.items()})


def train_and_predict(log: PreparedLog) -> None:
    """One epoch of a small model, whose probabilities of each part are finite and follow the rows."""
    with cw.seeded(0):
        model = cw.Supervised(cw.models.FM(log.schema, embedding_dim=2), batch_size=64)
    cw.fit(model, log.train, log.valid, epochs=1, device="cpu", progress=False)
    for part in log:
        probability = cw.predict(model, part)
        assert probability.shape == (len(part),) and np.isfinite(probability).all()
        backwards = np.arange(len(part))[::-1]
        np.testing.assert_allclose(cw.predict(model, part.take(backwards)), probability[backwards], atol=1e-6)


def score_new_rows(log: PreparedLog, path: Path) -> None:
    """The file once more, as new rows: ids in range, numbers finite, one row a row."""
    again = answer(lambda: log.encoder.encode_table(path))
    if not isinstance(again, InputError):
        assert len(again) == sum(log.manifest["rows"].values())
        assert again.ids.min() >= 0 and again.ids.max() < log.schema.size
        assert np.isfinite(again.numbers).all()


def judge(path: Path, cache: Path, split: str) -> None:
    log = answer(lambda: cw.read_log(path, SCHEMA, split=split, cache=cache))
    if isinstance(log, InputError):
        assert listing(cache) == []
        return
    assert [folder.name for folder in cache.iterdir()] == [log.folder.name]
    score_new_rows(log, path)
    if answer(lambda: train_and_predict(log)) is None:
        TRAINED.append(log)


# Most odd users, times and labels are refused; the others let the rows through to training more often.
columns = st.sampled_from([*SANE, *["article", "price", "amount", "tags"] * 3])


@tries(45)
@given(
    odd=st.dictionaries(columns, st.sampled_from(sorted(FLAT)), max_size=2),
    rows=st.sampled_from([*[ROWS] * 9, 1, 2, 3, 12]),
    split=st.sampled_from(sorted(SPLITS)),
    bom=st.booleans(),
)
def test_csv(tmp_path_factory: pytest.TempPathFactory, odd: dict[str, str], rows: int, split: str, bom: bool) -> None:
    folder = tmp_path_factory.mktemp("csv")
    table(odd, rows, seed=0).write_csv(folder / "clicks.csv", include_bom=bom)
    judge(folder / "clicks.csv", folder / "cache", split)


@tries(35)
@given(
    odd=st.dictionaries(columns, st.sampled_from(sorted(TYPED)), max_size=2),
    split=st.sampled_from(["chronological", "random-per-user"]),
)
def test_parquet(tmp_path_factory: pytest.TempPathFactory, odd: dict[str, str], split: str) -> None:
    folder = tmp_path_factory.mktemp("parquet")
    table(odd, ROWS, seed=1).write_parquet(folder / "clicks.parquet")
    judge(folder / "clicks.parquet", folder / "cache", split)


def test_some_of_them_were_trained_on() -> None:
    assert len(TRAINED) >= 10


@pytest.mark.parametrize("column", sorted(SANE))
def test_every_odd_column_is_encoded_or_refused(tmp_path: Path, column: str) -> None:
    """Each kind of column in each role, once: ids in range and numbers finite, or one line."""
    for number, odd in enumerate([*FLAT, *TYPED]):
        source = from_frame(table({column: odd}, 60, seed=2), "clicks")
        out = tmp_path / str(number)
        log = answer(lambda source=source, out=out: prepare(source, SCHEMA, "chronological", out))  # type: ignore[misc]
        if isinstance(log, InputError):
            assert not out.exists()
            continue
        for part in log:
            assert np.isfinite(part.numbers).all(), odd
            assert part.ids.min() >= 0 and part.ids.max() < log.schema.size, odd
    assert not [name for name in listing(tmp_path) if name.startswith(".")]


@pytest.mark.parametrize("rows", [3, 400])
def test_users_with_one_row_each(tmp_path: Path, rows: int) -> None:
    frame = table({}, rows, seed=3).with_columns(visitor=pl.int_range(rows).cast(pl.String))
    frame.write_parquet(tmp_path / "clicks.parquet")
    for split in SPLITS:
        judge(tmp_path / "clicks.parquet", tmp_path / split, split)


def test_later_rows_may_hold_any_number(tmp_path: Path) -> None:
    frame = table({}, ROWS, seed=4)
    log = prepare(from_frame(frame, "clicks"), SCHEMA, "chronological", tmp_path / "log")
    with cw.seeded(0):
        model = cw.Supervised(cw.models.FM(log.schema, embedding_dim=2))
    cw.fit(model, log.train, log.valid, epochs=1, device="cpu", progress=False)
    extremes = [3e38, -3e38, 1e20, 5e-324, None]
    later = frame.head(len(extremes)).with_columns(price=pl.Series(extremes), amount=pl.Series(extremes))
    later.write_parquet(tmp_path / "later.parquet")
    assert np.isfinite(cw.predict(model, log.encoder.encode_table(tmp_path / "later.parquet"))).all()


def test_equal_numbers_are_not_divided_by_rounding_errors(tmp_path: Path) -> None:
    frame = table({}, ROWS, seed=5).with_columns(price=pl.lit(0.1))
    log = prepare(from_frame(frame, "clicks"), SCHEMA, "chronological", tmp_path / "log")
    assert log.encoder.numbers["price"].std == 1.0


def test_ids_of_any_size_stay_apart(tmp_path: Path) -> None:
    """Ids beyond 2^53, 2^63 and 2^64 that differ by one, and digits with leading zeros where others are text."""
    ids = [str(base + step) for base in (2**31, 2**53, 2**63, 2**64, 10**30) for step in (0, 1)]
    frame = table({}, 40 * len(ids), seed=6).with_columns(article=pl.Series(ids * 40))
    frame.write_csv(tmp_path / "clicks.csv")
    assert read_table(tmp_path / "clicks.csv").columns == tuple(frame.columns)
    log = cw.read_log(tmp_path / "clicks.csv", SCHEMA, split="random-per-user", cache=tmp_path / "cache")
    assert sorted(log.encoder.vocabularies["article"].values.cast(pl.String)) == sorted(ids)
