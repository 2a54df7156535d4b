"""Selectors of the paper's section 5.2 on users whose right model is planted."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from clickwise.configuration import build, describe
from clickwise.data.log import Batch, ClickLog
from clickwise.errors import InputError
from clickwise.methods.level_selectors import LevelSelector, SampleLevelSelector, UserLevelSelector
from clickwise.methods.scoring import score
from clickwise.methods.supervised import Supervised
from clickwise.metrics.pointwise import logloss
from clickwise.models import FM, LR
from clickwise.prediction import predict
from clickwise.schema import Schema
from clickwise.training import fit, seeded
from tests.logs import USERS, Parts, assert_same_bits, first_batch, make_logs, mixed_schema
from tests.trained import logs, state, trained

KINDS = [SampleLevelSelector, UserLevelSelector]
SMALL: dict[str, Any] = {"hidden_dims": (32, 32), "learning_rate": 0.005, "batch_size": 100}

every_kind = pytest.mark.parametrize("kind", KINDS)


class Expert(nn.Module):
    """Knows the clicks of one half of the users, and says 1 or 1.5 at random for the other half; nothing is trained."""

    def __init__(self, schema: Schema, group: int) -> None:
        super().__init__()
        self.schema = schema
        self.group = group

    def forward(self, batch: Batch) -> Tensor:
        item = batch.ids[:, self.schema.slots("item").start] % 2
        own = (batch.user < USERS // 2) == (self.group == 0)
        return torch.where(own, 6.0 * item - 3.0, 1.0 + 0.5 * item)


def planted(rows: int = 4800) -> Parts:
    """A click has log odds 3 on items with an odd id and -3 on others."""
    parts = make_logs(rows)

    def relabel(log: ClickLog, seed: int) -> ClickLog:
        odds = 6.0 * (log.ids[:, log.schema.slots("item").start] % 2) - 3.0
        draws = np.random.default_rng(seed).random(len(log))
        return replace(log, label=(draws < 1 / (1 + np.exp(-odds))).astype(np.int32))

    return Parts(*(relabel(log, place) for place, log in enumerate((parts.train, parts.valid, parts.test))))


def experts(schema: Schema) -> list[nn.Module]:
    return [Expert(schema, 0), Expert(schema, 1)]


def fitted(kind: type[LevelSelector], parts: Parts, models: Sequence[nn.Module], epochs: int) -> LevelSelector:
    with seeded(0):
        selector = kind(models, **SMALL)
    fit(selector, parts.train, parts.valid, epochs=epochs, patience=10, seed=1, device="cpu", progress=False)
    return selector


@every_kind
def test_it_finds_who_is_right_and_beats_each_model_and_their_average(kind: type[LevelSelector]) -> None:
    parts = planted()
    models = experts(parts.train.schema)
    selector = fitted(kind, parts, models, epochs=40)
    label, each = parts.test.label, [predict(model, parts.test) for model in models]
    loss = logloss(label, predict(selector, parts.test))
    assert loss < min(logloss(label, one) for one in each) - 0.1
    assert loss < logloss(label, np.mean(each, axis=0)) - 0.03
    with torch.no_grad():
        batch = first_batch(parts.test, len(parts.test))
        weights = selector.weights(batch)
    torch.testing.assert_close(weights.sum(1), torch.ones(len(batch)))
    right = torch.where(batch.user < USERS // 2, 0, 1)
    if kind is UserLevelSelector:
        assert (weights.argmax(1) == right).float().mean() > 0.97


def test_the_best_model_of_a_row_and_of_its_user_by_hand() -> None:
    rng = np.random.default_rng(0)
    losses, user = rng.random((200, 4)), rng.integers(0, 30, 200)
    models = experts(mixed_schema())
    of_row = SampleLevelSelector(models).best_models(losses, user)
    of_user = UserLevelSelector(models).best_models(losses, user)
    for row in range(200):
        assert losses[row, of_row[row]] == min(losses[row])
        sums = [sum(losses[other, model] for other in np.flatnonzero(user == user[row])) for model in range(4)]
        assert of_user[row] == int(np.argmin(sums))


@every_kind
@pytest.mark.parametrize("classes", [2, 3])
def test_a_prediction_is_the_sum_over_models(kind: type[LevelSelector], classes: int) -> None:
    parts = logs(classes)
    models = [trained("lr", classes), trained("fm", classes)]
    selector = fitted(kind, parts, models, epochs=2)
    with torch.no_grad():
        weights = selector.weights(first_batch(parts.test, len(parts.test))).numpy()
    each = [predict(model, parts.test) for model in models]
    shaped = [column if classes == 2 else column[:, None] for column in weights.T]
    expected = sum(column * one for column, one in zip(shaped, each, strict=True))
    np.testing.assert_allclose(predict(selector, parts.test), expected, atol=1e-6)


@every_kind
def test_it_learns_from_rows_that_neither_models_nor_epochs_use(kind: type[LevelSelector]) -> None:
    parts = logs()
    selector = fitted(kind, parts, [trained("lr"), trained("fm")], epochs=1)
    _, fresh = selector.divide(parts.train, parts.valid)
    monitored = selector.monitored(parts.valid)
    assert monitored is not None
    assert sorted([*fresh.row, *monitored.row]) == sorted(parts.valid.row)
    assert len(fresh) == pytest.approx(0.75 * len(parts.valid), abs=USERS)
    assert len(selector.seen) == len(fresh)
    np.testing.assert_array_equal(selector.seen[:, 1].numpy(), score(trained("fm"), fresh))


@every_kind
def test_with_pretraining_models_and_selector_share_the_training_rows(kind: type[LevelSelector]) -> None:
    parts = logs()
    with seeded(0):
        models = [LR(parts.train.schema), FM(parts.train.schema)]
        selector = kind(models, pretrain=True, pretrain_share=0.6, **SMALL)
        before = state(selector)
    seen, fresh = selector.divide(parts.train, parts.valid)
    assert sorted([*seen.row, *fresh.row]) == sorted(parts.train.row)
    assert len(seen) == pytest.approx(0.6 * len(parts.train), abs=USERS)
    first = selector.before(parts.train, parts.valid)
    assert [one.name for one in first] == ["model-0", "model-1"]
    assert all(np.array_equal(one.train.row, seen.row) and one.valid is parts.valid for one in first)
    assert selector.monitored(parts.valid) is parts.valid
    fit(selector, parts.train, parts.valid, epochs=1, seed=3, device="cpu", progress=False)
    after = state(selector)
    for part in ("models.0", "models.1", "mlp"):
        assert any(not torch.equal(before[name], after[name]) for name in before if name.startswith(part)), part
    with seeded(0):
        alone = LR(parts.train.schema)
    fit(alone, seen, parts.valid, epochs=1, seed=3, device="cpu", progress=False)
    assert_same_bits(alone.state_dict(), cast(Supervised, selector.models[0]).model.state_dict())


@every_kind
def test_the_models_stay_as_they_are(kind: type[LevelSelector]) -> None:
    models = [trained("lr"), trained("fm")]
    before = [state(model) for model in models]
    fitted(kind, logs(), models, epochs=2)
    for model, values in zip(models, before, strict=True):
        assert_same_bits(values, model.state_dict())


@every_kind
def test_same_seed_gives_the_same_bits(kind: type[LevelSelector]) -> None:
    once, again = (fitted(kind, logs(), [trained("lr"), trained("fm")], epochs=2) for _ in range(2))
    assert_same_bits(once.state_dict(), again.state_dict())


@every_kind
def test_a_resumed_run_gives_the_same_bits(kind: type[LevelSelector], tmp_path: Path) -> None:
    parts, whole = logs(), fitted(kind, logs(), [trained("lr"), trained("fm")], epochs=3)
    for epochs in (1, 3):
        with seeded(0):
            selector = kind([trained("lr"), trained("fm")], **SMALL)
        fit(
            selector, parts.train, parts.valid, epochs=epochs, patience=10, seed=1, device="cpu", progress=False,
            folder=tmp_path, resume=True,
        )  # fmt: skip
    assert_same_bits(whole.state_dict(), selector.state_dict())


@every_kind
def test_described_built_and_loaded_it_predicts_the_same_bits(kind: type[LevelSelector]) -> None:
    parts = logs()
    selector = fitted(kind, parts, [trained("lr"), trained("fm")], epochs=1)
    copy = build(describe(selector), parts.test.schema)
    copy.load_state_dict(selector.state_dict())
    assert np.array_equal(predict(copy, parts.test), predict(selector, parts.test))


def test_what_cannot_be_is_one_line() -> None:
    models = experts(mixed_schema())
    with pytest.raises(InputError, match="at least two models"):
        SampleLevelSelector(models[:1])
    with pytest.raises(InputError, match="must be positive"):
        SampleLevelSelector(models, learning_rate=0)
    with pytest.raises(InputError, match="order 'tim' is unknown"):
        UserLevelSelector(models, order="tim")
    with pytest.raises(InputError, match="different schemas"):
        UserLevelSelector([models[0], Expert(mixed_schema(3), 1)])


def test_it_asks_for_validation_rows_and_enough_of_them() -> None:
    parts = planted(60)
    models = experts(parts.train.schema)
    with pytest.raises(InputError, match="UserLevelSelector learns from validation rows, which its models have not"):
        fit(UserLevelSelector(models), parts.train, progress=False)
    with pytest.raises(InputError, match="too few validation rows to leave one to"):
        fit(UserLevelSelector(models), parts.train, parts.valid.take(slice(0, 1)), progress=False)
