"""Intervals and p-values, against closed forms and simulation."""

import numpy as np
import pytest
from scipy import stats

from clickwise.errors import InputError
from clickwise.metrics.bootstrap import bootstrap_metrics
from clickwise.metrics.significance import combine, holm, over_seeds, paired_difference, percentile_interval


def test_holm_closed_form() -> None:
    # sorted: 0.01 * 4, 0.02 * 3, 0.03 * 2 (kept at the 0.06 before it), 0.9 * 1
    np.testing.assert_allclose(holm([0.03, 0.01, 0.9, 0.02]), [0.06, 0.04, 0.9, 0.06])
    np.testing.assert_allclose(holm([0.6, 0.7]), [1.0, 1.0])
    assert holm([]).shape == (0,)


def test_holm_leaves_undefined_tests_out_of_the_family() -> None:
    corrected = holm([0.01, np.nan, 0.04])
    np.testing.assert_allclose(corrected, [0.02, np.nan, 0.04])


def test_paired_difference_closed_form() -> None:
    difference = np.arange(-2, 97) / 100  # 99 replicates, 3 of them not above 0
    found = paired_difference(difference + 0.5, np.full(99, 0.5), observed=0.47)
    assert found.difference == 0.47
    assert found.p == pytest.approx(2 * (3 + 1) / 100)
    np.testing.assert_allclose([found.low, found.high], np.quantile(difference, [0.025, 0.975]))


def test_p_has_its_floor_and_its_ceiling() -> None:
    assert paired_difference(np.ones(199), np.zeros(199), 1.0).p == pytest.approx(2 / 200)
    assert paired_difference(np.ones(199), np.ones(199), 0.0).p == 1.0


def test_undefined_replicates_are_left_out() -> None:
    a, b = np.array([0.7, np.nan, 0.8, 0.9]), np.array([0.5, 0.5, np.nan, 0.5])
    found = paired_difference(a, b, 0.3)
    assert (found.p, found.low) == (pytest.approx(2 / 3), pytest.approx(0.205))
    nothing = paired_difference(np.full(3, np.nan), b[:3], 0.3)
    assert np.isnan([nothing.low, nothing.high, nothing.p]).all()
    assert np.isnan(percentile_interval(np.full(3, np.nan))).all()


def test_over_seeds_is_student_t() -> None:
    values = [0.80, 0.81, 0.83]
    found = over_seeds(values)
    low, high = stats.t.interval(0.95, df=2, loc=np.mean(values), scale=np.std(values, ddof=1) / np.sqrt(3))
    assert (found.mean, found.low, found.high) == pytest.approx((np.mean(values), low, high))
    one = over_seeds([0.8])
    assert (one.mean, one.low, one.high) == (0.8, None, None)
    with pytest.raises(InputError, match="one a seed"):
        over_seeds([])


def test_combine_adds_the_spread_of_seeds_to_that_of_users() -> None:
    generator = np.random.default_rng(0)
    users = generator.normal(scale=0.01, size=20_000)
    seeds = np.array([0.78, 0.80, 0.81, 0.83])
    combined = combine(seeds[:, None] + users, seed=1)
    assert combined.mean() == pytest.approx(seeds.mean(), abs=1e-3)
    assert combined.var() == pytest.approx(0.01**2 + seeds.var() / 4, rel=0.05)
    np.testing.assert_array_equal(combine(users[None], seed=1), users)


def test_combine_draws_the_same_seeds_for_every_method() -> None:
    replicates = np.random.default_rng(2).normal(size=(3, 500))
    np.testing.assert_allclose(combine(replicates + 0.25, seed=5) - combine(replicates, seed=5), 0.25)
    assert (combine(replicates, seed=5) != combine(replicates, seed=6)).any()


def _two_methods(generator: np.random.Generator, noise_a: float, noise_b: float) -> tuple[float, float]:
    """p of the AUC and LogLoss difference of two noisy views of the same planted truth, 60 users of 10 rows."""
    user = np.repeat(np.arange(60), 10)
    logit = generator.normal(size=600) + generator.normal(size=60)[user]
    label = (generator.uniform(size=600) < 1 / (1 + np.exp(-logit))).astype(int)
    views = {n: 1 / (1 + np.exp(-logit - s * generator.normal(size=600))) for n, s in (("a", noise_a), ("b", noise_b))}
    found = bootstrap_metrics(label, views, user, ("auc", "logloss"), 199, seed=int(generator.integers(2**31)))
    auc, logloss = (paired_difference(found["a"][m], found["b"][m], 0.0).p for m in ("auc", "logloss"))
    return auc, logloss


def test_p_is_about_uniform_when_two_methods_are_equally_good() -> None:
    generator = np.random.default_rng(3)
    p = np.array([_two_methods(generator, 0.7, 0.7) for _ in range(150)])
    for column in p.T:
        assert stats.kstest(column, "uniform").pvalue > 0.01
        assert (column < 0.05).mean() < 0.11


def test_a_planted_difference_is_found() -> None:
    generator = np.random.default_rng(4)
    p = np.array([_two_methods(generator, 0.1, 2.0) for _ in range(10)])
    assert (p <= 0.05).all()
