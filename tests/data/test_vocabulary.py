"""Vocabularies: cleaning, coding, order of ids, unknown and missing values."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clickwise.data.vocabulary import Vocabulary, clean, factorise, fit_vocabulary, globalise
from clickwise.errors import InputError

NAN = float("nan")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ([1, 2, None], [1, 2, None]),
        ([1.0, 2.0, None, NAN], [1, 2, None, None]),
        ([1.5, 2.0, NAN], ["1.5", "2", None]),
        (["a", "", None], ["a", None, None]),
        ([2**64, 2**63 - 1], [str(2**64), str(2**63 - 1)]),
        ([True, False], ["true", "false"]),
        ([None, None], [None, None]),
    ],
)
def test_clean(raw: list[object], expected: list[object]) -> None:
    assert clean(pl.Series("x", raw, strict=False)).to_list() == expected


@pytest.mark.parametrize("scale", [1, 10**14])
@pytest.mark.parametrize("text", [False, True])
def test_factorise_is_undone_by_its_distinct_values(scale: int, text: bool) -> None:
    rng = np.random.default_rng(0)
    numbers = [None if rng.random() < 0.1 else int(value) * scale for value in rng.integers(-50, 50, 1_000)]
    values = pl.Series("x", numbers, dtype=pl.Int64)
    values = values.cast(pl.String) if text else values
    codes, distinct = factorise(values)
    assert codes.dtype == np.int32
    assert distinct.n_unique() == len(distinct)
    assert [None if code == len(distinct) else distinct[int(code)] for code in codes] == values.to_list()


def test_factorise_of_nothing_known() -> None:
    codes, distinct = factorise(pl.Series("x", [None, None], dtype=pl.Int64))
    assert codes.tolist() == [0, 0]
    assert len(distinct) == 0


def test_ids_follow_descending_count_then_value() -> None:
    distinct = pl.Series(["d", "c", "b", "a"])
    vocabulary, local = fit_vocabulary(distinct, np.array([1, 2, 5, 2]), min_count=2)
    assert local.tolist() == [1, 5, 3, 4, 2]
    assert vocabulary.lookup(distinct).tolist() == local.tolist()
    assert vocabulary.values.to_list() == ["b", "a", "c"]
    assert vocabulary.counts.tolist() == [5, 2, 2]
    assert vocabulary.size == 5
    assert vocabulary.encode(pl.Series(["a", None, "d", "zzz", "b"])).tolist() == [4, 2, 1, 1, 3]


def test_values_never_seen_in_training_have_no_id() -> None:
    vocabulary, _ = fit_vocabulary(pl.Series([7, 8]), np.array([0, 3]), min_count=1)
    assert vocabulary.values.to_list() == [8]


def test_lookup_across_types() -> None:
    numbers, _ = fit_vocabulary(pl.Series([7, 70]), np.array([2, 1]), 1)
    assert numbers.encode(pl.Series(["7", "07", "7.5", "seven", None])).tolist() == [3, 1, 1, 1, 2]
    texts, _ = fit_vocabulary(pl.Series(["7", "07"]), np.array([2, 1]), 1)
    assert texts.encode(pl.Series([7, 8, None])).tolist() == [3, 1, 2]


def test_globalise_keeps_padding() -> None:
    assert globalise(np.array([0, 1, 3], dtype=np.int32), 10).tolist() == [0, 10, 12]


def test_save_and_load(tmp_path: Path) -> None:
    vocabulary, _ = fit_vocabulary(pl.Series(["x", "y"]), np.array([1, 2]), 1)
    vocabulary.save(tmp_path / "v.parquet")
    loaded = Vocabulary.load(tmp_path / "v.parquet")
    assert loaded.values.to_list() == ["y", "x"]
    assert loaded.counts.tolist() == [2, 1]
    (tmp_path / "v.parquet").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"v\.parquet: cannot read the vocabulary"):
        Vocabulary.load(tmp_path / "v.parquet")
