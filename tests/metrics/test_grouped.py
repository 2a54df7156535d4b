"""Metrics within users and groups, against slow loops over users."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from clickwise.errors import InputError
from clickwise.metrics import grouped


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """600 rows of 60 users with scattered codes, unequal activity and many tied probabilities."""
    generator = np.random.default_rng(0)
    user = (generator.integers(60, size=600) * generator.uniform(size=600)).astype(np.int64) * 1_000_003
    probability = generator.integers(1, 10, size=600) / 10
    return (generator.uniform(size=600) < probability).astype(int), probability, user


def test_user_table_agrees_with_a_loop(rows: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    label, probability, user = rows
    table = grouped.user_table(label, probability, user)
    assert table.user.tolist() == sorted(set(user.tolist()))
    for i, code in enumerate(table.user):
        y, p = label[user == code], probability[user == code]
        assert (table.rows[i], table.clicks[i]) == (len(y), y.sum())
        assert table.logloss[i] == pytest.approx(log_loss(y, p, labels=[0, 1]))
        if len(set(y)) == 1:
            assert np.isnan(table.auc[i])
        else:
            assert table.auc[i] == pytest.approx(roc_auc_score(y, p))
    assert np.isnan(table.auc).any() and not np.isnan(table.auc).all()


def test_multi_class_user_auc_is_the_mean_over_the_users_classes() -> None:
    generator = np.random.default_rng(1)
    label, user = generator.integers(4, size=120), generator.integers(20, size=120)
    probability = generator.dirichlet(np.ones(4), size=120)
    table = grouped.user_table(label, probability, user)
    for i, code in enumerate(table.user):
        y, p = label[user == code], probability[user == code]
        values = [roc_auc_score(y == c, p[:, c]) for c in range(4) if 0 < (y == c).sum() < len(y)]
        assert table.auc[i] == pytest.approx(np.mean(values)) if values else np.isnan(table.auc[i])
        assert table.logloss[i] == pytest.approx(-np.log(p[np.arange(len(y)), y]).mean())


def test_gauc_weighs_by_impressions_and_reports_who_is_left_out() -> None:
    user = np.array([7, 7, 7, 7, 9, 9, 4, 4, 5])
    label = np.array([0, 1, 0, 1, 1, 0, 0, 0, 1])
    probability = np.array([0.1, 0.2, 0.3, 0.4, 0.3, 0.6, 0.5, 0.2, 0.9])
    found = grouped.gauc(grouped.user_table(label, probability, user))
    assert found.value == pytest.approx((0.75 * 4 + 0.0 * 2) / 6)
    assert found.coverage == pytest.approx(6 / 9)
    assert found.user_coverage == pytest.approx(2 / 4)
    assert (found.users_without_clicks, found.users_only_clicks) == (1, 1)


def test_what_counts_as_a_click_is_told() -> None:
    """Five classes of which 3 and 4 are clicks: users 0 and 2 have none, user 1 has nothing else."""
    label, user = np.array([1, 1, 4, 4, 2, 2]), np.array([0, 0, 1, 1, 2, 2])
    found = grouped.gauc(grouped.user_table(label, np.full((6, 5), 0.2), user, click_from=3))
    assert (found.users_without_clicks, found.users_only_clicks) == (2, 1)


def test_gauc_without_a_user_of_both_classes_is_nan() -> None:
    found = grouped.gauc(grouped.user_table(np.array([0, 1]), np.array([0.1, 0.9]), np.array([1, 2])))
    assert np.isnan(found.value)
    assert found.coverage == 0.0


def test_users_won_splits_ties_equally() -> None:
    logloss = {
        "a": np.array([0.1, 0.5, 0.3, 0.2]),
        "b": np.array([0.2, 0.4, 0.3, 0.2]),
        "c": np.array([0.3, 0.6, 0.3, 0.9]),
    }
    won = grouped.users_won(logloss)
    assert won == pytest.approx({"a": (1 + 1 / 3 + 1 / 2) / 4, "b": (1 + 1 / 3 + 1 / 2) / 4, "c": (1 / 3) / 4})
    assert sum(won.values()) == pytest.approx(1.0)


def test_auc_by_earlier_fills_the_documented_buckets() -> None:
    generator = np.random.default_rng(2)
    earlier = np.concatenate([generator.integers(0, 200, size=2000), [0, 1, 2, 5, 6, 100, 101]])
    label = generator.integers(2, size=len(earlier))
    probability = generator.uniform(size=len(earlier))
    buckets = grouped.auc_by_earlier(label, probability, earlier)
    ends = [(0, 0), (1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (21, 50), (51, 100), (101, None)]
    assert [(b.low, b.high) for b in buckets] == ends
    assert sum(b.rows for b in buckets) == len(earlier)
    for bucket in buckets[3:]:
        inside = (earlier >= bucket.low) & (earlier <= (bucket.high or 10**6))
        assert bucket.rows == inside.sum()
        assert bucket.auc == pytest.approx(roc_auc_score(label[inside], probability[inside]))


def test_auc_by_earlier_of_an_empty_bucket_is_nan() -> None:
    buckets = grouped.auc_by_earlier(np.array([0, 1]), np.array([0.2, 0.8]), np.array([0, 0]), edges=(0, 10))
    assert (buckets[0].rows, buckets[0].auc) == (2, 1.0)
    assert buckets[1].rows == 0 and np.isnan(buckets[1].auc)


def test_bad_input_is_named() -> None:
    label, probability = np.array([0, 1]), np.array([0.2, 0.8])
    with pytest.raises(InputError, match="user: shape"):
        grouped.user_table(label, probability, np.array([1]))
    with pytest.raises(InputError, match="edges"):
        grouped.auc_by_earlier(label, probability, np.array([0, 1]), edges=(0, 5, 5))
    with pytest.raises(InputError, match="earlier"):
        grouped.auc_by_earlier(label, probability, np.array([0, -1]))
    with pytest.raises(InputError, match="users_won"):
        grouped.users_won({"a": np.zeros(2), "b": np.zeros(3)})
