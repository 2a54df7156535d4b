"""Number fields against scikit-learn and closed forms."""

import math

import numpy as np
import polars as pl
from sklearn.preprocessing import StandardScaler

from clickwise.data.numbers import NumberStatistics, bucket, fit_number, read_number, standardise
from clickwise.schema import Field

NAN = float("nan")


def test_standardise_equals_scikit_learn_and_flags_what_is_missing() -> None:
    values = np.random.default_rng(0).gamma(2.0, 3.0, 500)
    values[::7] = NAN
    statistics = fit_number(Field("x", kind="number"), values)
    pairs = standardise(values, statistics)
    known = ~np.isnan(values)
    expected = StandardScaler().fit_transform(values[known][:, None])[:, 0]
    np.testing.assert_allclose(pairs[known, 0], expected, atol=1e-6)
    np.testing.assert_array_equal(pairs[~known, 0], 0)
    np.testing.assert_array_equal(pairs[:, 1], ~known)


def test_constant_and_empty_columns() -> None:
    field = Field("x", kind="number")
    assert fit_number(field, np.full(5, 3.0)) == NumberStatistics(mean=3.0, std=1.0)
    assert fit_number(field, np.full(5, NAN)) == NumberStatistics()
    assert standardise(np.full(2, 3.0), NumberStatistics(mean=3.0)).tolist() == [[0, 0], [0, 0]]


def test_quantile_buckets_hold_equal_shares() -> None:
    field = Field("x", kind="number", transform="quantile", buckets=4)
    values = np.random.default_rng(1).permutation(np.arange(1000.0))
    statistics = fit_number(field, values)
    buckets = bucket(field, values, statistics)
    assert np.bincount(buckets.to_numpy()).tolist() == [250, 250, 250, 250]
    assert bucket(field, np.array([-5.0, 1e9, NAN]), statistics).to_list() == [0, 3, None]
    assert NumberStatistics.from_dict(statistics.to_dict()) == statistics


def test_log_square_is_criteos() -> None:
    field = Field("x", kind="number", transform="log_square")
    values = [-3.0, -1.0, 0.0, 1.0, 2.0, 3.0, 10.0, 12345.0]
    expected = [math.floor(math.log(value) ** 2) if value > 2 else int(value) for value in values]
    assert bucket(field, np.array([*values, NAN]), NumberStatistics()).to_list() == [*expected, None]


def test_read_number_takes_text_that_is_a_number() -> None:
    np.testing.assert_array_equal(read_number(pl.Series("x", ["1.5", "", None]), "table"), [1.5, NAN, NAN])
