"""Metrics over all rows, against scikit-learn, slow loops and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, root_mean_squared_error

from clickwise.errors import InputError
from clickwise.metrics import pointwise


def _slow_auc(hit: np.ndarray, score: np.ndarray) -> float:
    """Every (click, no-click) pair, a tie counting half."""
    gap = score[hit][:, None] - score[~hit][None]
    return float(((gap > 0) + 0.5 * (gap == 0)).mean())


def _classes(rows: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.integers(classes, size=rows), generator.dirichlet(np.ones(classes), size=rows)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=40))
def test_auc_counts_pairs_and_halves_ties(rows: list[tuple[bool, int]]) -> None:
    hit, score = (np.array(column) for column in zip(*rows, strict=True))
    value = pointwise.auc(hit.astype(int), score / 6)
    if hit.all() or not hit.any():
        assert np.isnan(value)
    else:
        assert value == pytest.approx(_slow_auc(hit, score))


def test_logloss_and_rmse_agree_with_sklearn() -> None:
    generator = np.random.default_rng(0)
    probability = generator.uniform(size=500)
    label = (generator.uniform(size=500) < probability).astype(int)
    assert pointwise.logloss(label, probability) == pytest.approx(log_loss(label, probability))
    assert pointwise.rmse(label, probability) == pytest.approx(root_mean_squared_error(label, probability))


def test_multi_class_is_categorical_or_the_mean_over_classes() -> None:
    label, probability = _classes(300, 4, seed=1)
    one_hot = np.eye(4, dtype=int)[label]
    assert pointwise.logloss(label, probability) == pytest.approx(log_loss(label, probability))
    for metric in (pointwise.auc, pointwise.rmse, pointwise.ece, pointwise.pcoc):
        one_by_one = [metric(one_hot[:, c], probability[:, c]) for c in range(4)]
        assert metric(label, probability) == pytest.approx(np.mean(one_by_one))


def test_a_class_without_rows_is_left_out_of_macro_averages() -> None:
    label, probability = _classes(200, 3, seed=2)
    padded = np.column_stack([probability, np.zeros(200)])
    assert pointwise.auc(label, padded) == pytest.approx(pointwise.auc(label, probability))
    assert pointwise.pcoc(label, padded) == pytest.approx(pointwise.pcoc(label, probability))


def test_logloss_of_a_certain_mistake_is_the_documented_cap() -> None:
    label, probability = np.array([1, 0]), np.array([0.0, 1.0], dtype=np.float32)
    assert pointwise.logloss(label, probability) == pytest.approx(-np.log(pointwise.CLIP))
    assert pointwise.logloss(label, 1 - probability) == pytest.approx(0.0, abs=1e-6)


def test_float32_is_computed_in_float64() -> None:
    rows = 300_000
    probability = np.full(rows, 0.3, dtype=np.float32)
    label = np.zeros(rows, dtype=np.int32)
    assert pointwise.logloss(label, probability) == pytest.approx(-np.log1p(-float(np.float32(0.3))), rel=1e-12)


def test_rig_is_zero_for_the_base_rate_and_one_for_certainty() -> None:
    label = np.array([1, 0, 0, 0, 1])
    assert pointwise.rig(label, np.full(5, 0.4)) == pytest.approx(0.0)
    assert pointwise.rig(label, label.astype(float)) == pytest.approx(1.0, abs=1e-6)
    entropy = -(0.4 * np.log(0.4) + 0.6 * np.log(0.6))
    assert pointwise.rig(label, np.full(5, 0.5)) == pytest.approx(1 - np.log(2) / entropy)
    assert np.isnan(pointwise.rig(np.zeros(5, dtype=int), np.full(5, 0.4)))
    classes = np.array([0, 1, 2, 2])
    assert pointwise.rig(classes, np.tile([0.25, 0.25, 0.5], (4, 1))) == pytest.approx(0.0)


def test_ece_of_constructed_bins() -> None:
    # 20 bins of 10 rows: bin b predicts about b / 20 and has a click in every second row
    predicted = np.repeat(np.arange(20) / 20, 10) + np.tile(np.arange(10), 20) * 1e-6
    label = np.tile([0, 1], 100)
    expected = np.abs(predicted.reshape(20, 10).mean(axis=1) - 0.5).mean()
    assert pointwise.ece(label, predicted) == pytest.approx(expected)
    (bins,) = pointwise.calibration(label, predicted)
    assert bins.rows.tolist() == [10] * 20
    np.testing.assert_allclose(bins.observed, 0.5)


def test_ece_keeps_equal_probabilities_in_one_bin_whatever_the_order() -> None:
    label = np.array([0] * 70 + [1] * 30)
    assert pointwise.ece(label, np.full(100, 0.3)) == pytest.approx(0.0)
    generator = np.random.default_rng(3)
    probability = generator.integers(0, 12, size=100) / 12
    shuffled = generator.permutation(100)
    assert pointwise.ece(label[shuffled], probability[shuffled]) == pytest.approx(pointwise.ece(label, probability))


def test_ece_of_true_probabilities_shrinks_with_the_rows() -> None:
    generator = np.random.default_rng(4)
    truth = generator.uniform(size=100_000)
    label = (generator.uniform(size=100_000) < truth).astype(int)
    assert pointwise.ece(label, truth) < 0.01 < pointwise.ece(label, truth**2)


def test_pcoc_is_predicted_over_observed() -> None:
    label = np.array([1, 0, 0, 0])
    assert pointwise.pcoc(label, np.array([0.5, 0.25, 0.5, 0.25])) == pytest.approx(1.5)
    assert np.isnan(pointwise.pcoc(np.zeros(4, dtype=int), np.full(4, 0.5)))


def test_relaimpr_is_a_per_cent_of_the_excess_over_chance() -> None:
    assert pointwise.relaimpr(0.8, 0.75) == pytest.approx(20.0)
    assert pointwise.relaimpr(0.6, 0.75) == pytest.approx(-60.0)
    assert np.isnan(pointwise.relaimpr(0.8, 0.5))


@pytest.mark.parametrize(
    ("label", "probability", "says"),
    [
        ([], [], "no rows"),
        ([0, 1], [0.5], "shape"),
        ([0, 2], [0.5, 0.5], "row 1 is 2"),
        ([0, 0.5], [0.5, 0.5], "row 1 is 0.5"),
        ([0, 1], [0.5, np.nan], "row 1 is nan"),
        ([0, 1], [1.5, 0.5], "row 0 is 1.5"),
        ([0, 1], [[0.5, 0.5], [0.9, 0.9]], "row 1 sums to 1.8"),
    ],
)
def test_input_that_cannot_be_evaluated_is_named(label: list[float], probability: list[float], says: str) -> None:
    for metric in (pointwise.auc, pointwise.logloss, pointwise.rig, pointwise.rmse, pointwise.ece, pointwise.pcoc):
        with pytest.raises(InputError, match=says) as caught:
            metric(np.array(label), np.array(probability))
        assert "\n" not in str(caught.value)
