"""Reading results and predictions."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from clickwise.errors import InputError
from clickwise.report.inputs import read_predictions, read_results, user_codes


@pytest.fixture
def predictions_path(tmp_path: Path) -> Path:
    frame = pl.DataFrame(
        {
            "user": ["b", "a", "b"],
            "label": [0, 1, 0],
            "fm@0": [0.2, 0.4, 0.6],
            "fm@1": [0.4, 0.6, 0.8],
            "a@b@0": [[0.2, 0.8], [0.5, 0.5], [1.0, 0.0]],
            "a@b@1": [[0.4, 0.6], [0.5, 0.5], [0.0, 1.0]],
            "bid": [1.0, 2.0, 3.0],
            "mail@home": [1.0, 2.0, 3.0],
        }
    )
    frame.write_parquet(tmp_path / "p.parquet")
    return tmp_path / "p.parquet"


def test_probabilities_are_means_over_seeds(predictions_path: Path) -> None:
    predictions = read_predictions(predictions_path)
    assert set(predictions.columns) == {"fm", "a@b"}
    np.testing.assert_allclose(predictions.probability("fm"), [0.3, 0.5, 0.7])
    np.testing.assert_allclose(predictions.probability("a@b"), [[0.3, 0.7], [0.5, 0.5], [0.5, 0.5]])
    np.testing.assert_array_equal(predictions.user, [1, 0, 1])
    np.testing.assert_array_equal(predictions.label, [0, 1, 0])


def test_arrays_are_read_like_lists(predictions_path: Path) -> None:
    frame = pl.read_parquet(predictions_path).with_columns(pl.col("a@b@0", "a@b@1").list.to_array(2))
    frame.write_parquet(predictions_path)
    np.testing.assert_allclose(read_predictions(predictions_path).probability("a@b")[0], [0.3, 0.7])


def test_users_are_told_apart_by_value_a_missing_one_too() -> None:
    assert user_codes(pl.Series([7, None, -3, 7, None])).tolist() == [2, 0, 1, 2, 0]
    assert user_codes(pl.Series(["b", "a", "b", "ä"])).tolist() == [1, 0, 1, 2]
    assert user_codes(pl.Series([], dtype=pl.String)).tolist() == []


def test_an_unknown_method_names_the_column(predictions_path: Path) -> None:
    with pytest.raises(InputError, match="no column 'fn@SEED'; did you mean 'fm'"):
        read_predictions(predictions_path).probability("fn")


def test_predictions_that_cannot_be_used(tmp_path: Path, predictions_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the predictions"):
        read_predictions(tmp_path / "absent.parquet")
    (tmp_path / "text.parquet").write_text("no parquet")
    with pytest.raises(InputError, match="cannot read the predictions"):
        read_predictions(tmp_path / "text.parquet")
    pl.read_parquet(predictions_path).drop("label").write_parquet(predictions_path)
    with pytest.raises(InputError, match="the column 'label' is missing"):
        read_predictions(predictions_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "other"}, "'format' must be 'clickwise-results'"),
        ({"version": 99}, "format version 99"),
        ({"version": "1"}, "format version '1'"),
        ({"methods": None}, "the key 'methods' is missing"),
    ],
)
def test_results_that_cannot_be_used(
    tmp_path: Path, results: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    changed = {key: value for key, value in {**results, **change}.items() if value is not None}
    (tmp_path / "results.json").write_text(json.dumps(changed))
    with pytest.raises(InputError, match=words) as caught:
        read_results(tmp_path / "results.json")
    assert "\n" not in str(caught.value)


def test_results_that_are_no_json(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the results"):
        read_results(tmp_path / "absent.json")
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        read_results(tmp_path / "results.json")
