"""AUC under many weightings, against scikit-learn with the same sample weights."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from clickwise.metrics import weighted_auc

USERS = 30


def _weights(generator: np.random.Generator) -> np.ndarray:
    return generator.poisson(1.0, size=(USERS, 7)).astype(np.float32)


@pytest.mark.parametrize("levels", [1, 2, 5, 1000, 10**9])
@pytest.mark.parametrize("click_rate", [0.02, 0.5, 0.97])
def test_equals_sklearn_for_any_amount_of_ties(levels: int, click_rate: float) -> None:
    generator = np.random.default_rng(levels)
    member = generator.integers(USERS, size=3000)
    hit = generator.uniform(size=3000) < click_rate
    score = np.floor((generator.uniform(size=3000) + 0.3 * hit) * levels) / levels
    weights = _weights(generator)
    found = weighted_auc.rank(hit, score, member, USERS).auc(weights)
    expected = [roc_auc_score(hit, score, sample_weight=column[member]) for column in weights.T]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_many_blocks_and_an_uneven_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    member, hit = generator.integers(USERS, size=501), generator.uniform(size=501) < 0.4
    score, weights = generator.uniform(size=501).round(2), _weights(generator)
    whole = weighted_auc.rank(hit, score, member, USERS).auc(weights)
    for block in (1, 3, 8):
        monkeypatch.setattr(weighted_auc, "BLOCK", block)
        ranking = weighted_auc.rank(hit, score, member, USERS)
        assert len(ranking.segments) > 1
        np.testing.assert_allclose(ranking.auc(weights), whole, rtol=1e-12)


def test_large_logs_stay_exact_to_float32_counting() -> None:
    generator = np.random.default_rng(1)
    member, hit = generator.integers(USERS, size=200_000), generator.uniform(size=200_000) < 0.1
    score = generator.uniform(size=200_000) + 0.2 * hit
    weights = _weights(generator)[:, :1]
    found = weighted_auc.rank(hit, score, member, USERS).auc(weights)
    assert found[0] == pytest.approx(roc_auc_score(hit, score, sample_weight=weights[member, 0]), rel=1e-7)


def test_a_weighting_without_one_class_is_nan() -> None:
    hit, score, member = np.array([True, False, True]), np.array([0.5, 0.2, 0.1]), np.array([0, 1, 2])
    weights = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 0, 0]], dtype=np.float32)
    found = weighted_auc.rank(hit, score, member, 3).auc(weights)
    assert found[0] == pytest.approx(0.5)
    assert np.isnan(found[1:]).all()


@pytest.mark.parametrize("one_class", [True, False])
def test_rows_of_one_class_only_are_nan(one_class: bool) -> None:
    ranking = weighted_auc.rank(np.full(4, one_class), np.array([0.1, 0.1, 0.2, 0.3]), np.arange(4), 4)
    assert np.isnan(ranking.auc(np.ones((4, 2), np.float32))).all()
