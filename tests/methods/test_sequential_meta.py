"""The published training against Adam's steps made by hand, and its fine-tuning."""

import copy
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from clickwise.configuration import build, describe
from clickwise.data.log import Batch
from clickwise.errors import InputError, TrainingDiverged
from clickwise.losses import cross_entropy
from clickwise.methods.autoloss import AutoLoss
from clickwise.methods.method import Run
from clickwise.methods.searched import SearchedWeights
from clickwise.methods.sequential_meta import SequentialMeta
from clickwise.metrics.pointwise import logloss
from clickwise.models import FM
from clickwise.prediction import predict
from clickwise.training import fit
from tests.logs import assert_same_bits, make_logs
from tests.methods.planted_switches import SmallSession, switches
from tests.trained import state

LOGS = switches()
SCHEMA = LOGS.train.schema
RUN = Run(Fabric(accelerator="cpu", devices=1))


def started(**options: Any) -> SequentialMeta:
    method = SequentialMeta(SmallSession(SCHEMA, auxiliary_weight=0.5), **options).double()
    method.start(LOGS.train, LOGS.valid, RUN)
    return method


def adam(
    parameters: list[nn.Parameter], gradients: list[Tensor], moments: list[list[Tensor]], step: int, rate: float
) -> None:
    """Kingma and Ba's Algorithm 1."""
    for parameter, gradient, (mean, square) in zip(parameters, gradients, moments, strict=True):
        mean.mul_(0.9).add_(0.1 * gradient)
        square.mul_(0.999).add_(0.001 * gradient**2)
        with torch.no_grad():
            parameter -= rate * (mean / (1 - 0.9**step)) / ((square / (1 - 0.999**step)).sqrt() + 1e-8)


def total_loss(network: SmallSession, batch: Batch) -> Tensor:
    assert network.auxiliary is not None
    network.auxiliary.asked = True
    loss = cross_entropy(network(batch), batch.label).mean() + 0.5 * network.auxiliary.value
    network.auxiliary.asked = False
    return loss


def test_steps_are_adams_of_local_and_then_of_all_parameters() -> None:
    method = started(batch_size=30)
    network = copy.deepcopy(method.model.model)
    names = [name for name, p in network.named_parameters() if p.numel()]
    parameters = dict(network.named_parameters())
    of_local = [parameters[name] for name in names if name.split(".")[0] in ("recurrence", "unit")]
    of_all = [parameters[name] for name in names]
    moments = [[[torch.zeros_like(p), torch.zeros_like(p)] for p in group] for group in (of_local, of_all)]
    step = 0
    for epoch in (0, 1):
        for batch, _ in zip(method.episodes(0, epoch, 0), range(3), strict=False):
            step += 1
            losses = method.step(batch)
            for group, moment, name, places in (
                (of_local, moments[0], "local", torch.arange(20)),
                (of_all, moments[1], "loss", torch.arange(20, 30)),
            ):
                loss = total_loss(network, batch.select(places))
                assert float(losses[name]) == pytest.approx(float(loss.detach()), abs=1e-6)
                gradients = torch.autograd.grad(loss, group, materialize_grads=True)
                adam(group, list(gradients), moment, step, 0.01 * 0.7**epoch)
    after = dict(method.model.model.named_parameters())
    for name in names:
        torch.testing.assert_close(after[name], parameters[name], rtol=1e-4, atol=1e-5)


def test_the_learning_rate_falls_to_its_floor() -> None:
    method, rates = started(), []
    for epoch in (0, 1, 5, 30):
        next(method.episodes(0, epoch, 0))
        assert len({group["lr"] for optimizer in method.optimizers.values() for group in optimizer.param_groups}) == 1
        rates.append(method.optimizers["local"].param_groups[0]["lr"])
    assert rates == pytest.approx([0.01, 0.007, 0.01 * 0.7**5, 1e-5])


def test_a_loss_that_is_learned_keeps_its_learning_rate() -> None:
    loss = AutoLoss(SmallSession(SCHEMA), losses=("cross_entropy", "focal"), controller_learning_rate=3e-4)
    method = SequentialMeta(loss, learning_rate=0.01)
    method.start(LOGS.train, LOGS.valid, RUN)
    for epoch in (0, 4):
        next(method.episodes(0, epoch, 0))
        rates = {name: optimizer.param_groups[0]["lr"] for name, optimizer in method.optimizers.items()}
        assert rates.pop("controller") == 3e-4
        assert set(rates.values()) == {0.01 * 0.7**epoch}


def test_a_batch_of_one_row_is_query() -> None:
    method = started()
    before = state(method)
    losses = method.step(Batch.of(LOGS.train, np.array([3])))
    assert set(losses) == {"loss", "of_labels", "size"}
    assert any(not torch.equal(value, before[name]) for name, value in method.state_dict().items())


def trained(folder: Path | None = None, **options: Any) -> SequentialMeta:
    method = SequentialMeta(SmallSession(SCHEMA, hidden_dims=(8,)), **options)
    fit(
        method, LOGS.train, LOGS.valid, epochs=3, device="cpu", folder=folder, resume=folder is not None,
        checkpoint_seconds=0.0, progress=False,
    )  # fmt: skip
    return method


@pytest.mark.parametrize("row_sparse", [False, True])
def test_fine_tuning_follows_the_rows_given(row_sparse: bool) -> None:
    """Rows without a click are learned, set by set; a set of one batch is one step of each kind."""
    method = trained(row_sparse=row_sparse)
    rate = float(method.rate)
    turned = LOGS.valid.take(np.arange(128))
    turned = replace(turned, label=np.zeros_like(turned.label))
    found = [logloss(turned.label, predict(method, turned))]
    for _ in range(3):
        method.fine_tune(turned, learning_rate=0.01)
        found.append(logloss(turned.label, predict(method, turned)))
    assert found == sorted(found, reverse=True)
    assert not method.training
    assert rate == pytest.approx(0.01 * 0.7 ** round(np.log(rate / 0.01) / np.log(0.7)), rel=1e-4)


def test_fine_tuning_is_the_same_steps() -> None:
    method, by_hand = started(batch_size=64), started(batch_size=64)
    rows = LOGS.valid.take(np.arange(100)[::-1].copy())
    method.fine_tune(rows)
    by_hand._set_rate(float(method.rate))
    order = np.argsort(rows.time, kind="stable")
    for part in (order[:64], order[64:]):
        by_hand.step(Batch.of(rows, part))
    assert_same_bits(method.state_dict(), by_hand.state_dict())


def test_a_method_that_was_saved_can_be_fine_tuned() -> None:
    method = trained()
    again = build(describe(method), SCHEMA, trusted=["tests.methods.planted_switches"])
    again.load_state_dict(method.state_dict())
    again.eval()
    assert describe(again) == describe(method) and torch.equal(again.rate, method.rate)
    np.testing.assert_array_equal(predict(again, LOGS.test), predict(method, LOGS.test))
    before = predict(again, LOGS.test)
    again.fine_tune(LOGS.valid)
    assert not np.array_equal(predict(again, LOGS.test), before)


def test_a_run_broken_off_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, step, made = trained(), SequentialMeta.step, []

    def breaking(self: SequentialMeta, episode: Any) -> Any:
        if len(made) == 12:
            raise RuntimeError("the power fails")
        made.append(1)
        return step(self, episode)

    monkeypatch.setattr(SequentialMeta, "step", breaking)
    with pytest.raises(RuntimeError, match="power"):
        trained(tmp_path / "run")
    monkeypatch.setattr(SequentialMeta, "step", step)
    assert_same_bits(trained(tmp_path / "run").state_dict(), whole.state_dict())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"support_share": 0.0}, "support_share must lie between 0 and 1"),
        ({"decay": 0.0}, "decay must lie above 0"),
        ({"least_learning_rate": 1.0}, "least_learning_rate above 0 and at most learning_rate"),
        ({"learning_rate": -1.0}, "learning_rate and batch_size must be positive"),
        ({"local": ("units",)}, "local 'units': SmallSession has no parameter"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SequentialMeta(SmallSession(SCHEMA), **options)


@pytest.mark.parametrize("ended", [False, True])
def test_fine_tuning_takes_a_loss_as_it_was_learned(ended: bool) -> None:
    """No validation rows are asked for, and neither controller nor scales follow the rows, which steps do."""
    loss = AutoLoss(SmallSession(SCHEMA), losses=("cross_entropy", "focal"), update_every=2)
    method = SequentialMeta(loss)
    fit(method, LOGS.train, LOGS.valid, epochs=1, device="cpu", progress=False)
    again = build(describe(method), SCHEMA, trusted=["tests.methods.planted_switches"])
    again.load_state_dict(method.state_dict())
    if ended:
        method.end()
    for each in (method, again.eval()):
        before = state(each)
        each.fine_tune(LOGS.valid)
        learned = {name for name in before if "controller" in name or name in ("model.scales", "model.steps_done")}
        moved = {name for name, value in each.state_dict().items() if not torch.equal(value, before[name])}
        assert len(learned) > 3 and not learned & moved
        assert {name.split(".")[2] for name in moved if name != "rate"} >= {"slots", "recurrence", "unit", "mlp"}
    if ended:
        assert_same_bits(method.state_dict(), again.state_dict())


def test_weights_of_losses_that_were_searched_for_are_not_searched_for_again() -> None:
    method = SequentialMeta(SearchedWeights(SmallSession(SCHEMA), losses=("cross_entropy", "focal")))
    method.fine_tune(LOGS.valid)
    assert method.model.shares.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("rate", [0.0, -5.0, float("nan"), float("inf")])
def test_fine_tuning_rates_that_cannot_be(rate: float) -> None:
    method = started()
    before = state(method)
    with pytest.raises(InputError, match=f"learning_rate must be positive and finite, not {rate}"):
        method.fine_tune(LOGS.valid, learning_rate=rate)
    assert_same_bits(method.state_dict(), before)


def test_rows_that_cannot_be_fine_tuned_on() -> None:
    """They have no labels, or are of another schema."""
    method = started()
    before = state(method)
    with pytest.raises(InputError, match="fine-tuning needs labels, and these rows were encoded without"):
        method.fine_tune(replace(LOGS.valid, labelled=False))
    with pytest.raises(InputError, match="other fields or vocabularies than the model's"):
        method.fine_tune(make_logs(100).train)
    assert_same_bits(method.state_dict(), before)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (200, "loss became nan at step 2 of fine-tuning; learning_rate 1e+30 is too high"),
        (64, "predictions became nan after fine-tuning; learning_rate 1e+30 is too high"),
    ],
)
@pytest.mark.parametrize("training", [False, True])
def test_fine_tuning_that_diverges_says_so(rows: int, message: str, training: bool) -> None:
    """Products of factors overflow, and their differences are no numbers; after the only step no loss shows that."""
    log = make_logs(400).train.take(slice(0, rows))
    method = SequentialMeta(FM(log.schema), local=("linear",), batch_size=64).train(training)
    with pytest.raises(TrainingDiverged, match=re.escape(message)):
        method.fine_tune(log, learning_rate=1e30)
    assert method.training is training


def test_no_rows_to_fine_tune_on() -> None:
    with pytest.raises(InputError, match="the rows to fine-tune on are none"):
        started().fine_tune(LOGS.valid.take(slice(0, 0)))
