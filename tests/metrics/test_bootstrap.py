"""The bootstrap by user: its weights, its metrics replicate by replicate, and the intervals it gives."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from clickwise.errors import InputError
from clickwise.metrics import bootstrap, grouped, pointwise
from clickwise.metrics.significance import percentile_interval


def _repeated(weights: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Rows of one replicate, each repeated as often as its user was drawn."""
    return np.repeat(np.arange(len(member)), weights[member].astype(int))


def _log(seed: int, users: int = 25, rows: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    member = generator.integers(users, size=rows)
    member[:users] = np.arange(users)
    probability = generator.integers(1, 20, size=rows) / 20
    return (generator.uniform(size=rows) < probability).astype(int), probability, member


def test_weights_are_multinomial_and_repeat_with_the_seed() -> None:
    weights = np.concatenate(list(bootstrap.resample_weights(50, 300, seed=1)), axis=1)
    assert weights.shape == (50, 300)
    assert (weights.sum(axis=0) == 50).all()
    assert weights.mean() == 1.0
    assert weights.var() == pytest.approx(1 - 1 / 50, rel=0.05)
    again = np.concatenate(list(bootstrap.resample_weights(50, 300, seed=1)), axis=1)
    other = np.concatenate(list(bootstrap.resample_weights(50, 300, seed=2)), axis=1)
    assert (weights == again).all() and (weights != other).any()


def test_weights_do_not_depend_on_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(bootstrap.resample_weights(40, 20, seed=3)), axis=1)
    monkeypatch.setattr(bootstrap, "_CHUNK_VALUES", 40 * 3)
    chunks = list(bootstrap.resample_weights(40, 20, seed=3))
    assert [chunk.shape[1] for chunk in chunks] == [3] * 6 + [2]
    assert (np.concatenate(chunks, axis=1) == whole).all()


def test_every_replicate_is_the_metric_of_its_repeated_rows() -> None:
    label, probability, member = _log(0)
    user = member * 17 - 5
    found = bootstrap.bootstrap_metrics(label, {"m": probability}, user, bootstrap.METRICS, replicates=30, seed=4)["m"]
    weights = np.concatenate(list(bootstrap.resample_weights(25, 30, seed=4)), axis=1)
    for i in range(30):
        rows = _repeated(weights[:, i], member)
        for metric in ("auc", "logloss", "rig", "rmse", "pcoc"):
            expected = getattr(pointwise, metric)(label[rows], probability[rows])
            assert found[metric][i] == pytest.approx(expected, rel=1e-6), metric
        # within a user, repeating all rows changes neither AUC nor the ratio of impressions
        expected = grouped.gauc(grouped.user_table(label[rows], probability[rows], user[rows])).value
        assert found["gauc"][i] == pytest.approx(expected)


def test_multi_class_replicates() -> None:
    generator = np.random.default_rng(5)
    label, member = generator.integers(3, size=150), np.arange(150) % 15
    probability = generator.dirichlet(np.ones(3), size=150)
    found = bootstrap.bootstrap_metrics(label, {0: probability}, member, bootstrap.METRICS, replicates=5, seed=6)[0]
    weights = np.concatenate(list(bootstrap.resample_weights(15, 5, seed=6)), axis=1)
    for i in range(5):
        rows = _repeated(weights[:, i], member)
        for metric in ("auc", "logloss", "rig", "rmse", "pcoc"):
            expected = getattr(pointwise, metric)(label[rows], probability[rows])
            assert found[metric][i] == pytest.approx(expected, rel=1e-6), metric


def test_methods_share_their_draws() -> None:
    label, probability, member = _log(1)
    twice = bootstrap.bootstrap_metrics(label, {"a": probability, "b": probability}, member, replicates=20, seed=7)
    alone = bootstrap.bootstrap_metrics(label, {"b": probability}, member, replicates=20, seed=7)
    for metric in ("auc", "gauc", "logloss"):
        np.testing.assert_array_equal(twice["a"][metric], twice["b"][metric])
        np.testing.assert_allclose(alone["b"][metric], twice["b"][metric], rtol=1e-12)


def test_a_replicate_of_one_class_is_nan_and_not_an_error() -> None:
    label, probability, user = np.array([1, 0, 0]), np.array([0.9, 0.2, 0.1]), np.array([1, 2, 2])
    found = bootstrap.bootstrap_metrics(label, {"m": probability}, user, bootstrap.METRICS, replicates=50, seed=8)["m"]
    assert 0 < np.isnan(found["auc"]).sum() < 50
    assert np.isnan(found["gauc"]).all()
    assert np.isfinite(found["logloss"]).all()


def test_intervals_cover_the_true_value_when_users_are_clusters() -> None:
    """Users share an effect, so rows are far from independent: intervals by user hold about 95 %, by row far less."""
    generator = np.random.default_rng(9)
    users, rows, logs = 100, 15, 300
    user = np.repeat(np.arange(users), rows)

    def draw(users: int) -> tuple[np.ndarray, np.ndarray]:
        effect, seen = generator.normal(size=(2, users, 1))
        score = seen + 0.3 * generator.normal(size=(users, rows))
        truth = 1 / (1 + np.exp(-effect - seen))
        return (generator.uniform(size=(users, rows)) < truth).astype(int).ravel(), 1 / (1 + np.exp(-score)).ravel()

    def covers(replicates: np.ndarray, true: float) -> bool:
        low, high = percentile_interval(replicates)
        return low <= true <= high

    label, probability = draw(40_000)
    true_auc, true_logloss = roc_auc_score(label, probability), pointwise.logloss(label, probability)
    covered, covered_by_row = np.zeros(2), []
    for seed in range(logs):
        label, probability = draw(users)
        found = bootstrap.bootstrap_metrics(label, {"m": probability}, user, ("auc", "logloss"), 200, seed)["m"]
        covered += covers(found["auc"], true_auc), covers(found["logloss"], true_logloss)
        if seed % 5 == 0:
            rows_alone = np.arange(len(label))
            found = bootstrap.bootstrap_metrics(label, {"m": probability}, rows_alone, ("logloss",), 200, seed)["m"]
            covered_by_row.append(covers(found["logloss"], true_logloss))
    # the standard deviation of a share of 300 at 95 % is 1.3 %; percentile intervals of 100 users run a little short
    assert ((covered / logs > 0.90) & (covered / logs < 0.99)).all(), covered
    assert np.mean(covered_by_row) < 0.85


def test_bad_input_is_named() -> None:
    label, probability, member = _log(2)
    with pytest.raises(InputError, match="'acu' is unknown; did you mean 'auc'"):
        bootstrap.bootstrap_metrics(label, {"m": probability}, member, metrics=("acu",))
    with pytest.raises(InputError, match="at least 1 user and 1 replicate"):
        bootstrap.bootstrap_metrics(label, {"m": probability}, member, replicates=0)
    with pytest.raises(InputError, match="no predictions"):
        bootstrap.bootstrap_metrics(label, {}, member)
    with pytest.raises(InputError, match="user: shape"):
        bootstrap.bootstrap_metrics(label, {"m": probability}, member[1:])
