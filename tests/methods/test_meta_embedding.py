"""Algorithm 1 against loops and finite differences, and what it does where taste follows from the profile."""

import copy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.func import functional_call

from clickwise.configuration import build, describe
from clickwise.data.log import Batch, ClickLog
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.losses import cross_entropy
from clickwise.methods.halves import HalvedRows, Pair
from clickwise.methods.meta_embedding import MetaEmbedding
from clickwise.methods.method import Run
from clickwise.methods.supervised import Supervised
from clickwise.metrics.bootstrap import bootstrap_metrics
from clickwise.metrics.pointwise import logloss
from clickwise.metrics.significance import paired_difference
from clickwise.model_folder import load_model, save_model
from clickwise.models import LR, DeepFM
from clickwise.models.gated import UserDependentGating
from clickwise.nn.tables import id_tables
from clickwise.prediction import predict
from clickwise.schema import Schema
from clickwise.training import fit, seeded
from tests.logs import assert_same_bits, first_batch, make_logs, with_unknown_ids
from tests.methods.planted_newcomers import Dot, Planted, planted
from tests.trained import state

LOG = make_logs(600).train
MAIN = "embedding.slots.table.weight"
every_field = pytest.mark.parametrize("field", ["user", "item"])


def network(gated: bool = False, schema: Schema = LOG.schema) -> nn.Module:
    with seeded(1):
        model = DeepFM(schema, embedding_dim=3, hidden_dims=(6,), initial_deviation=0.5)
        return UserDependentGating(model, gate_dim=5) if gated else model


def started(field: str = "user", gated: bool = False, **options: Any) -> MetaEmbedding:
    with seeded(0):
        method = MetaEmbedding(network(gated), field, pretrain=False, initial_deviation=0.3, **options)
    method.start(LOG, None, Run(Fabric(accelerator="cpu", devices=1)))
    return method.train()


def in_double(method: MetaEmbedding, pair: Pair) -> Pair:
    """The method computes in 64 bits from now on; the pair's numbers too."""
    method.double()
    a, b = (replace(part, numbers=part.numbers.double()) for part in (pair.a, pair.b))
    return Pair(a, b, pair.of_a, pair.of_b, pair.first)


def objective(method: MetaEmbedding, pair: Pair) -> Tensor:
    cold, warm = method.losses(method.generator(pair.a.select(pair.first)), pair)
    return method.gamma * cold + (1 - method.gamma) * warm


def one_id(method: MetaEmbedding, vector: Tensor, batch: Batch, table: str) -> Tensor:
    """Mean loss of the rows of one id with its vector in the whole table, where it stands as the unknown id."""
    weights = dict(method.vectors.network.named_parameters())
    place = torch.arange(LOG.schema.size) == method.vectors.unknown
    ids = batch.ids.clone()
    ids[:, method.vectors.column] = method.vectors.unknown
    whole = torch.where(place.unsqueeze(1), vector, weights[table].detach())
    logits = functional_call(method.vectors.network, {table: whole}, (batch.with_ids(ids),))
    return cross_entropy(logits, batch.label).mean()


@every_field
@pytest.mark.parametrize("gated", [False, True])
def test_many_ids_at_once_are_a_loop_over_them(field: str, gated: bool) -> None:
    method = started(field, gated, rows_per_id=4, ids_per_step=7)
    table = f"model.{MAIN}" if gated else MAIN
    if gated and field == "user":
        table = method.vectors.network.user_table
    pair = in_double(method, next(iter(method.episodes(0, 0, 0))))
    total = torch.zeros((), dtype=torch.float64)
    for number, first in enumerate(pair.first):
        a, b = (
            part.select(torch.nonzero(of == number).squeeze(1))
            for part, of in ((pair.a, pair.of_a), (pair.b, pair.of_b))
        )
        vector = method.generator(pair.a.select(first.unsqueeze(0)))
        cold = one_id(method, vector, a, table)
        (gradient,) = torch.autograd.grad(cold, vector, create_graph=True)
        warm = one_id(method, vector - method.inner_learning_rate * gradient, b, table)
        total = total + 0.1 * cold + 0.9 * warm
    expected = total / len(pair.first)
    found = objective(method, pair)
    torch.testing.assert_close(found, expected)
    used = [p for p in method.generator.parameters() if p.numel()]
    ours, theirs = (torch.autograd.grad(loss, used) for loss in (found, expected))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)
    assert any(gradient.abs().max() > 1e-4 for gradient in ours)


@pytest.mark.parametrize("second_order", [True, False])
def test_the_gradient_is_of_second_order(second_order: bool) -> None:
    method = started(second_order=second_order, inner_learning_rate=20.0)
    pair = in_double(method, next(iter(method.episodes(0, 0, 0))))
    (gradient,) = torch.autograd.grad(objective(method, pair), method.generator.bias)
    found = []
    for place in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[place] = 1e-5
        values = []
        for sign in (1, -1):
            method.generator.bias.data += sign * step
            values.append(objective(method, pair).item())
            method.generator.bias.data -= sign * step
        found.append((values[0] - values[1]) / 2e-5)
    difference = np.abs(np.array(found) - gradient.numpy()).max() / np.abs(found).max()
    assert difference < 1e-6 if second_order else difference > 1e-3


@every_field
def test_a_step_is_adam_on_that_gradient_and_moves_the_generator_alone(field: str) -> None:
    method = started(field, gated=True)
    before = state(method)
    pair = next(iter(method.episodes(0, 0, 0)))
    used = {name: p for name, p in method.generator.named_parameters() if p.numel()}
    wanted = dict(zip(used, torch.autograd.grad(objective(method, pair), list(used.values())), strict=True))
    method.step(pair)
    for name, value in method.state_dict().items():
        moved, name = before[name] - value, name.removeprefix("generator.")
        if name not in wanted:
            assert not moved.any(), name
            continue
        # The first step of Adam goes learning_rate far, whatever the gradient's size.
        clear = wanted[name].abs() > 1e-5
        torch.testing.assert_close(moved[clear], 3e-3 * wanted[name][clear].sign(), atol=2e-5, rtol=0)
        assert not moved[wanted[name] == 0].any()


def test_halves_are_disjoint_and_hold_the_same_ids() -> None:
    column = LOG.schema.slots("user").start
    rows = HalvedRows(LOG, "user", 5, 4)
    in_a, in_b, seen = set(), set(), []
    for epoch in range(3):
        for pair in rows.epoch(0, epoch):
            users = pair.a.ids[pair.first, column]
            assert torch.equal(users[pair.of_a], pair.a.ids[:, column])
            assert torch.equal(users[pair.of_b], pair.b.ids[:, column])
            assert torch.bincount(pair.of_a).max() <= 4
            in_a |= set(pair.a.time.tolist())
            in_b |= set(pair.b.time.tolist())
            seen += users.tolist() if epoch == 0 else []
    assert sorted(seen) == np.unique(LOG.ids[:, column]).tolist()
    assert not in_a & in_b
    whole, resumed = list(rows.epoch(0, 1)), list(rows.epoch(0, 1, first=2))
    assert torch.equal(whole[2].a.ids, resumed[0].a.ids)


def test_ids_without_two_rows_teach_nothing() -> None:
    with pytest.raises(InputError, match="no known id has two training rows"):
        HalvedRows(LOG.take(slice(0, 1)), "user", 5, 4)
    with pytest.raises(InputError, match="no known id"):
        HalvedRows(with_unknown_ids(LOG), "user", 5, 4)


@every_field
@pytest.mark.parametrize("gated", [False, True])
def test_unknown_ids_get_the_vector_of_their_own_profile_and_others_what_the_model_says(
    field: str, gated: bool
) -> None:
    method = started(field, gated).eval()
    batch, column = first_batch(LOG, 40), method.vectors.column
    unknown = torch.arange(40) % 3 == 0
    ids = batch.ids.clone()
    ids[unknown, column] = method.vectors.unknown
    mixed = batch.with_ids(ids)
    with torch.no_grad():
        found, plain = method.predict(mixed), method.model.predict(mixed)
        assert torch.equal(found[~unknown], plain[~unknown])
        assert torch.equal(method.predict(batch), method.model.predict(batch))
        for row in torch.nonzero(unknown).squeeze(1).tolist():
            alone = mixed.select(torch.tensor([row]))
            other = copy.deepcopy(method.vectors.network)
            id_tables(other, LOG.schema.size)[method.vectors.table].data[method.vectors.unknown] = method.generator(
                alone
            )
            torch.testing.assert_close(found[row], torch.sigmoid(other(alone))[0])
    assert (found[unknown] - plain[unknown]).abs().max() > 1e-4
    assert method.served_by_generator(LOG) == 0


@cache
def of_planted(seed: int = 0) -> tuple[Planted, MetaEmbedding]:
    parts = planted()
    with seeded(seed):
        model = Supervised(Dot(parts.train.schema))
    fit(model, parts.train, parts.valid, epochs=12, seed=seed, progress=False)
    with seeded(seed):
        method = MetaEmbedding(model, pretrain=False, learning_rate=0.02)
    fit(method, parts.train, parts.valid, epochs=40, patience=5, seed=seed, progress=False)
    return parts, method


def lower(log: ClickLog, one: np.ndarray, other: np.ndarray) -> float:
    """P-value of "the LogLoss of ``one`` is lower"; 1 where it is not."""
    drawn = bootstrap_metrics(log.label, {"one": one, "other": other}, log.user, ("logloss",), 500)
    observed = logloss(log.label, one) - logloss(log.label, other)
    p = paired_difference(drawn["one"]["logloss"], drawn["other"]["logloss"], observed).p
    return p if observed < 0 else 1.0


def test_where_taste_follows_from_the_profile_newcomers_are_served_better() -> None:
    parts, method = of_planted()
    generated, unknown = predict(method, parts.new), predict(method.model, parts.new)
    assert lower(parts.new, generated, unknown) < 0.01
    assert logloss(parts.new.label, generated) < logloss(parts.new.label, unknown) - 0.03
    assert method.served_by_generator(parts.new) == 80
    assert method.served_by_generator(parts.train) == 0


def test_warm_up_from_the_generator_is_ahead_and_goes_on_to_gain() -> None:
    parts, method = of_planted()
    held, of = parts.batch_of_new(2), {}
    for start in ("generator", "unknown", "random"):
        adapted = method.adapt(parts.new.take(slice(0, 0)), steps=5, learning_rate=0.05, start=start)
        said = [adapted.predict(held)]
        for number in range(2):
            adapted = adapted.update(parts.batch_of_new(number))
            said.append(adapted.predict(held))
        of[start] = said
    np.testing.assert_allclose(of["generator"][0], predict(method, held), atol=1e-6)
    np.testing.assert_allclose(of["unknown"][0], predict(method.model, held), atol=1e-6)
    for start in ("unknown", "random"):
        assert lower(held, of["generator"][1], of[start][1]) < 0.01, start
    losses = [logloss(held.label, said) for said in of["generator"]]
    assert losses[0] > losses[1] > losses[2]


def test_warm_up_is_gradient_descent_for_each_user_alone() -> None:
    parts, method = of_planted()
    support = parts.batch_of_new(0)
    users = np.unique(support.user)[:3]
    together = method.adapt(support, steps=3, learning_rate=0.5)
    network, unknown = method.vectors.network, method.vectors.unknown
    before = state(method)
    for user in users:
        own = support.take(np.flatnonzero(support.user == user))
        alone = method.adapt(own, steps=3, learning_rate=0.5)
        torch.testing.assert_close(alone.own[0], together.own[together.places[user]])
        model = copy.deepcopy(network)
        table, batch = model.embedding.slots.table.weight, first_batch(own, len(own))
        table.data[unknown] = method.generator(batch)[0].detach()
        for _ in range(3):
            (gradient,) = torch.autograd.grad(cross_entropy(model(batch), batch.label).mean(), table)
            table.data[unknown] -= 0.5 * gradient[unknown]
        torch.testing.assert_close(alone.own[0], table.data[unknown])
    assert_same_bits(before, state(method))


def test_random_starts_are_a_users_own_whatever_part_is_asked_about() -> None:
    parts, method = of_planted()
    cold = method.adapt(parts.new.take(slice(0, 0)), start="random", seed=3)
    still = replace(cold, steps=0).update(parts.batch_of_new(0))
    held = parts.batch_of_new(2)
    np.testing.assert_array_equal(cold.predict(held), still.predict(held))
    half = held.take(slice(0, len(held) // 2))
    np.testing.assert_allclose(cold.predict(half), cold.predict(held)[: len(half)], atol=1e-7)
    other = method.adapt(parts.new.take(slice(0, 0)), start="random", seed=4)
    assert not np.allclose(other.predict(held), cold.predict(held), atol=1e-5)


def test_items_are_adapted_to_by_their_ids() -> None:
    method = started("item", inner_learning_rate=5.0).eval()
    item = LOG.schema.slots("item").start
    value = int(LOG.ids[0, item])
    rows = LOG.ids[:, item] == value
    adapted = method.adapt(LOG.take(np.flatnonzero(rows)))
    assert list(adapted.places) == [value]
    changed = np.abs(adapted.predict(LOG) - predict(method, LOG)) > 1e-6
    assert changed[rows].mean() > 0.9 and not changed[~rows].any()
    with pytest.raises(InputError, match="cannot be told apart"):
        method.adapt(with_unknown_ids(LOG))
    assert np.isfinite(adapted.predict(with_unknown_ids(LOG))).all()


def test_the_same_seed_gives_the_same_bits_and_the_model_stays() -> None:
    parts, method = of_planted()
    again = of_planted.__wrapped__()[1]
    assert_same_bits(state(method), state(again))
    with seeded(0):
        alone = Supervised(Dot(parts.train.schema))
    fit(alone, parts.train, parts.valid, epochs=12, seed=0, progress=False)
    assert_same_bits(state(alone), state(method.model))


def test_pretraining_trains_the_model_first() -> None:
    parts = make_logs(900)
    model = network(gated=True)
    before = state(model)
    method = MetaEmbedding(model, "item")
    fit(method, parts.train, parts.valid, epochs=1, progress=False)
    assert_same_bits(before, state(model))  # the caller's own
    assert not torch.equal(
        method.model.model.user_table and state(method.model.model)[f"model.{MAIN}"], before[f"model.{MAIN}"]
    )


def test_described_saved_and_loaded_it_predicts_the_same_bits(prepared: PreparedLog, tmp_path: Path) -> None:
    method = MetaEmbedding(network(True, prepared.schema), gamma=0.2)
    fit(method, prepared.train, prepared.valid, epochs=2, progress=False)
    unknown = with_unknown_ids(prepared.test)
    save_model(method, tmp_path / "model", prepared)
    loaded = load_model(tmp_path / "model").method
    assert np.array_equal(predict(loaded, unknown), predict(method, unknown))
    assert np.array_equal(predict(method, prepared.test), predict(method.model, prepared.test))
    rebuilt = build(describe(method), prepared.schema)
    rebuilt.load_state_dict(method.state_dict())
    assert rebuilt.gamma == 0.2 and np.array_equal(predict(rebuilt, unknown), predict(method, unknown))


def test_interrupted_it_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    parts = make_logs(900)
    states = []
    for folder, epochs in ((None, (3,)), (tmp_path, (1, 3))):
        for until in epochs:
            with seeded(0):
                method = MetaEmbedding(network(), pretrain=False, ids_per_step=4)
            fit(method, parts.train, parts.valid, epochs=until, patience=9, folder=folder, resume=folder is not None,
                progress=False)  # fmt: skip
        states.append(state(method))
    assert_same_bits(*states)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"gamma": 1.5}, "gamma"),
        ({"inner_learning_rate": -1.0}, "inner_learning_rate"),
        ({"rows_per_id": 0}, "rows_per_id"),
        ({"field": "tags"}, "ids of users or items"),
        ({"field": "itm"}, "did you mean 'item'"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        MetaEmbedding(network(), **options)


def test_what_cannot_be_served_is_refused() -> None:
    with pytest.raises(InputError, match="no table of vectors"):
        MetaEmbedding(LR(LOG.schema))
    fields = tuple(f for f in LOG.schema.fields if f.name != "age")
    with pytest.raises(InputError, match="needs a profile"):
        MetaEmbedding(network(schema=replace(LOG.schema, fields=fields)))
    nobody = replace(LOG.schema, fields=tuple(f for f in LOG.schema.fields if f.owner == "item"), user="")
    with pytest.raises(
        InputError, match="MetaEmbedding, where no 'field' is given, needs the schema to name its 'user'"
    ):
        MetaEmbedding(network(schema=nobody))
    with pytest.raises(InputError, match="has no table of users"):
        MetaEmbedding(UserDependentGating(network(), inputs=("item",)))
    method = started()
    with pytest.raises(InputError, match="did you mean 'random'"):
        method.adapt(LOG, start="randm")
    with pytest.raises(InputError, match="steps and learning_rate"):
        method.adapt(LOG, steps=-1)
