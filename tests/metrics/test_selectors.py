"""Perfect selectors: against loops over rows and users, against every other choice, and on a planted truth."""

from itertools import product

import numpy as np
import pytest
from sklearn.metrics import log_loss

from clickwise.errors import InputError
from clickwise.metrics.grouped import user_table, users_won
from clickwise.metrics.pointwise import logloss
from clickwise.metrics.selectors import perfect_sample, perfect_user, winners

MODELS = ("lr", "fm", "deepfm")


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """500 rows of up to 40 users with scattered codes in any order, and three models."""
    generator = np.random.default_rng(0)
    user = generator.integers(40, size=500) * 1_000_003 - 7
    label = generator.integers(2, size=500)
    return label, user, {name: generator.uniform(0.01, 0.99, 500).astype(np.float32) for name in MODELS}


def test_perfect_sample_agrees_with_a_loop(rows: tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]) -> None:
    label, _, predictions = rows
    chosen = perfect_sample(label, predictions)
    assert (chosen.dtype, chosen.shape) == (np.float32, (500,))
    for i, y in enumerate(label):
        values = [p[i] for p in predictions.values()]
        assert chosen[i] == (max(values) if y else min(values))


def test_perfect_user_agrees_with_a_loop(rows: tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]) -> None:
    label, user, predictions = rows
    found = perfect_user(label, user, predictions)
    assert (found.probability.dtype, found.probability.shape) == (np.float32, (500,))
    assert found.winners.models == MODELS
    assert found.winners.user.tolist() == sorted(set(user.tolist()))
    for i, code in enumerate(found.winners.user):
        mine = user == code
        losses = [log_loss(label[mine], p[mine].astype(np.float64), labels=[0, 1]) for p in predictions.values()]
        assert found.winners.logloss[i] == pytest.approx(losses)
        assert found.winners.model[i] == np.argmin(losses)
        np.testing.assert_array_equal(found.probability[mine], predictions[MODELS[np.argmin(losses)]][mine])


def test_no_choice_a_user_is_better() -> None:
    generator = np.random.default_rng(1)
    user, label = np.repeat([5, 3, 9, 4], 6), generator.integers(2, size=24)
    predictions = {name: generator.uniform(0.05, 0.95, 24) for name in MODELS}
    stacked = np.stack(list(predictions.values()))
    every = [
        logloss(label, stacked[np.repeat(choice, 6), np.arange(24)]) for choice in product(range(len(MODELS)), repeat=4)
    ]
    assert logloss(label, perfect_user(label, user, predictions).probability) == pytest.approx(min(every), rel=1e-6)


def test_bounds_are_in_order(rows: tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]) -> None:
    label, user, predictions = rows
    sample = logloss(label, perfect_sample(label, predictions))
    users = logloss(label, perfect_user(label, user, predictions).probability)
    assert sample < users < min(logloss(label, p) for p in predictions.values())


def test_a_user_a_row_makes_both_bounds_equal_and_one_user_chooses_the_best_model(
    rows: tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]],
) -> None:
    label, _, predictions = rows
    each = perfect_user(label, np.arange(500)[::-1], predictions).probability
    np.testing.assert_array_equal(each, perfect_sample(label, predictions))
    best = min(predictions, key=lambda name: logloss(label, predictions[name]))
    np.testing.assert_array_equal(perfect_user(label, np.zeros(500, int), predictions).probability, predictions[best])


def test_classes_keep_their_columns() -> None:
    generator = np.random.default_rng(2)
    label, user = generator.integers(4, size=90), generator.integers(9, size=90)
    predictions = {name: generator.dirichlet(np.ones(4), size=90).astype(np.float32) for name in MODELS}
    sample, users = perfect_sample(label, predictions), perfect_user(label, user, predictions)
    assert sample.shape == users.probability.shape == (90, 4)
    np.testing.assert_allclose(sample.sum(axis=1), 1, rtol=1e-5)
    hit = np.stack([p[np.arange(90), label] for p in predictions.values()])
    np.testing.assert_array_equal(sample[np.arange(90), label], hit.max(axis=0))
    tables = [user_table(label, p, user).logloss for p in predictions.values()]
    np.testing.assert_array_equal(users.winners.model, np.argmin(tables, axis=0))


def test_ties_go_to_the_first_model() -> None:
    label, user = np.array([1, 0, 1]), np.array([2, 2, 1])
    same, worse = np.array([0.8, 0.2, 0.7]), np.array([0.5, 0.5, 0.5])
    found = winners(label, user, {"worse": worse, "first": same, "second": same.copy()})
    assert found.model.tolist() == [1, 1]
    assert found.shares == {"worse": 0.0, "first": 1.0, "second": 0.0}
    # Equal on the class of the label, different on the others.
    classes = {"a": np.array([[0.4, 0.5, 0.1]]), "b": np.array([[0.4, 0.1, 0.5]])}
    np.testing.assert_array_equal(perfect_sample(np.array([0]), classes), classes["a"].astype(np.float32))


def test_shares_agree_with_users_won_without_ties(rows: tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]) -> None:
    label, user, predictions = rows
    found = winners(label, user, predictions)
    tables = {name: user_table(label, p, user).logloss for name, p in predictions.items()}
    assert found.shares == pytest.approx(users_won(tables))


def test_the_planted_model_of_each_group_is_found() -> None:
    generator = np.random.default_rng(3)
    group = generator.integers(3, size=300)
    user = np.tile(np.arange(300), 80)
    truth = generator.uniform(0.05, 0.95, len(user))
    label = (generator.uniform(size=len(user)) < truth).astype(int)
    blind = np.full(len(user), 0.5)
    predictions = {name: np.where(group[user] == i, truth, blind) for i, name in enumerate(MODELS)}
    found = winners(label, user, predictions)
    assert (found.model == group).mean() > 0.98
    for i, name in enumerate(MODELS):
        assert (found.model[group == i] == found.models.index(name)).mean() > 0.95


def test_bad_input_is_named() -> None:
    label, user, fine = np.array([0, 1]), np.array([4, 4]), np.array([0.2, 0.8])
    with pytest.raises(InputError, match="no models to choose from"):
        perfect_sample(label, {})
    with pytest.raises(InputError, match=r"'fm' have shape \(3,\); it must be \(2,\) like those of 'lr'"):
        perfect_sample(label, {"lr": fine, "fm": np.ones(3)})
    with pytest.raises(InputError, match="predictions of 'fm': probability: row 1 is nan"):
        perfect_user(label, user, {"lr": fine, "fm": np.array([0.1, np.nan])})
    with pytest.raises(InputError, match="user: shape"):
        perfect_user(label, np.array([1]), {"lr": fine})
