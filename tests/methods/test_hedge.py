"""Weights in closed form against loops, an optimiser, and planted users."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from scipy.optimize import minimize

from clickwise.configuration import build, describe
from clickwise.data.log import ClickLog
from clickwise.errors import InputError
from clickwise.methods.controls import GlobalRate, Stacking, UniformAverage, likelihoods, stacking_weights
from clickwise.methods.hedge import HedgeMixture
from clickwise.methods.supervised import as_method
from clickwise.methods.user_weights import dirichlet_weights, hedge_weights, mean_loss
from clickwise.metrics.pointwise import logloss
from clickwise.prediction import predict
from clickwise.schema import Field, Schema
from clickwise.training import fit
from tests.logs import USERS, Parts, first_batch, mixed_schema, with_unknown_ids
from tests.planted_users import HALF, ByItem, grouped, two_models
from tests.trained import logs, trained


def fitted(parts: Parts, method: HedgeMixture) -> HedgeMixture:
    fit(method, parts.train, parts.valid, device="cpu", progress=False)
    return method


def observed(seed: int = 0, rows: int = 300, users: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """Likelihoods of three models, and users of whom the last one has no row."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.05, 0.95, (rows, 3)), rng.integers(0, users - 1, rows)


@pytest.mark.parametrize("learning_rate", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("prior", [[0.2, 0.5, 0.3], [0.0, 0.6, 0.4]])
def test_hedge_is_the_loop_over_users(learning_rate: float, prior: list[float]) -> None:
    likelihood, user = observed()
    found = hedge_weights(learning_rate, np.array(prior), likelihood, user, 9)
    for code in range(9):
        powers = [
            share * np.exp(learning_rate * sum(np.log(likelihood[row, model]) for row in np.flatnonzero(user == code)))
            for model, share in enumerate(prior)
        ]
        np.testing.assert_allclose(found[code], np.array(powers) / sum(powers), rtol=1e-9)
    np.testing.assert_allclose(found[8], prior)


def test_hedge_of_very_many_rows_neither_overflows_nor_divides_by_zero() -> None:
    likelihood = np.tile([1e-9, 0.9, 0.0], (5000, 1))
    prior = np.array([0.5, 0.5, 0.0])
    np.testing.assert_allclose(hedge_weights(1.0, prior, likelihood, np.zeros(5000, np.int64), 1), [[0, 1, 0]])


@pytest.mark.parametrize("prior_rows", [1.0, 20.0, 300.0])
def test_dirichlet_is_what_an_optimiser_finds(prior_rows: float) -> None:
    likelihood, user = observed(seed=1)
    prior = np.array([0.2, 0.5, 0.3])
    found = dirichlet_weights(prior_rows, prior, likelihood, user, 9)
    for code in range(8):
        own = likelihood[user == code]

        def loss(weights: np.ndarray, own: np.ndarray = own) -> float:
            return float(-np.log(own @ weights).sum() - prior_rows * (prior * np.log(weights)).sum())

        simplex = {"type": "eq", "fun": lambda weights: weights.sum() - 1}
        best = minimize(loss, prior, method="SLSQP", bounds=[(1e-9, 1)] * 3, constraints=simplex, tol=1e-12)
        np.testing.assert_allclose(found[code], best.x, atol=2e-3)
        assert loss(found[code]) <= loss(best.x) + 1e-5
    np.testing.assert_allclose(found[8], prior)
    np.testing.assert_allclose(found.sum(1), 1)


def test_learning_rate_0_is_stacking() -> None:
    parts = logs()
    models = [trained("lr"), trained("fm")]
    stacking = Stacking(models)
    fit(stacking, parts.train, parts.valid, device="cpu", progress=False)
    hedge = fitted(parts, HedgeMixture(models, "hedge", learning_rate=0.0))
    np.testing.assert_allclose(hedge.weights, stacking.weights, atol=1e-3)
    np.testing.assert_allclose(predict(hedge, parts.test), predict(stacking, parts.test), atol=1e-4)
    np.testing.assert_allclose(hedge.table, hedge.weights.expand_as(hedge.table), atol=1e-6)


@pytest.mark.parametrize("options", [{"kind": "hedge", "learning_rate": 1.0}, {"kind": "dirichlet", "prior_rows": 1.0}])
def test_the_right_model_of_a_user_gets_all_the_weight(options: dict[str, Any]) -> None:
    parts = grouped(own=6.0, other=-6.0)
    method = fitted(parts, HedgeMixture(two_models(parts.train.schema), **options))
    weights = method.user_weights(parts.test)
    first = weights["user"].to_numpy() < HALF
    assert weights[method.names[0]].to_numpy()[first].min() > 0.95
    assert weights[method.names[1]].to_numpy()[~first].min() > 0.95
    expected = np.bincount(parts.valid.user, minlength=USERS)
    assert weights["support_rows"].to_list() == expected[weights["user"].to_numpy()].tolist()


def test_what_is_chosen_beats_stacking_where_users_differ() -> None:
    parts = grouped()
    models = two_models(parts.train.schema)
    chosen = fitted(parts, HedgeMixture(models))
    stacking = fitted(parts, HedgeMixture(models, "hedge", 0.0))
    best = logloss(parts.test.label, truth(parts.test))
    losses = [logloss(parts.test.label, predict(method, parts.test)) for method in (chosen, stacking)]
    assert losses[0] < losses[1] - 0.2
    assert losses[0] < best + 0.01


def truth(log: ClickLog) -> np.ndarray:
    """The click probability that ``grouped`` draws from."""
    item = log.ids[:, log.schema.slots("item").start]
    sign = np.where(log.user < HALF, 1, -1) * np.where(item % 2 == 0, 1, -1)
    return np.asarray(1 / (1 + np.exp(-2.0 * sign)))


def test_where_users_are_alike_it_stays_near_stacking() -> None:
    parts = grouped(own=0.7, other=0.7)
    models = [ByItem(parts.train.schema, 1.5), ByItem(parts.train.schema, -0.1)]
    chosen, stacking = (fitted(parts, HedgeMixture(models, *options)) for options in ((), ("hedge", 0.0)))
    losses = [logloss(parts.test.label, predict(method, parts.test)) for method in (chosen, stacking)]
    assert abs(losses[0] - losses[1]) < 0.003


def test_a_strength_that_is_given_is_kept_and_the_kind_can_be_chosen() -> None:
    parts = grouped()
    models = two_models(parts.train.schema)
    assert fitted(parts, HedgeMixture(models, "hedge", 0.3)).chosen_strength == 0.3
    both = fitted(parts, HedgeMixture(models, learning_rate=0.0, prior_rows=7.0))
    assert (both.chosen_kind, both.chosen_strength) == ("dirichlet", 7.0)
    assert fitted(parts, HedgeMixture(models, "dirichlet")).chosen_kind == "dirichlet"


def test_with_strangers_weights_the_gain_vanishes() -> None:
    parts = grouped()
    models = two_models(parts.train.schema)
    shuffled = fitted(parts, HedgeMixture(models, shuffle_users=True))
    stacking = fitted(parts, HedgeMixture(models, "hedge", 0.0))
    losses = [logloss(parts.test.label, predict(method, parts.test)) for method in (shuffled, stacking)]
    assert losses[0] > losses[1] - 0.003


def test_weights_come_from_the_last_log_alone() -> None:
    parts = grouped()
    method = fitted(parts, HedgeMixture(two_models(parts.train.schema), "hedge", 0.2))
    after_fit = method.table.clone()
    likelihood = likelihoods(method._methods(), parts.test)
    expected = hedge_weights(0.2, method._prior(), likelihood, parts.test.user, USERS)
    method.remember(parts.train, parts.test)
    np.testing.assert_allclose(method.table[2:], expected, atol=1e-6)
    method.remember(parts.train, parts.valid)
    assert torch.equal(method.table, after_fit)
    method.remember()
    assert not method.rows.any()
    np.testing.assert_allclose(method.table, method.weights.expand_as(method.table), atol=1e-6)


def test_a_confident_mistake_costs_what_the_metrics_say() -> None:
    """A row whose label the first model calls impossible, and the second one likely."""
    likelihood, prior = np.array([[0.0, 0.9]]), np.array([0.5, 0.5])
    worst = logloss(np.array([1]), np.array([0.0]))
    assert mean_loss(np.array([[1.0, 0.0]]), likelihood) == worst
    found = hedge_weights(0.1, prior, likelihood, np.array([0]), 1)[0]
    assert found[0] / found[1] == pytest.approx(np.exp(-0.1 * (worst + np.log(0.9))))


def test_users_without_rows_and_unknown_users_get_the_global_weights() -> None:
    parts = grouped()
    valid = parts.valid.take(np.flatnonzero(parts.valid.user != 3))
    method = fitted(Parts(parts.train, valid, parts.test), HedgeMixture(two_models(parts.train.schema)))
    weights = method.user_weights(parts.test).row(by_predicate=pl.col("user") == 3, named=True)
    assert weights["support_rows"] == 0
    expected = stacking_weights([as_method(model) for model in method.models], valid).numpy()
    np.testing.assert_allclose([weights[name] for name in method.names], expected, atol=1e-3)
    unknown = with_unknown_ids(parts.test)
    with torch.no_grad():
        batch = first_batch(unknown)
        assert torch.allclose(method.predict(batch), UniformAverage.predict(method, batch), atol=1e-6)
    assert (method.user_weights(unknown)["support_rows"] == 0).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_a_prediction_is_the_sum_over_models(classes: int) -> None:
    parts = logs(classes)
    method = fitted(parts, HedgeMixture([trained("lr", classes), trained("fm", classes)], "hedge", 0.1))
    found = predict(method, parts.test)
    each = [predict(model, parts.test) for model in method.models]
    by_user = {row[0]: row[2:] for row in method.user_weights(parts.test).iter_rows()}
    for row in range(0, len(parts.test), 17):
        weights = by_user[parts.test.user[row]]
        expected = sum(weight * one[row] for weight, one in zip(weights, each, strict=True))
        np.testing.assert_allclose(found[row], expected, atol=1e-6)


def named(log: ClickLog, names: list[str]) -> ClickLog:
    return replace(log, users=pl.Series(names))


def test_adapting_to_given_rows_tells_users_apart_by_name() -> None:
    parts = grouped()
    method = fitted(parts, HedgeMixture(two_models(parts.train.schema), "hedge", 0.2))
    names = [f"u{code}" for code in range(USERS)]
    # In the query the same users have other codes, and one of them has no support.
    support = named(parts.valid.take(np.flatnonzero(parts.valid.user != 0)), names)
    query = named(replace(parts.test, user=USERS - 1 - parts.test.user), names[::-1])
    adapted = method.adapt(support)
    method.remember(support)
    np.testing.assert_allclose(adapted.predict(query), predict(method, parts.test), atol=1e-6)
    assert adapted.without_support(query) == 1
    weights, expected = adapted.user_weights(query).sort("user"), method.user_weights(parts.test)
    expected = expected.with_columns(user=pl.Series([names[code] for code in expected["user"]])).sort("user")
    assert weights["user"].equals(expected["user"])
    assert weights["support_rows"].to_list() == expected["support_rows"].to_list()
    np.testing.assert_allclose(weights[method.names[0]], expected[method.names[0]], atol=1e-6)
    with pytest.raises(InputError, match="by String, the query by Int64"):
        adapted.predict(parts.test)


def test_rows_adapted_to_cannot_be_judged_on() -> None:
    parts = grouped()
    adapted = fitted(parts, HedgeMixture(two_models(parts.train.schema), "hedge", 0.2)).adapt(parts.valid)
    with pytest.raises(InputError, match="support and query share 5 rows"):
        adapted.predict(parts.valid.take(slice(0, 5)))


def test_described_built_and_loaded_it_predicts_and_adapts_the_same_bits() -> None:
    parts = logs()
    method = fitted(parts, HedgeMixture([trained("lr"), trained("fm")]))
    copy = build(describe(method), parts.test.schema)
    copy.load_state_dict(method.state_dict())
    assert np.array_equal(predict(copy, parts.test), predict(method, parts.test))
    adapted, again = method.adapt(parts.valid), copy.adapt(parts.valid)
    assert np.array_equal(adapted.predict(parts.test), again.predict(parts.test))


def test_what_cannot_be_is_one_line() -> None:
    schema = mixed_schema()
    models = two_models(schema)
    with pytest.raises(InputError, match="did you mean 'hedge'"):
        HedgeMixture(models, "hedg")
    with pytest.raises(InputError, match="kind 'dirichlet' takes prior_rows"):
        HedgeMixture(models, "dirichlet", learning_rate=0.1)
    with pytest.raises(InputError, match="kind 'hedge' takes learning_rate"):
        HedgeMixture(models, "hedge", prior_rows=3)
    with pytest.raises(InputError, match="at least 0, not -1"):
        HedgeMixture(models, learning_rate=-1)
    with pytest.raises(InputError, match="positive, not 0"):
        HedgeMixture(models, prior_rows=0)
    with pytest.raises(InputError, match="different schemas"):
        HedgeMixture([models[0], ByItem(mixed_schema(3), 1.0)])
    with pytest.raises(InputError, match="attribute 'schema'"):
        HedgeMixture([GlobalRate(schema), GlobalRate(schema)])
    nameless = Schema((Field("item"),), item="item").fitted({"item": 5})
    with pytest.raises(InputError, match="name its 'user'"):
        HedgeMixture([ByItem(nameless, 1.0)])


def test_it_asks_for_validation_rows_and_enough_of_them() -> None:
    parts = grouped(60)
    with pytest.raises(InputError, match="learns from validation rows"):
        fit(HedgeMixture(two_models(parts.train.schema)), parts.train, progress=False)
    with pytest.raises(InputError, match="give it more of them"):
        fit(HedgeMixture(two_models(parts.train.schema)), parts.train, parts.valid.take(slice(0, 1)), progress=False)
