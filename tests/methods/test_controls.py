"""Controls against formulas and brute force."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from clickwise.data.log import Batch
from clickwise.errors import InputError
from clickwise.methods import GlobalRate, MeanLogit, Method, Stacking, UniformAverage
from clickwise.methods.controls import SMOOTHING, convex_weights
from clickwise.metrics.pointwise import logloss, negative_log
from clickwise.models import DeepFM
from clickwise.prediction import predict
from clickwise.schema import Field, Schema
from clickwise.training import fit, seeded
from tests.logs import make_logs, with_unknown_ids
from tests.trained import logs, trained

every_label = pytest.mark.parametrize("classes", [2, 3])


@every_label
def test_global_rate_is_the_mean_of_the_training_rows(classes: int) -> None:
    parts = logs(classes)
    probability = predict(trained("global-rate", classes), parts.test)
    shares = np.array([(parts.train.label == c).mean() for c in range(classes)])
    expected = shares[1] if classes == 2 else shares
    np.testing.assert_allclose(probability, np.broadcast_to(expected, probability.shape), rtol=1e-6)


def mean_logit_by_hand(train, rows, smoothing: Sequence[float]) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Class scores: the global log shares, plus what user and item add to them."""
    classes = train.schema.classes
    share = np.array([(train.label == c).mean() for c in range(classes)])
    scores = np.tile(np.log(share), (len(rows), 1))
    for field, imaginary in zip(("user", "item"), smoothing, strict=True):
        column = train.schema.slots(field).start
        for row in range(len(rows)):
            own = train.label[train.ids[:, column] == rows.ids[row, column]]
            seen = np.array([(own == c).sum() for c in range(classes)])
            scores[row] += np.log((seen + imaginary * share) / (len(own) + imaginary)) - np.log(share)
    powers = np.exp(scores)
    return powers / powers.sum(1, keepdims=True)


@every_label
def test_mean_logit_by_hand(classes: int) -> None:
    """The smoothing of users is chosen first, then that of items given it."""
    parts = logs(classes)

    def by_hand(rows, smoothing):  # type: ignore[no-untyped-def]
        found = mean_logit_by_hand(parts.train, rows, smoothing)
        return found[:, 1] if classes == 2 else found

    probability = predict(trained("mean-logit", classes), parts.test)
    candidates = {
        pair: by_hand(parts.test.take(slice(0, 40)), pair) for pair in itertools.product(SMOOTHING, SMOOTHING)
    }
    near = [pair for pair, values in candidates.items() if np.allclose(values, probability[:40], atol=2e-6)]
    assert len(near) == 1
    of_users = near[0][0]
    on_valid = {s: logloss(parts.valid.label, by_hand(parts.valid, (of_users, s))) for s in SMOOTHING}
    assert near[0][1] == min(on_valid, key=lambda s: on_valid[s])


def test_mean_logit_gives_the_unknown_the_global_rate() -> None:
    parts = logs()
    probability = predict(trained("mean-logit"), with_unknown_ids(parts.test))
    np.testing.assert_allclose(probability, parts.train.label.mean(), rtol=1e-5)


def test_mean_logit_fitted_twice_is_fitted_once() -> None:
    parts = make_logs(600)
    method = MeanLogit(parts.train.schema)
    fit(method, parts.train, parts.valid, progress=False)
    once = predict(method, parts.test)
    fit(method, parts.train, parts.valid, progress=False)
    assert np.array_equal(predict(method, parts.test), once)


def test_mean_logit_needs_user_or_item() -> None:
    with pytest.raises(InputError, match="mean-logit needs the schema to name its 'item'"):
        MeanLogit(Schema((Field("age", kind="number"), Field("city"))).fitted({"city": 5}))


@every_label
def test_uniform_average_is_the_mean(classes: int) -> None:
    test = logs(classes).test
    each = [predict(trained(name, classes), test) for name in ("lr", "fm")]
    np.testing.assert_allclose(predict(trained("uniform-average", classes), test), sum(each) / 2, atol=1e-6)


@every_label
def test_stacking_is_never_worse_on_validation_rows_than_its_parts(classes: int) -> None:
    valid = logs(classes).valid
    losses = {
        n: logloss(valid.label, predict(trained(n, classes), valid))
        for n in ("lr", "fm", "uniform-average", "stacking")
    }
    assert losses["stacking"] <= min(losses.values()) + 1e-6
    weights = trained("stacking", classes).weights
    assert (weights >= 0).all() and float(weights.sum()) == pytest.approx(1, abs=1e-6)


class Fixed(Method):
    """Predicts what its rows' time says: a model whose predictions are known."""

    iterates = False

    def __init__(self, probability: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("probability", torch.tensor(probability))

    def predict(self, batch: Batch) -> Tensor:
        return self.probability[batch.time]


def test_stacking_finds_the_weights_that_made_the_labels() -> None:
    parts = make_logs(9000)
    rng = np.random.default_rng(1)
    good, other = rng.uniform(0.05, 0.95, (2, 9000))
    label = (rng.random(9000) < 0.7 * good + 0.3 * other).astype(np.int32)
    parts.valid.label[:] = label[parts.valid.time]
    method = Stacking([Fixed(good.tolist()), Fixed(other.tolist())])
    fit(method, parts.train, parts.valid, progress=False)
    np.testing.assert_allclose(method.weights, [0.7, 0.3], atol=0.1)


def test_stacking_is_fitted_without_dropout() -> None:
    parts = make_logs(600)
    weights = []
    for training in (True, False):
        with seeded(0):
            models = [DeepFM(parts.train.schema, dropout=0.9, initial_deviation=1.0).train(training) for _ in range(2)]
        method = Stacking(models)
        fit(method, parts.train, parts.valid, progress=False)
        weights.append(method.weights)
    assert torch.equal(*weights)


def random_likelihood(seed: int, models: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    strength = rng.uniform(0, 3, models)
    return 1 / (1 + np.exp(-rng.normal(strength / 2, 1 + strength, (300, models))))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.sampled_from([2, 3]))
def test_weights_beat_every_point_of_a_grid(seed: int, models: int) -> None:
    likelihood = random_likelihood(seed, models)
    ticks = itertools.product(np.linspace(0, 1, 41), repeat=models - 1)
    grid = np.array([(*first, 1 - sum(first)) for first in ticks if sum(first) <= 1])
    on_grid = -np.log(likelihood @ grid.T).mean(0)
    weights = convex_weights(likelihood)
    found = -np.log(likelihood @ weights).mean()
    assert found <= on_grid.min() + 1e-7
    best = grid[on_grid.argmin()]
    assert abs(weights - best).max() < 0.05 or on_grid.min() - found < 1e-4


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(1, 8), st.floats(1e-9, 1.0))
def test_weights_are_found_for_models_however_alike_or_extreme(seed: int, models: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    base = rng.random((200, 1)) ** rng.uniform(0.2, 20)
    likelihood = np.clip(base + spread * rng.normal(size=(200, models)), 1e-12, 1 - 1e-12)
    weights = convex_weights(likelihood)
    assert (weights >= 0).all() and weights.sum() == pytest.approx(1)
    # No model is better alone, in the LogLoss of the metrics.
    assert negative_log(likelihood @ weights).mean() <= negative_log(likelihood).mean(0).min() + 1e-5


@pytest.mark.parametrize("kind", [MeanLogit, Stacking])
def test_controls_fitted_on_validation_rows_ask_for_them(kind: type[Method]) -> None:
    parts = make_logs(60)
    method = MeanLogit(parts.train.schema) if kind is MeanLogit else Stacking([GlobalRate(parts.train.schema)])
    with pytest.raises(InputError, match="on validation rows; give it some"):
        fit(method, parts.train, progress=False)


def test_an_average_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="at least one trained model"):
        UniformAverage([])
