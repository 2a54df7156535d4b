"""The bilevel step against whole tables and finite differences, and what adapting finds of users' hidden switches."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.func import functional_call

from clickwise.checkpoint import load_state
from clickwise.configuration import build, describe
from clickwise.data.log import Batch
from clickwise.data.tasks import Task
from clickwise.errors import InputError
from clickwise.loop import CHECKPOINT
from clickwise.losses import cross_entropy
from clickwise.methods.melu import MeLU
from clickwise.methods.method import Run
from clickwise.methods.recurrent_meta import RecurrentMeta
from clickwise.methods.searched import SearchedWeights
from clickwise.methods.supervised import Supervised
from clickwise.metrics.pointwise import auc, logloss
from clickwise.models import DIN, DNN, LR
from clickwise.nn.dice import Dice
from clickwise.prediction import predict
from clickwise.training import fit, seeded
from tests.logs import Parts, assert_same_bits, first_batch, make_logs, mixed_schema, with_unknown_ids
from tests.methods.planted_switches import SmallSession, switches
from tests.trained import state

LOGS = switches()
SCHEMA = LOGS.train.schema
RUN = Run(Fabric(accelerator="cpu", devices=1))


def started(parts: Parts = LOGS, model: nn.Module | None = None, **options: Any) -> RecurrentMeta:
    """A method in double precision, ready for steps."""
    method = RecurrentMeta(SmallSession(SCHEMA, auxiliary_weight=0.5) if model is None else model, **options).double()
    method.start(parts.train, parts.valid, RUN)
    return method


def tasks(method: RecurrentMeta, count: int = 4) -> list[Task]:
    """Tasks with support and without."""
    return [task for episode in method.episodes(0, 0, 0) for task in episode][:count]


def plain_loss(method: RecurrentMeta, values: dict[str, Tensor], episode: list[Task]) -> Tensor:
    """MAML over whole tables, by hand: one loss, of all rows of all queries."""
    network, total = method.model.model, torch.zeros((), dtype=torch.float64)
    local = [name for name in values if name.split(".")[0] in ("recurrence", "unit")]
    for task in episode:
        adapted = dict(values)
        for _ in range(method.inner_steps if len(task.support) else 0):
            network.auxiliary.asked = True
            logits = functional_call(network, adapted, (task.support,))
            loss = cross_entropy(logits, task.support.label).mean()
            loss = loss + network.auxiliary_weight * network.auxiliary.value
            evidence = len(task.support) / (len(task.support) + method.prior_rows)
            gradients = torch.autograd.grad(loss, [adapted[name] for name in local], create_graph=method.second_order)
            for name, gradient in zip(local, gradients, strict=True):
                adapted[name] = adapted[name] - method.inner_learning_rate * evidence * gradient
        network.auxiliary.asked = True
        losses = cross_entropy(functional_call(network, adapted, (task.query,)), task.query.label)
        total = total + losses.sum() + len(task.query) * network.auxiliary_weight * network.auxiliary.value
        network.auxiliary.asked, network.auxiliary.value = False, None
    return total / sum(len(task.query) for task in episode)


def gradients_of_step(method: RecurrentMeta, episode: list[Task]) -> tuple[float, dict[str, Tensor]]:
    """What a step leaves in the parameters, the optimisers being still."""
    for optimizer in method.optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = 0.0
    loss = float(method.step(episode)["loss"])
    found = {}
    for name, parameter in method.named_parameters():
        if parameter.numel():  # there are no number fields
            assert parameter.grad is not None, name
            found[name] = parameter.grad.to_dense() if parameter.grad.is_sparse else parameter.grad
    return loss, found


@pytest.mark.parametrize("second_order", [True, False])
@pytest.mark.parametrize("inner_steps", [1, 2])
def test_the_outer_gradient_is_that_of_maml_over_whole_tables(second_order: bool, inner_steps: int) -> None:
    method = started(second_order=second_order, inner_steps=inner_steps, inner_learning_rate=0.7)
    episode = tasks(method)
    loss, found = gradients_of_step(method, episode)
    values = {name: p.detach().clone().requires_grad_() for name, p in method.model.model.named_parameters()}
    expected = plain_loss(method, values, episode)
    expected.backward()
    assert loss == pytest.approx(float(expected.detach()), abs=1e-12)
    for name in found.keys() & {f"model.model.{name}" for name in values}:
        value = values[name.removeprefix("model.model.")]
        torch.testing.assert_close(found[name], value.grad, rtol=1e-9, atol=1e-12)


def test_the_outer_gradient_is_that_of_finite_differences() -> None:
    """Through long short-term memory, twice; first order is another gradient."""
    method = started(inner_learning_rate=20.0)
    episode = tasks(method)
    _, found = gradients_of_step(method, episode)
    first_order = gradients_of_step(started(inner_learning_rate=20.0, second_order=False), episode)[1]
    values = {name: p.detach() for name, p in method.model.model.named_parameters()}
    rng, differs = torch.Generator().manual_seed(0), 0.0
    for name, value in values.items():
        if not value.numel():
            continue
        direction = torch.randn(value.shape, generator=rng, dtype=torch.float64)
        ends = []
        for step in (1e-5, -1e-5):
            moved = {key: v.clone().requires_grad_() for key, v in {**values, name: value + step * direction}.items()}
            ends.append(float(plain_loss(method, moved, episode).detach()))
        slope = (ends[0] - ends[1]) / 2e-5
        whole = found[f"model.model.{name}"]
        assert float((whole * direction).sum()) == pytest.approx(slope, rel=1e-5, abs=1e-8), name
        differs = max(differs, float((first_order[f"model.model.{name}"] - whole).abs().max()))
    assert differs > 1e-3


def test_inner_rates_learn_by_the_gradient_of_finite_differences() -> None:
    method = started(inner_learning_rate=20.0)
    episode = tasks(method)
    _, found = gradients_of_step(method, episode)
    name = next(name for name in found if name.startswith("inner_rates") and "unit" in name)
    rate = dict(method.named_parameters())[name]
    ends = []
    for step in (1e-3, -1e-3):
        with torch.no_grad():
            rate.fill_(20.0 + step)
        ends.append(float(method.step(episode)["loss"]))
    assert float(found[name]) == pytest.approx((ends[0] - ends[1]) / 2e-3, rel=1e-4)


def test_only_local_parameters_differ_after_the_inner_step() -> None:
    method = started()
    task = next(task for task in tasks(method, 50) if len(task.support))
    leaves, adapted, _ = method.adaptable.adapt(task.support, task.query)
    moved = {name for name, value in adapted.items() if not torch.equal(value, leaves.values[name])}
    assert moved == {f"model.model.{name}" for name in method.model.model.interaction_parameters()}


def test_auxiliary_losses_enter_the_outer_loss_and_are_told_apart() -> None:
    losses = started().step(tasks(started()))
    assert set(losses) == {"loss", "of_labels", "size"}
    assert float(losses["loss"]) == pytest.approx(float(losses["of_labels"]) + 0.5 * float(losses["size"]))


QUICK: dict[str, Any] = {"inner_learning_rate": 4.0, "query_size": 16, "tasks_per_episode": 10}


def fitted(parts: Parts = LOGS, epochs: int = 5, **options: Any) -> RecurrentMeta:
    method = RecurrentMeta(SmallSession(SCHEMA, hidden_dims=()), **{**QUICK, **options})
    fit(method, parts.train, parts.valid, epochs=epochs, device="cpu", progress=False)
    method.remember(parts.train, parts.valid)
    return method


def unadapted(method: RecurrentMeta, parts: Parts) -> float:
    """Loss on test rows where nothing is remembered."""
    forgetful = copy.deepcopy(method)
    forgetful.memory.clear()
    assert forgetful.without_support(parts.test) == len(np.unique(parts.test.user))
    return logloss(parts.test.label, predict(forgetful, parts.test))


@pytest.mark.parametrize("second_order", [True, False])
def test_adapting_finds_the_switch_and_another_users_rows_do_not(second_order: bool) -> None:
    method = fitted(second_order=second_order)
    assert method.without_support(LOGS.test) == 0
    before, after = unadapted(method, LOGS), logloss(LOGS.test.label, predict(method, LOGS.test))
    assert before > 0.67  # half of the users are of each kind
    assert after < before - 0.25
    method.memory.shuffled = True
    assert logloss(LOGS.test.label, predict(method, LOGS.test)) > before - 0.02


def test_learning_with_shuffled_users_gains_nothing() -> None:
    method = fitted(epochs=2, shuffle_users=True)
    assert logloss(LOGS.test.label, predict(method, LOGS.test)) > 0.67


def test_adapting_to_rows_given_is_adapting_to_those_remembered() -> None:
    method = fitted(epochs=1)
    known = predict(method, LOGS.test)
    method.remember(LOGS.valid)
    remembered = predict(method, LOGS.test)
    assert not np.allclose(known, remembered)
    np.testing.assert_allclose(method.adapt(LOGS.valid).predict(LOGS.test), remembered, atol=1e-6)
    assert np.isfinite(method.adapt(with_unknown_ids(LOGS.valid)).predict(LOGS.test)).all()


@pytest.mark.parametrize("training", [True, False])
def test_adapted_it_predicts_without_dropout_and_the_mode_stays(training: bool) -> None:
    parts = make_logs(300)
    with seeded(0):
        method = MeLU(DNN(parts.train.schema, embedding_dim=4, hidden_dims=(8,), dropout=0.5))
    expected = method.eval().adapt(parts.valid).predict(parts.test)
    method.train(training)
    np.testing.assert_array_equal(method.adapt(parts.valid).predict(parts.test), expected)
    assert all(module.training is training for module in method.model.modules())
    with pytest.raises(InputError, match="support and query share"):
        method.adapt(parts.valid).predict(parts.valid)
    assert method.training is training


def test_batches_share_one_step() -> None:
    method = fitted(epochs=2, task="batch", task_size=100, support_size=40)
    rows = {len(task.support) for episode in method.episodes(0, 0, 0) for task in episode}
    assert rows == {66}
    assert method.without_support(LOGS.test) == 0
    latest = Batch.of(LOGS.valid, np.arange(len(LOGS.valid))[-40:])
    whole = first_batch(LOGS.test, 30)
    expected = method.outputs_for(latest, whole)[0]
    torch.testing.assert_close(method.predict(whole), expected)
    torch.testing.assert_close(method.predict(first_batch(LOGS.test, 1)), expected[:1])


def test_batches_share_one_step_on_the_rows_given_too() -> None:
    """On the latest of anybody's, whoever is asked about: users without support, and those of an unknown id."""
    method = fitted(epochs=2, task="batch", task_size=100, support_size=40)
    support = LOGS.valid.take(np.random.default_rng(0).permutation(np.flatnonzero(LOGS.valid.user != 3)))
    support = replace(support, label=np.ones_like(support.label))  # which moves all predictions far
    method.remember(support)
    expected = predict(method, LOGS.test)
    method.remember()
    adapted = method.adapt(support)
    assert np.abs(expected - predict(method, LOGS.test)).max() > 0.01
    np.testing.assert_allclose(adapted.predict(LOGS.test), expected, atol=1e-6)
    np.testing.assert_allclose(adapted.predict(LOGS.test.take(slice(5, 6))), expected[5:6], atol=1e-6)
    assert adapted.without_support(LOGS.test) == 0
    strangers = method.adapt(with_unknown_ids(support)).predict(LOGS.test)
    assert np.abs(strangers - predict(method, LOGS.test)).max() > 1e-4
    nothing = method.adapt(support.take(slice(0, 0)))
    np.testing.assert_array_equal(nothing.predict(LOGS.test), predict(method, LOGS.test))
    assert nothing.without_support(LOGS.test) == len(np.unique(LOGS.test.user))
    with pytest.raises(InputError, match="support and query share"):
        adapted.predict(LOGS.valid)


def test_rows_are_normalised_by_whole_episodes() -> None:
    """Dice within tasks computes as in prediction, and follows what the network sees."""
    parts = make_logs(600)
    with seeded(0):
        method = RecurrentMeta(DIN(mixed_schema(), embedding_dim=4, hidden_dims=(8,)), local=("mlp",))
    norms = [module.norm for module in method.model.model.modules() if isinstance(module, Dice)]
    before = [norm.running_mean.clone() for norm in norms]
    fit(method, parts.train, parts.valid, epochs=1, device="cpu", progress=False)
    assert norms and all(not torch.equal(norm.running_mean, mean) for norm, mean in zip(norms, before, strict=True))
    method.train()
    assert method.training and not any(norm.training for norm in norms)


def test_the_model_given_stays_as_it_is_and_its_training_is_taken_over() -> None:
    model = Supervised(SmallSession(SCHEMA), learning_rate=0.004, weight_decay=1e-6, loss="focal")
    before = state(model)
    assert RecurrentMeta(model, pretrain=True).outer_learning_rate == pytest.approx(0.0004)
    method = RecurrentMeta(model)
    assert (method.outer_learning_rate, method.weight_decay, method.model.loss) == (0.004, 1e-6, "focal")
    fit(method, LOGS.train, LOGS.valid, epochs=1, device="cpu", progress=False)
    assert_same_bits(model.state_dict(), before)


def test_describe_and_build() -> None:
    method = fitted(epochs=1)
    again = build(describe(method), SCHEMA, trusted=["tests.methods.planted_switches"])
    again.load_state_dict(method.state_dict())
    again.eval()
    assert describe(again) == describe(method)
    np.testing.assert_array_equal(predict(again, LOGS.test), predict(method, LOGS.test))


def test_tasks_begin_where_the_models_own_training_ends() -> None:
    """A rate of nearly nothing leaves the model as its own training did; from there, tasks make it better."""
    options: dict[str, Any] = {"epochs": 2, "seed": 1, "device": "cpu", "progress": False}
    with seeded(0):
        model = Supervised(SmallSession(SCHEMA), learning_rate=0.01, batch_size=100)
    still = RecurrentMeta(model, outer_learning_rate=1e-12, rates_learning_rate=1e-12, pretrain=True)
    fit(still, LOGS.train, LOGS.valid, **options)
    fit(model, LOGS.train, LOGS.valid, **options)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(still.model.state_dict()[name], value, rtol=0.0, atol=1e-6)
    method = fitted(outer_learning_rate=0.02, pretrain=True)
    assert logloss(LOGS.test.label, predict(method, LOGS.test)) < unadapted(method, LOGS) - 0.02


def test_a_trained_start_is_kept_where_no_epoch_is_better() -> None:
    with seeded(0):
        model = Supervised(SmallSession(SCHEMA), learning_rate=0.01, batch_size=100)
    method = RecurrentMeta(model, outer_learning_rate=3.0, pretrain=True, inner_learning_rate=1e-9)
    at = fit(method, LOGS.train, LOGS.valid, epochs=2, seed=1, device="cpu", progress=False)
    fit(model, LOGS.train, LOGS.valid, epochs=2, seed=1, device="cpu", progress=False)
    assert at.best_epoch == 0 and len(at.history) == 2
    assert at.best_value < min(row["valid_logloss"] for row in at.history) - 0.01
    np.testing.assert_allclose(predict(method, LOGS.test), predict(model, LOGS.test), atol=1e-6)


def test_what_a_loss_searched_for_in_pretraining_is_not_searched_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    searches = []

    def search(self: SearchedWeights, *given: Any) -> Tensor:
        searches.append(given)
        return torch.tensor([0.75, 0.25])

    monkeypatch.setattr(SearchedWeights, "_search", search)
    model = SearchedWeights(SmallSession(SCHEMA), losses=("cross_entropy", "focal"))
    method = RecurrentMeta(model, pretrain=True, tasks_per_epoch=5)
    fit(method, LOGS.train, LOGS.valid, epochs=1, device="cpu", progress=False)
    assert len(searches) == 1
    assert method.model.shares.tolist() == [0.75, 0.25]


@pytest.mark.parametrize("pretrain", [False, True])
def test_a_run_broken_off_goes_on_to_the_same_bits(
    pretrain: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(folder: Path | None) -> RecurrentMeta:
        options = {**QUICK, "pretrain": pretrain}
        method = RecurrentMeta(SmallSession(SCHEMA, auxiliary_weight=0.1), rates="parameter", **options)
        fit(
            method, LOGS.train, LOGS.valid, epochs=2, seed=1, device="cpu", folder=folder, resume=folder is not None,
            checkpoint_seconds=0.0, progress=False,
        )  # fmt: skip
        return method

    whole, step, made = run(None), RecurrentMeta.step, []

    def breaking(self: RecurrentMeta, episode: Any) -> Any:
        if len(made) == 7:
            raise RuntimeError("the power fails")
        made.append(1)
        return step(self, episode)

    monkeypatch.setattr(RecurrentMeta, "step", breaking)
    with pytest.raises(RuntimeError, match="power"):
        run(tmp_path / "run")
    monkeypatch.setattr(RecurrentMeta, "step", step)
    saved = load_state(tmp_path / "run" / CHECKPOINT)
    assert not any("memory" in name for name in (*saved["method"], *saved["best"]))  # the training rows are at hand
    assert_same_bits(run(tmp_path / "run").state_dict(), whole.state_dict())


def test_a_rate_that_diverges_names_the_user() -> None:
    method = RecurrentMeta(SmallSession(SCHEMA), ("mlp",), inner_learning_rate=1e38)
    with pytest.raises(InputError, match=r"user \d+: the query loss became .* inner_learning_rate"):
        fit(method, LOGS.train, LOGS.valid, epochs=1, device="cpu", progress=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "batch", "shuffle_users": True}, "task 'batch' knows no users: shuffle_users and tasks_per_epoch"),
        ({"task": "batch", "tasks_per_epoch": 3}, "task 'batch' knows no users"),
        ({"task": "users"}, "task 'users' is unknown; did you mean 'user'"),
        ({"local": ("recurence",)}, "local 'recurence': SmallSession has no parameter of that name; did you mean"),
        ({"rates": "each"}, "rates 'each' are unknown"),
        ({"inner_learning_rate": 0.0}, "inner_learning_rate must be positive"),
        ({"outer_learning_rate": 0.0}, "outer_learning_rate must be positive"),
        ({"inner_steps": 0}, "inner_steps and task_size must be at least 1"),
        ({"support_share": 1.0}, "support_share must lie between 0 and 1"),
        ({"query_size": 0}, "query_size and judged_users must be at least 1"),
        ({"support_size": 0}, "support_size must be at least 1"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RecurrentMeta(SmallSession(SCHEMA), **options)


def test_a_network_that_names_no_local_parameters() -> None:
    with pytest.raises(InputError, match=r"LR has no interaction layers; name in 'local' .*linear"):
        RecurrentMeta(LR(mixed_schema()))


@pytest.mark.parametrize(("visit", "least", "most"), [(None, -0.02, 0.02), (12, 0.1, 0.5)])
def test_weights_of_a_session_follow_a_switch_that_is_thrown_anew(visit: int | None, least: float, most: float) -> None:
    """By more than weights of a user do, which are adapted once; where no switch is thrown, by nothing."""
    parts = switches(4000, visit=visit)
    method = fitted(parts, epochs=3, task="session", query_size=4, support_size=8, prior_rows=0.0)
    of_session = auc(parts.test.label, predict(method, parts.test))
    method.task = "user"
    of_user = auc(parts.test.label, predict(method, parts.test))
    assert least < of_session - of_user < most
    method.remember()
    assert of_session > auc(parts.test.label, predict(method, parts.test)) + 0.1
