"""MetaSelector and its simplified version on users whose best model is known, and on input that cannot be."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from clickwise.data.log import Batch, ClickLog
from clickwise.errors import InputError
from clickwise.methods.controls import Stacking
from clickwise.methods.fine_tuning import FineTunedStacking, UserFineTuning
from clickwise.methods.metaselector import MetaSelector
from clickwise.methods.selection import Selection
from clickwise.methods.simplified import SimplifiedMetaSelector
from clickwise.metrics.pointwise import logloss
from clickwise.models import FM, LR
from clickwise.nn.selector import Selector
from clickwise.prediction import predict
from clickwise.schema import Schema
from clickwise.training import fit, seeded
from tests.logs import USERS, Parts, assert_same_bits, make_logs, mixed_schema
from tests.planted_users import HALF, grouped, two_models
from tests.trained import state, trained

# The selector sees outputs alone: it cannot know a user by name, only by adapting.
BLIND: dict[str, Any] = {"inputs": "outputs", "hidden_dims": (16,)}


def fitted(parts: Parts, epochs: int = 3, **options: Any) -> MetaSelector:
    schema = parts.train.schema
    with seeded(0):
        given: dict[str, Any] = {"pretrain": False, "users_per_episode": 4, "prior_rows": 5.0}
        given |= {"inner_learning_rate": 2.0, "adapt_models": False, **options}
        method = MetaSelector(two_models(schema), Selector(schema, 2, **BLIND), **given)
    fit(method, parts.train, parts.valid, epochs=epochs, device="cpu", progress=False)
    method.remember(parts.train, parts.valid)
    return method


def loss(method: torch.nn.Module, log: ClickLog) -> float:
    return logloss(log.label, predict(method, log))


def test_finds_the_model_of_each_user() -> None:
    parts = grouped()
    method = fitted(parts)
    weights = method.user_weights(parts.test)
    first = weights["user"].to_numpy() < HALF
    names = method.names
    assert names == ["ByItem 1", "ByItem 2"]
    right = np.where(first, weights[names[0]] > weights[names[1]], weights[names[1]] > weights[names[0]])
    assert right.all()
    stacking = Stacking(list(method.models))
    fit(stacking, parts.train, parts.valid, device="cpu", progress=False)
    best = min(loss(model, parts.test) for model in method.models)
    of_selector, perfect = loss(method, parts.test), loss_of_the_truth(parts.test)
    assert loss(stacking, parts.test) - of_selector > 0.5 * (loss(stacking, parts.test) - perfect)
    assert of_selector < best - 0.5 * (best - perfect)


def loss_of_the_truth(log: ClickLog) -> float:
    """LogLoss of the probabilities that ``grouped`` drew from."""
    item = log.ids[:, log.schema.slots("item").start]
    odds = np.where(log.user < HALF, 2.0, -2.0) * np.where(item % 2 == 0, 1, -1)
    return logloss(log.label, (1 / (1 + np.exp(-odds))).astype(np.float32))


def test_what_is_personal_vanishes_with_shuffled_users() -> None:
    """The kinds of users change from one half to the other, and so does whose rows a user is given."""
    parts = grouped()
    method = fitted(parts)
    stacking = Stacking(list(method.models))
    fit(stacking, parts.train, parts.valid, device="cpu", progress=False)
    assert loss(method, parts.test) < loss(stacking, parts.test) - 0.1
    method.memory.shuffled = True
    assert loss(method, parts.test) > loss(stacking, parts.test) + 0.1


def test_gains_nothing_where_users_are_alike() -> None:
    parts = grouped(own=2.0, other=2.0)
    method = fitted(parts)
    best = min(loss(model, parts.test) for model in method.models)
    assert loss(method, parts.test) > best - 0.002


def unknown_user(log: ClickLog) -> ClickLog:
    """The same rows with users never seen before."""
    ids, column = log.ids.copy(), log.schema.slots("user").start
    ids[:, column] = log.schema.offsets["user"]
    return replace(log, ids=ids)


def test_a_new_user_is_served_by_adapting() -> None:
    parts = grouped()
    method = fitted(parts)
    stranger = unknown_user(parts.test.take(np.flatnonzero(parts.test.user == 0)))
    support, query = stranger.take(slice(0, 30)), stranger.take(slice(30, len(stranger)))
    before, after = predict(method, query), method.adapt(support).predict(query)
    assert method.without_support(query) == 1
    assert logloss(query.label, after) < logloss(query.label, before) - 0.1
    weights = method.adapt(support).user_weights(query)
    assert weights["support_rows"].to_list() == [30]
    assert weights[method.names[0]][0] > weights[method.names[1]][0]
    alone = method.adapt(parts.valid.take(np.flatnonzero(parts.valid.user == 5)))
    assert alone.without_support(query) == 1
    np.testing.assert_allclose(alone.predict(query), before, atol=1e-6)


def test_users_held_out_are_judged_by_adapting_to_their_other_rows() -> None:
    parts = grouped()
    valid = unknown_user(parts.valid)
    method = fitted(Parts(parts.train, valid, parts.test), order="random")
    judged = method.monitored(valid)
    assert judged is not None
    assert method.without_support(judged) == USERS
    found = method.judge(judged)
    assert logloss(judged.label, found) < logloss(judged.label, predict(method, judged)) - 0.1
    fresh = method.divide(parts.train, valid)[1]
    np.testing.assert_array_equal(found, method.adapt(fresh).predict(judged))


def test_a_user_of_one_class_is_ordinary() -> None:
    parts = grouped()
    rows = np.flatnonzero((parts.valid.user == 1) & (parts.valid.label == 1))
    adapted = fitted(parts).adapt(parts.valid.take(rows))
    assert np.isfinite(adapted.predict(parts.test.take(np.flatnonzero(parts.test.user == 1)))).all()


def test_support_and_query_must_not_overlap() -> None:
    parts = grouped()
    with pytest.raises(InputError, match=r"share 2 rows, the first one row \d+ of user"):
        fitted(parts, epochs=1).adapt(parts.test.take(slice(0, 10))).predict(parts.test.take(slice(8, 20)))


def test_a_rate_that_diverges_names_the_user() -> None:
    parts = make_logs()
    method = MetaSelector([trained("lr"), trained("fm")], inner_learning_rate=1e30, pretrain=False)
    with pytest.raises(InputError, match=r"user \d+: the query loss became .* inner_learning_rate 1e\+30"):
        fit(method, parts.train, parts.valid, epochs=1, device="cpu", progress=False)


def other_schema() -> Schema:
    schema = mixed_schema()
    return replace(schema, fields=schema.fields[:2]).fitted(schema.vocabularies)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start_from": "stackin"}, "start_from 'stackin' is unknown; did you mean 'stacking'"),
        ({"order": "tim"}, "order 'tim' is unknown"),
        ({"rates": "vocabularies"}, "rates 'vocabularies' are unknown; did you mean 'vocabulary'"),
        ({"weigh_by": "row"}, "weigh_by 'row' is unknown"),
        ({"inner_learning_rate": 0.0}, "inner_learning_rate must be positive"),
        ({"inner_steps": 0}, "inner_steps must be at least 1"),
        ({"prior_rows": -1.0}, "prior_rows must be at least 0"),
        ({"query_share": 0.0}, "query_share must lie above 0"),
        ({"support_size": 0}, "support_size must be at least 1"),
        ({"selector": Selector(mixed_schema(), 3)}, "the selector weighs 3 models; there are 2"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        MetaSelector([LR(mixed_schema()), FM(mixed_schema())], **options)


def test_models_that_cannot_be_selected_from() -> None:
    schema = mixed_schema()
    with pytest.raises(InputError, match="different schemas"):
        MetaSelector([LR(schema), LR(other_schema())])
    with pytest.raises(InputError, match="at least two models"):
        MetaSelector([LR(schema)])
    with pytest.raises(InputError, match="Stacking has no logits"):
        MetaSelector([LR(schema), Stacking([LR(schema), FM(schema)])])


@pytest.mark.parametrize("kind", [MetaSelector, SimplifiedMetaSelector, FineTunedStacking, UserFineTuning])
def test_the_models_given_stay_as_they_are(kind: Any) -> None:
    parts, models = make_logs(800), [trained("lr"), trained("fm")]
    before = [state(model) for model in models]
    options = {"pretrain": False} if issubclass(kind, Selection) else {}
    method = kind(models[1] if kind is UserFineTuning else models, **options)
    fit(method, parts.train, parts.valid, epochs=1, device="cpu", progress=False)
    for model, one in zip(models, before, strict=True):
        assert_same_bits(model.state_dict(), one)


class WithConstantTable(LR):
    """Looks up what no gradient changes, as a model does that reads labels of earlier rows."""

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema)
        self.constant = nn.Embedding(schema.size, 1).requires_grad_(False)

    def forward(self, batch: Batch) -> Tensor:
        return super().forward(batch) + self.constant(batch.ids).sum((1, 2)).detach()


def test_a_table_that_stays_as_it_is_does_not_keep_a_model_from_being_fine_tuned() -> None:
    parts = make_logs(800)
    method = UserFineTuning(WithConstantTable(parts.train.schema), learning_rate=0.1)
    before = method.model.model.constant.weight.clone()
    fit(method, parts.train, parts.valid, device="cpu", progress=False)
    assert np.isfinite(predict(method, parts.test)).all()
    assert torch.equal(method.model.model.constant.weight, before)


def test_what_is_frozen_stays_as_it_is() -> None:
    parts = make_logs(400)
    frozen = WithConstantTable(parts.train.schema)
    method = MetaSelector([frozen, LR(parts.train.schema)], train_models=True, pretrain=False)
    fit(method, parts.train, parts.valid, epochs=1, device="cpu", progress=False)
    constant = method.networks[0].constant.weight
    assert not constant.requires_grad and torch.equal(constant, frozen.constant.weight)
    learned = [name for name, p in method.models.named_parameters() if p.requires_grad]
    assert len(learned) >= 4 and not any("constant" in name for name in learned)
    assert not any("constant" in name for name, _ in method.inner_rates.named_parameters())


def test_pre_training_leaves_rows_that_the_models_have_not_seen() -> None:
    parts = make_logs(800)
    method = MetaSelector([LR(parts.train.schema), FM(parts.train.schema)], pretrain_share=0.6, order="random")
    before = method.before(parts.train, parts.valid)
    assert [first.name for first in before] == ["model-0", "model-1"]
    seen, fresh = method.divide(parts.train, parts.valid)
    assert np.array_equal(before[0].train.row, seen.row)
    assert not set(seen.row.tolist()) & set(fresh.row.tolist())
    assert len(seen) / len(parts.train) == pytest.approx(0.6, abs=0.02)
    fit(method, parts.train, parts.valid, epochs=2, device="cpu", progress=False)
    assert logloss(parts.test.label, predict(method, parts.test)) < 0.69


def test_the_simplified_weights_are_the_mean_over_the_support() -> None:
    parts = make_logs(800)
    with seeded(0):
        method = SimplifiedMetaSelector([trained("lr"), trained("fm")], pretrain=False, outer_learning_rate=0.01)
    fit(method, parts.train, parts.valid, epochs=2, device="cpu", progress=False)
    user, column = int(parts.test.user[0]), method.memory.column
    support = method.memory.of(int(parts.test.ids[0, column]))
    assert support is not None
    with torch.no_grad():
        expected = method.selector(support, []).exp().mean(0).numpy()
    row = method.user_weights(parts.test).row(by_predicate=_is(user), named=True)
    np.testing.assert_allclose([row[name] for name in method.names], expected, atol=1e-6)
    each = [predict(model, parts.test)[0] for model in method.models]
    assert predict(method, parts.test)[0] == pytest.approx(float(np.dot(expected, each)), abs=1e-6)


def _is(user: int) -> Any:
    import polars as pl

    return pl.col("user") == user


def test_fine_tuning_may_find_that_no_step_is_best() -> None:
    """Rows of one user tell nothing beyond what an exact model knows."""
    parts = grouped()
    truth = two_models(parts.train.schema)[0].requires_grad_()
    first = Parts(*(part.take(np.flatnonzero(part.user < HALF)) for part in (parts.train, parts.valid, parts.test)))
    method = UserFineTuning(truth)
    fit(method, first.train, first.valid, device="cpu", progress=False)
    assert float(method.rate) == 0.0
    assert np.array_equal(predict(method, first.test), predict(truth, first.test))


@pytest.mark.parametrize("breaks_after", [1, 4])
def test_a_run_broken_off_goes_on_to_the_same_bits(
    breaks_after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pre-training is a run of its own in a folder below; three episodes make an epoch here."""
    parts = make_logs(800)

    def run(folder: Path | None) -> MetaSelector:
        with seeded(0):
            models = [LR(parts.train.schema), FM(parts.train.schema, embedding_dim=2)]
            method = MetaSelector(models, users_per_episode=4, order="random", train_models=True)
        fit(
            method, parts.train, parts.valid, epochs=2, patience=2, seed=1, device="cpu", folder=folder,
            resume=folder is not None, checkpoint_seconds=0.0, progress=False,
        )  # fmt: skip
        return method

    whole, step, made = run(None), MetaSelector.step, []

    def breaking(self: MetaSelector, episode: Any) -> Any:
        if len(made) == breaks_after:
            raise RuntimeError("the power fails")
        made.append(1)
        return step(self, episode)

    monkeypatch.setattr(MetaSelector, "step", breaking)
    with pytest.raises(RuntimeError, match="power"):
        run(tmp_path / "run")
    monkeypatch.setattr(MetaSelector, "step", step)
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"model-0", "model-1"}
    assert_same_bits(run(tmp_path / "run").state_dict(), whole.state_dict())
