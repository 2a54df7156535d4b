"""The simulated A/B test: what is shown against a slow loop, sample sizes against simulation and a textbook."""

from dataclasses import dataclass

import numpy as np
import pytest

from clickwise.errors import InputError
from clickwise.reproduce.udg.ab_test import (
    Shown,
    arms,
    design_effect,
    detectable_lift,
    impressions_needed,
    observed_lift,
    plan,
    true_lift,
)


@dataclass
class Rows:
    user: np.ndarray
    label: np.ndarray


@dataclass
class Traffic:
    rows: Rows
    truth: np.ndarray
    request: np.ndarray


def traffic(requests: int = 400, candidates: int = 5, users: int = 40) -> Traffic:
    rng = np.random.default_rng(0)
    user = np.repeat(rng.integers(0, users, requests), candidates)
    truth = rng.uniform(0.05, 0.6, requests * candidates)
    label = (rng.random(len(truth)) < truth).astype(np.int32)
    return Traffic(Rows(user, label), truth, np.repeat(np.arange(requests), candidates))


def test_what_is_shown_is_the_highest_of_each_request() -> None:
    given = traffic()
    probability = np.random.default_rng(1).random(len(given.truth))
    shown = Shown.ranked_by(probability, given)  # type: ignore[arg-type]
    impressions, clicks, expected = np.zeros(40), np.zeros(40), np.zeros(40)
    for request in range(400):
        rows = np.flatnonzero(given.request == request)
        best = rows[np.argmax(probability[rows])]
        impressions[given.rows.user[best]] += 1
        clicks[given.rows.user[best]] += given.rows.label[best]
        expected[given.rows.user[best]] += given.truth[best]
    np.testing.assert_array_equal(shown.impressions, impressions)
    np.testing.assert_array_equal(shown.clicks, clicks)
    np.testing.assert_allclose(shown.expected, expected)


def test_lifts() -> None:
    given = traffic(requests=4000)
    chance = Shown.ranked_by(np.random.default_rng(1).random(len(given.truth)), given)  # type: ignore[arg-type]
    best = Shown.ranked_by(given.truth, given)  # type: ignore[arg-type]
    true = true_lift(chance, best, 300)
    expected = best.expected.sum() / chance.expected.sum() - 1
    assert true["lift"] == pytest.approx(expected) and expected > 0.4
    assert true["low"] < true["lift"] < true["high"] and true["p"] < 0.02  # type: ignore[operator]
    control, treatment = arms(chance, 0)
    observed = observed_lift(chance.of(control), best.of(treatment), 300)
    seen = ((chance, control), (best, treatment))
    rates = [shown.clicks[arm].sum() / shown.impressions[arm].sum() for shown, arm in seen]
    assert observed["lift"] == pytest.approx(rates[1] / rates[0] - 1)
    # An arm differs from itself by nothing but the two arms' own draws.
    same = observed_lift(chance.of(control), chance.of(control), 300)
    assert same["lift"] == 0 and same["low"] < 0 < same["high"] and same["p"] > 0.3  # type: ignore[operator]
    none = Shown(chance.impressions, np.zeros(40), chance.expected)
    assert observed_lift(none, chance, 100)["lift"] is None


def test_the_interval_of_a_test_covers_the_true_lift_as_often_as_it_says() -> None:
    given, rng, covered = traffic(requests=1500, users=100), np.random.default_rng(5), []
    chance = rng.random(len(given.truth))
    for trial in range(80):
        given.rows.label = (rng.random(len(given.truth)) < given.truth).astype(np.int32)
        base, best = (Shown.ranked_by(ranked, given) for ranked in (chance, given.truth))  # type: ignore[arg-type]
        control, treatment = arms(base, trial)
        found = observed_lift(base.of(control), best.of(treatment), 200)
        true = best.expected.sum() / base.expected.sum() - 1
        covered.append(found["low"] < true < found["high"])  # type: ignore[operator]
    assert 0.87 <= np.mean(covered) <= 1


def test_arms_divide_the_users_who_come() -> None:
    shown = Shown(np.array([1.0, 0, 2, 3, 1, 1]), np.zeros(6), np.zeros(6))
    control, treatment = arms(shown, 3)
    assert not (control & treatment).any() and (control | treatment).tolist() == [True, False, True, True, True, True]
    assert (control.sum(), treatment.sum()) == (2, 3)
    assert (arms(shown, 3)[0] == control).all()
    with pytest.raises(InputError, match="two arms need four"):
        arms(Shown(np.array([1.0, 1, 0]), np.zeros(3), np.zeros(3)), 0)


def test_sample_size_is_the_textbooks() -> None:
    assert np.ceil(impressions_needed(0.10, 0.2)) == 3841  # 10 % against 12 %, level 0.05, power 0.8
    for rate, lift in ((0.2, 0.018), (0.05, -0.1), (0.6, 0.05)):
        needed = impressions_needed(rate, lift)
        assert needed > 0
        if lift > 0:
            assert detectable_lift(rate, needed) == pytest.approx(lift, rel=1e-6)
    assert detectable_lift(0.9, 3) is None


def test_the_sample_size_has_the_power_that_it_promises() -> None:
    rate, lift, trials = 0.2, 0.1, 20_000
    n = round(impressions_needed(rate, lift))
    rng = np.random.default_rng(0)
    first, second = rng.binomial(n, rate, trials) / n, rng.binomial(n, rate * (1 + lift), trials) / n
    pooled = (first + second) / 2
    z = (second - first) / np.sqrt(2 * pooled * (1 - pooled) / n)
    assert np.mean(np.abs(z) > 1.959964) == pytest.approx(0.8, abs=0.015)


def test_the_design_effect_is_that_of_clusters() -> None:
    rng = np.random.default_rng(0)
    impressions = np.full(20_000, 8.0)
    alone = Shown(impressions, rng.binomial(8, 0.3, 20_000).astype(float), impressions)
    assert design_effect(alone) == pytest.approx(1, abs=0.05)
    together = Shown(impressions, 8.0 * (rng.random(20_000) < 0.3), impressions)
    assert design_effect(together) == pytest.approx(8, abs=0.3)
    found = plan(together, {"true": 0.05, "none": None, "impossible": 5.0})
    assert found["impressions_needed"]["true"] == pytest.approx(
        found["design_effect"] * impressions_needed(together.rate, 0.05)
    )
    assert found["impressions_needed"]["none"] is None and found["impressions_needed"]["impossible"] is None
    assert impressions_needed(together.rate, found["detectable_lift"]) == pytest.approx(
        impressions.sum() / found["design_effect"]
    )
