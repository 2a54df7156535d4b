"""The four methods around one network: what nests, and that each part does what it does alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from clickwise.configuration import build, describe
from clickwise.errors import InputError
from clickwise.losses import LOSSES
from clickwise.methods import AutoLoss, MetaSelector, RecurrentMeta, SequentialMeta, Stacking, Supervised
from clickwise.methods.method import Run
from clickwise.methods.mixture import network_of
from clickwise.models import FM, LR, DeepFM
from clickwise.models.gated import UserDependentGating
from clickwise.prediction import predict
from clickwise.training import fit, seeded
from tests.logs import Parts, assert_same_bits, make_logs

LOGS = make_logs()
SCHEMA = LOGS.train.schema
RUN = Run(Fabric(accelerator="cpu", devices=1))
META: dict[str, Any] = {"tasks_per_episode": 4, "support_size": 40, "query_size": 40}
SELECTOR: dict[str, Any] = {
    "users_per_episode": 4, "users_per_epoch": 12, "most_epochs": 1, "pretrain": False, "support_size": 40,
}  # fmt: skip


def gated() -> nn.Module:
    return UserDependentGating(DeepFM(SCHEMA, 3, (5,), 0.0, initial_deviation=0.3), inputs=("user", "item"))


def learned_loss(network: nn.Module, **options: Any) -> AutoLoss:
    return AutoLoss(network, ("cross_entropy", "focal", "kl"), **{"update_every": 2, "batch_size": 100} | options)


def all_four() -> MetaSelector:
    """A gated model, trained on learned losses, meta-trained, and one of two candidates."""
    with seeded(0):
        return MetaSelector([LR(SCHEMA), RecurrentMeta(learned_loss(gated()), **META)], **SELECTOR)


def gradients(method: RecurrentMeta) -> tuple[float, dict[str, Tensor]]:
    """Loss of a first episode, and what its step leaves in the parameters of the network, the optimisers still."""
    method.start(LOGS.train, LOGS.valid, RUN)
    for optimizer in method.optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = 0.0
    loss = method.step(next(iter(method.episodes(0, 0, 0))))["loss"]
    found = {name: p.grad for name, p in method.network.named_parameters() if p.grad is not None}
    return float(loss), {name: g.to_dense() if g.is_sparse else g for name, g in found.items()}


def test_the_loss_of_a_meta_trained_network_is_that_of_the_method_within() -> None:
    """Focal loss alone, and a mixture whose weights are all on focal loss, give one gradient."""
    alone = gradients(RecurrentMeta(Supervised(gated_with(0), loss="focal"), **META))
    mixture = learned_loss(gated_with(0), per_example=False, frozen=False, start_from=None, normalise=False)
    with torch.no_grad():
        mixture.controller.weights.copy_(torch.tensor([-1e4, 0.0, -1e4]))
    mixed = gradients(RecurrentMeta(mixture, **META))
    plain = gradients(RecurrentMeta(gated_with(0), **META))
    assert mixed[0] == pytest.approx(alone[0], rel=1e-6) and plain[0] != pytest.approx(alone[0], rel=1e-3)
    assert mixed[1].keys() == alone[1].keys()
    for name, expected in alone[1].items():
        torch.testing.assert_close(mixed[1][name], expected, rtol=1e-4, atol=1e-7)


def gated_with(seed: int) -> nn.Module:
    with seeded(seed):
        return gated()


@pytest.mark.parametrize("kind", [RecurrentMeta, SequentialMeta])
def test_the_controller_learns_while_the_network_is_meta_trained(kind: type[Any]) -> None:
    with seeded(0):
        method = kind(learned_loss(gated()), **(META if kind is RecurrentMeta else {"batch_size": 100}))
    loss = method.model
    before = {name: p.clone() for name, p in loss.controller.named_parameters()}
    fit(method, LOGS.train, LOGS.valid, epochs=2, patience=5, progress=False)
    assert int(loss.steps_done) > 0 and int(loss.epochs_done) >= 1
    assert any(not torch.equal(p, before[name]) for name, p in loss.controller.named_parameters())
    assert np.isfinite(predict(method, LOGS.test)).all()


def test_normalising_layers_stay_as_in_prediction_when_the_controller_learns() -> None:
    with seeded(0):
        network = DeepFM(SCHEMA, 3, (5,), 0.0, batch_norm=True)
        method = RecurrentMeta(learned_loss(network, update_every=1), **META)
    method.start(LOGS.train, LOGS.valid, RUN)
    method.train()
    method.step(next(iter(method.episodes(0, 0, 0))))
    assert method.normalised and not any(layer.training for layer in method.normalised)
    assert network_of(method).training


def test_a_drawn_loss_is_not_drawn_at_prediction() -> None:
    with seeded(0):
        method = RecurrentMeta(learned_loss(gated(), gumbel=True), **META)
    fit(method, LOGS.train, LOGS.valid, epochs=1, progress=False)
    method.remember(LOGS.train)
    np.testing.assert_array_equal(predict(method, LOGS.test), predict(method, LOGS.test))


def test_a_meta_trained_candidate_brings_its_weights_and_its_rates() -> None:
    with seeded(0):
        candidate = RecurrentMeta(learned_loss(gated()), **META)
    fit(candidate, LOGS.train, LOGS.valid, epochs=2, patience=5, progress=False)
    learned = {name: rate.item() for name, rate in candidate.inner_rates.dense.items()}
    assert len({*learned.values()}) > 1
    selector = MetaSelector([LR(SCHEMA), candidate], **SELECTOR)
    assert selector.names == ["LR", "DeepFM~udg"]
    own = dict(selector.networks[1].named_parameters())
    assert all(torch.equal(p, own[name]) for name, p in candidate.network.named_parameters())
    assert all(p is not own[name] for name, p in candidate.network.named_parameters())
    selector.start(LOGS.train, LOGS.valid, RUN)
    taken = {name: rate.item() for name, rate in selector.inner_rates.dense.items()}
    for name, rate in learned.items():
        assert taken[f"models/1/{name}"] == rate
    others = {name: rate for name, rate in taken.items() if name.removeprefix("models/1/") not in learned}
    assert all(rate == pytest.approx(selector.inner_learning_rate) for rate in others.values()) and others
    assert not any("controller" in name or "inner_rates" in name for name in taken)


def test_all_four_train_to_the_same_bits_and_are_built_again_from_their_description() -> None:
    method = all_four()
    fit(method, LOGS.train, LOGS.valid, epochs=1, progress=False)
    again = all_four()
    fit(again, LOGS.train, LOGS.valid, epochs=1, progress=False)
    method.remember(LOGS.train, LOGS.valid)
    again.remember(LOGS.train, LOGS.valid)
    expected = predict(method, LOGS.test)
    np.testing.assert_array_equal(predict(again, LOGS.test), expected)
    built = build(describe(method), SCHEMA)
    built.load_state_dict(method.state_dict())
    np.testing.assert_array_equal(predict(built, LOGS.test), expected)


def test_all_four_where_the_candidates_are_trained_first() -> None:
    method = all_four().copy(pretrain=True)
    start = {name: p.clone() for name, p in method.networks[1].named_parameters()}
    fit(method, LOGS.train, LOGS.valid, epochs=1, progress=False)
    moved = [name for name, p in method.networks[1].named_parameters() if not torch.equal(p, start[name])]
    assert moved and int(method.models[1].model.steps_done) > 0
    assert np.isfinite(predict(method, LOGS.test)).all()


def test_a_mixture_judges_adapting_models_on_rows_that_they_have_not_adapted_to() -> None:
    with seeded(0):
        adapting = RecurrentMeta(FM(SCHEMA, 3), ("embedding",), **META)
        constant = LR(SCHEMA)
    fit(adapting, LOGS.train, LOGS.valid, epochs=1, progress=False)
    adapting.remember(LOGS.train)
    honest = predict(adapting, LOGS.valid)
    adapting.remember(LOGS.train, LOGS.valid)  # as after its own run
    assert not np.array_equal(predict(adapting, LOGS.valid), honest)
    mixture = Stacking([constant, adapting])
    mixture.start(LOGS.train, LOGS.valid, RUN)
    np.testing.assert_array_equal(predict(adapting, LOGS.valid), honest)
    mixture.remember(LOGS.train, LOGS.valid)
    assert not np.array_equal(predict(adapting, LOGS.valid), honest)


def test_what_does_not_nest() -> None:
    with pytest.raises(InputError, match="Stacking has no logits of its own"):
        MetaSelector([LR(SCHEMA), Stacking([LR(SCHEMA), FM(SCHEMA, 2)])])


def test_an_interrupted_run_of_all_but_the_selector_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    def method() -> RecurrentMeta:
        with seeded(0):
            return RecurrentMeta(learned_loss(gated(), update_every=3), **META)

    def run(of: RecurrentMeta, parts: Parts, **options: Any) -> None:
        fit(of, parts.train, parts.valid, epochs=2, patience=5, progress=False, checkpoint_seconds=0.0, **options)

    whole = method()
    run(whole, LOGS)
    broken = method()
    step, taken = broken.step, 0

    def failing(episode: Any) -> dict[str, Tensor]:
        nonlocal taken
        taken += 1
        if taken == 8:
            raise RuntimeError("broken off")
        return step(episode)

    broken.step = failing  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="broken off"):
        run(broken, LOGS, folder=tmp_path)
    resumed = method()
    run(resumed, LOGS, folder=tmp_path, resume=True)
    assert_same_bits(whole.state_dict(), resumed.state_dict())


def test_every_loss_of_its_own_meta_trains() -> None:
    for name in LOSSES:
        with seeded(0):
            method = RecurrentMeta(Supervised(LR(SCHEMA), loss=name), ("linear",), **META)
        loss, found = gradients(method)
        assert np.isfinite(loss) and all(bool(torch.isfinite(g).all()) for g in found.values())
