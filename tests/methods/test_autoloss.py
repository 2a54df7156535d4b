"""AutoLoss: its gradients against finite differences, its algorithm against the paper, and that it learns."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from clickwise.data.log import Batch
from clickwise.errors import InputError
from clickwise.losses import cross_entropy, find_loss
from clickwise.methods.autoloss import AutoLoss
from clickwise.methods.candidates import FixedWeights, scales
from clickwise.methods.controllers import new_controller
from clickwise.methods.method import Run, to_probability
from clickwise.methods.supervised import Supervised
from clickwise.metrics.pointwise import logloss
from clickwise.models import LR, DeepFM
from clickwise.nn.controller import ConstantController, Controller
from clickwise.prediction import predict
from clickwise.training import fabric_for, fit, seeded
from tests.logs import assert_same_bits, first_batch, make_logs

SMOOTH = ("cross_entropy", "focal", "kl")


def started(classes: int = 2, double: bool = True, **options: Any) -> AutoLoss:
    """AutoLoss around a small DeepFM, ready for steps."""
    parts = make_logs(classes=classes)
    with seeded(0):
        model = DeepFM(parts.train.schema, 3, (5,), 0.0, initial_deviation=0.3)
        options = {"losses": SMOOTH, "batch_size": 50, "unroll": 0.7} | options
        method = AutoLoss(model, **options)
    if double:
        method.double()
    method.start(parts.train, parts.valid, Run(fabric_for(1, 1, "logloss", "cpu", "32-true")))
    method.train()
    return method


def doubled(batch: Batch) -> Batch:
    return Batch(**{n: v.double() if v.is_floating_point() else v for n, v in vars(batch).items() if v is not None})


def batches(classes: int = 2) -> tuple[Batch, Batch]:
    parts = make_logs(classes=classes)
    return doubled(first_batch(parts.train, 40)), doubled(first_batch(parts.valid, 40))


def outer_value(method: AutoLoss, train: Batch, valid: Batch) -> float:
    """``L_valid(W - xi dL_train/dW, V)`` on the whole tables: copy the model, step it, judge it."""
    named = [(name, p) for name, p in method.model.named_parameters()]
    before = [p.detach().clone() for _, p in named]
    inner = mixture(method, method.model(train), train)
    gradients = torch.autograd.grad(inner, [p for _, p in named], allow_unused=True)
    length = sum(gradient.square().sum() for gradient in gradients if gradient is not None).sqrt()
    with torch.no_grad():
        for (_, p), gradient in zip(named, gradients, strict=True):
            if gradient is not None:
                p -= method.unroll * gradient / (length if method.unit_step else 1)
        logits = method.model(valid)
        if method.objective == "mixture":
            value = mixture(method, logits, valid)
        else:
            value = cross_entropy(logits, valid.label).mean()
        for (_, p), old in zip(named, before, strict=True):
            p.copy_(old)
    return float(value)


def mixture(method: AutoLoss, logits: Tensor, batch: Batch) -> Tensor:
    weights = method.controller(to_probability(logits.detach()), batch.label).exp()
    return (weights * method.each_loss(logits, batch.label)).sum(1).mean()


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("objective", ["cross_entropy", "mixture"])
@pytest.mark.parametrize(("per_example", "unit_step"), [(True, False), (True, True), (False, True)])
def test_hypergradient_is_that_of_finite_differences(
    classes: int, objective: str, per_example: bool, unit_step: bool
) -> None:
    method = started(classes, objective=objective, per_example=per_example, unit_step=unit_step)
    method.eval()
    train, valid = batches(classes)
    with torch.no_grad():
        for p in method.controller.parameters():
            p.add_(0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1), dtype=p.dtype))
    method.outer_gradient(train, valid)
    rng = np.random.default_rng(0)
    for p in method.controller.parameters():
        assert p.grad is not None
        for place in rng.choice(p.numel(), min(3, p.numel()), replace=False):
            flat = p.data.view(-1)
            differences = []
            for sign in (1, -1):
                flat[place] += sign * 1e-5
                differences.append(outer_value(method, train, valid))
                flat[place] -= sign * 1e-5
            expected = (differences[0] - differences[1]) / 2e-5
            assert float(p.grad.view(-1)[place]) == pytest.approx(expected, rel=1e-5, abs=1e-10)


def test_first_order_is_the_gradient_of_the_mixture_at_the_model_as_it_is() -> None:
    method = started(unroll=0.0, objective="mixture", double=False)
    train, valid = (first_batch(log, 40) for log in (make_logs().train, make_logs().valid))
    method.eval()
    method.outer_gradient(train, valid)
    expected = torch.autograd.grad(mixture(method, method.model(valid), valid), list(method.controller.parameters()))
    for p, gradient in zip(method.controller.parameters(), expected, strict=True):
        torch.testing.assert_close(p.grad, gradient)


def test_first_order_prefers_the_smallest_loss_and_the_sound_objective_does_not() -> None:
    """Focal loss is never above cross-entropy, so the published first order ends there whatever the data say."""
    parts, shares = make_logs(), {}
    for name, options in {
        "published": {"unroll": 0.0, "objective": "mixture", "normalise": False},
        "sound": {},
    }.items():
        with seeded(0):
            method = AutoLoss(
                LR(parts.train.schema), ("cross_entropy", "focal"), per_example=False, update_every=1, batch_size=64,
                controller_learning_rate=0.2, optimizer="adam", **options,
            )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the weights collapse, which is the point
            fit(method, parts.train, parts.valid, epochs=8, patience=8, progress=False)
        shares[name] = float(method.controller(torch.zeros(1), torch.zeros(1)).detach().exp()[0, 1])
    assert shares["published"] > 0.9
    assert shares["sound"] < 0.9


def test_weights_mix_the_candidates() -> None:
    method = started(double=False, normalise=True)
    batch = first_batch(make_logs().train, 30)
    logits = torch.linspace(-2, 2, 30)
    weights = method.controller(torch.sigmoid(logits), batch.label).exp()
    each = torch.stack([loss(logits, batch.label) for loss in method.candidates], dim=1) / method.scales
    torch.testing.assert_close(method.mean_loss(logits, batch), (weights * each).sum(1).mean())


def test_scales_are_the_mean_slopes_at_the_click_rate() -> None:
    method = started(double=False)
    rate = make_logs().train.label.mean()
    of_cross_entropy = 2 * rate * (1 - rate)
    p = np.array([rate, 1 - rate])  # of the label, for a click and for none
    of_focal = (p * p * (1 - p) * ((1 - p) - 2 * p * np.log(p)) * (1 - p) / p).sum()
    assert method.scales[0] == pytest.approx(of_cross_entropy, rel=1e-4)
    assert method.scales[1] == pytest.approx(of_focal, rel=1e-4)


def test_a_loss_without_slope_at_the_click_rate_keeps_its_scale() -> None:
    losses = [find_loss(name, 2) for name in ("cross_entropy", "hinge")]
    log = make_logs().train
    clicks = log.take(np.flatnonzero(log.label == 1))
    assert float(scales(losses, clicks, 64)[1]) == 1.0


def test_gumbel_draws_one_candidate_in_proportion_to_its_weight_with_a_gradient() -> None:
    method = started(double=False, gumbel=True)
    log_weights = torch.tensor([0.7, 0.2, 0.1]).log().expand(20_000, 3).clone().requires_grad_()
    with seeded(0):
        drawn = method.draw(log_weights)
    assert set(drawn.detach().round(decimals=4).unique().tolist()) == {0.0, 1.0}
    np.testing.assert_allclose(drawn.detach().mean(0), [0.7, 0.2, 0.1], atol=0.01)
    (gradient,) = torch.autograd.grad(drawn[:, 0].sum(), log_weights)
    assert gradient.abs().sum() > 0


def test_temperature_falls_as_published() -> None:
    method = started(double=False)
    assert method.temperature == 1.0
    method.steps_done += 10_000
    assert method.temperature == pytest.approx(0.5)
    method.steps_done += 10_000_000
    assert method.temperature == 0.01


def test_controller_is_updated_every_so_many_steps_on_validation_batches() -> None:
    def updates(steps_done: int) -> dict[int, Tensor]:
        """Rows of the validation batch that the controller learned from, by number of the step."""
        method = started(double=False, update_every=7)
        method.steps_done += steps_done
        seen: dict[int, Tensor] = {}
        method.update_controller = lambda _, valid: seen.update({int(method.steps_done): valid.row})  # type: ignore
        for episode in method.episodes(3, 0, steps_done):
            method.step(episode)
        return seen

    steps = started(double=False).steps()
    whole, resumed = updates(0), updates(9)
    assert [*whole] == list(range(7, steps + 1, 7)) and len(whole) > 2
    assert [*resumed] == [step for step in whole if step > 9]
    assert all(torch.equal(whole[step], resumed[step]) for step in resumed)


def test_model_stays_while_the_controller_learns_and_the_other_way_round() -> None:
    method = started(double=False)
    train, valid = first_batch(make_logs().train, 40), first_batch(make_logs().valid, 40)
    before = {name: p.clone() for name, p in method.named_parameters()}
    method.update_controller(train, valid)
    after = dict(method.named_parameters())
    assert all(torch.equal(before[n], after[n]) for n in before if n.startswith("model."))
    moved = [n for n in before if n.startswith("controller.") and not torch.equal(before[n], after[n])]
    assert moved
    between = {name: p.clone() for name, p in method.named_parameters()}
    method.step(train)
    after = dict(method.named_parameters())
    assert all(torch.equal(between[n], after[n]) for n in between if n.startswith("controller."))
    assert not all(torch.equal(between[n], after[n]) for n in between if n.startswith("model."))


def test_trace_keeps_the_weights_after_each_epoch() -> None:
    parts = make_logs()
    with seeded(0):
        method = AutoLoss(LR(parts.train.schema), SMOOTH, batch_size=64, update_every=2, optimizer="adam")
    fit(method, parts.train, parts.valid, epochs=2, patience=5, progress=False)
    kept = method.trace[: int(method.epochs_done)]
    assert not method.trace[int(method.epochs_done) :].any()
    assert kept.shape[1:] == (2, 21, 3)
    torch.testing.assert_close(kept.sum(-1), torch.ones(kept.shape[:-1]))


def test_fixed_weights_of_one_candidate_are_that_loss() -> None:
    parts = make_logs()
    states = []
    for kind, options in (
        (FixedWeights, {"losses": ("cross_entropy", "focal"), "loss_weights": (0.0, 1.0), "normalise": False}),
        (Supervised, {"loss": "focal"}),
    ):
        with seeded(0):
            method = kind(LR(parts.train.schema), optimizer="adam", batch_size=64, **options)
        fit(method, parts.train, parts.valid, epochs=1, progress=False)
        states.append(method.model.state_dict())
    assert_same_bits(*states)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"losses": ("focal",)}, "at least two candidates, not focal"),
        ({"losses": ("focal", "focal")}, "stands twice"),
        ({"losses": ("focal", "hinges")}, "did you mean 'hinge'"),
        ({"unroll": 0.0}, "set unroll above 0, or objective 'mixture'"),
        ({"objective": "mix"}, "objective 'mix' is unknown"),
        ({"update_every": 0}, "update_every"),
        ({"update_every": 2.5}, "whole number of steps, at least 1, not 2.5"),
        ({"losses": ("focal", "hinge")}, "start_from 'cross_entropy' is not among .* or null"),
        ({"controller": "folder"}, "controller: give one"),
        ({"controller": Controller(("focal", "kl"))}, "trained for the losses focal, kl; the candidates are"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        AutoLoss(LR(make_logs().train.schema), **options)


def test_without_validation_rows() -> None:
    parts = make_logs()
    with pytest.raises(InputError, match="on validation rows; give some"):
        fit(AutoLoss(LR(parts.train.schema)), parts.train, epochs=1, progress=False)


def test_a_controller_for_other_classes() -> None:
    parts = make_logs(classes=3)
    message = "made for 2 classes; the label of this log has 3"
    with pytest.raises(InputError, match=message):  # where the model has a schema, before anything is trained
        AutoLoss(LR(parts.train.schema), SMOOTH, controller=Controller(SMOOTH, classes=2))
    method = AutoLoss(torch.nn.Linear(2, 3), SMOOTH, controller=Controller(SMOOTH, classes=2))
    with pytest.raises(InputError, match=message):
        fit(method, parts.train, parts.valid, epochs=1, progress=False)


def test_a_candidate_that_does_not_fit_classes() -> None:
    parts = make_logs(classes=3)
    with pytest.raises(InputError, match="combined_pair"):
        AutoLoss(LR(parts.train.schema), ("cross_entropy", "combined_pair"))
    losses = ("cross_entropy", "combined_pair")
    method = AutoLoss(torch.nn.Linear(2, 3), losses, Controller(losses, classes=3))
    with pytest.raises(InputError, match="combined_pair"):
        fit(method, parts.train, parts.valid, progress=False)


def test_weights_that_collapse_are_warned_of_once() -> None:
    method = started(double=False, per_example=False)
    assert isinstance(method.controller, ConstantController)
    with torch.no_grad():
        method.controller.weights[1] = 20.0
    train, valid = first_batch(make_logs().train, 40), first_batch(make_logs().valid, 40)
    with pytest.warns(UserWarning, match="'focal' has 100.0% of the weight at step 0"):
        method.update_controller(train, valid)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        method.update_controller(train, valid)


def test_an_epoch_too_short_for_the_controller_is_warned_of() -> None:
    parts = make_logs()
    with seeded(0):
        method = AutoLoss(LR(parts.train.schema), SMOOTH, batch_size=1000, optimizer="adam")
    with pytest.warns(UserWarning, match="an epoch has 2 steps and the controller learns every 7"):
        fit(method, parts.train, parts.valid, epochs=2, progress=False)
    with pytest.raises(InputError, match="give the controller that is to stay"):
        AutoLoss(LR(parts.train.schema), SMOOTH, frozen=True)


def test_a_frozen_controller_stays() -> None:
    parts = make_logs()
    with seeded(0):
        controller = Controller(SMOOTH)
    before = {name: value.clone() for name, value in controller.state_dict().items()}
    method = AutoLoss(LR(parts.train.schema), SMOOTH, controller, frozen=True, batch_size=64)
    fit(method, parts.train, None, epochs=1, progress=False)
    assert_same_bits(before, method.controller.state_dict())
    chance = np.full(len(parts.test), parts.train.label.mean(), dtype=np.float32)
    assert logloss(parts.test.label, predict(method, parts.test)) < logloss(parts.test.label, chance)


def test_a_run_does_not_go_on_with_another_frozen_controller(tmp_path: Path) -> None:
    parts = make_logs()

    def train(start_from: str, epochs: int) -> None:
        controller = new_controller(SMOOTH, 2, start_from, True)
        with seeded(0):
            method = AutoLoss(LR(parts.train.schema), SMOOTH, controller, frozen=True, batch_size=64)
        fit(method, parts.train, None, epochs=epochs, folder=tmp_path, resume=True, progress=False)

    with seeded(0):
        train("focal", 1)
    with seeded(0):
        train("focal", 2)
    with seeded(0), pytest.raises(InputError, match="of a run with other options, seed or rows"):
        train("kl", 3)


def test_a_controller_needs_no_candidate_to_start_from() -> None:
    losses = ("focal", "kl")
    assert AutoLoss(LR(make_logs().train.schema), losses, Controller(losses)).losses == losses


@pytest.mark.parametrize("learn_on", ["valid", "train"])
def test_a_rest_of_one_row_is_learned_from(learn_on: str) -> None:
    parts = make_logs()
    batch_size = next(size for size in range(20, len(parts.train)) if len(parts.train) % size == 1)
    method = AutoLoss(LR(parts.train.schema), SMOOTH, update_every=1, learn_on=learn_on, batch_size=batch_size)
    history = fit(method, parts.train, parts.valid, epochs=1, progress=False).history
    assert history[0]["steps"] == len(parts.train) // batch_size + 1
    assert all(torch.isfinite(p).all() for p in method.parameters())


@pytest.mark.parametrize("loss_weights", [(), (1.0, 2.0), (1.0, -1.0, 1.0), (0.0, 0.0, 0.0), (1.0, float("nan"), 1.0)])
def test_fixed_weights_that_cannot_be(loss_weights: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="loss_weights"):
        FixedWeights(LR(make_logs().train.schema), SMOOTH, loss_weights)
