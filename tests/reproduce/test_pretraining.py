"""A method that trains its models itself gets untrained ones, and pre-training is done once for all that share it."""

from pathlib import Path
from typing import Any

import pytest
import torch

from clickwise.data.storage import PreparedLog
from clickwise.data.tasks import divide_by_user
from clickwise.errors import InputError
from clickwise.experiment import finished_comparison, run_comparison, run_folder
from clickwise.methods.building import build, pretraining
from clickwise.methods.supervised import Supervised
from clickwise.model_folder import load_model
from clickwise.runs import Plan
from clickwise.training import fit, seeded

APART = {"pretrain": True, "pretrain_share": 0.75, "order": "random"}
OPTIONS: dict[str, dict[str, Any]] = {
    "lr": {"batch_size": 64},
    "fm": {"batch_size": 64, "learning_rate": 0.02},
    "metaselector-simplified": {**APART, "hidden_dims": (4,)},
    "user-selector": {**APART, "hidden_dims": (4,)},
}
PLAN = Plan(list(OPTIONS), options=OPTIONS, epochs=2, device="cpu", replicates=100)


@pytest.fixture(scope="module")
def out(prepared: PreparedLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pretrained") / "out"
    run_comparison(prepared, PLAN, folder, progress=False)
    return folder


def test_models_are_those_of_three_quarters_of_each_users_rows(out: Path, prepared: PreparedLog) -> None:
    seen, _ = divide_by_user(prepared.train, 0.75, "random")
    for name in ("metaselector-simplified", "user-selector"):
        models: Any = load_model(run_folder(out, name, 0) / "model").method.models
        for model, base in zip(models, ("lr", "fm"), strict=True):
            with seeded(0):
                expected = build(base, prepared.schema, OPTIONS[base], [])
            fit(expected, seen, prepared.valid, epochs=2, seed=0, device="cpu", progress=False)
            for key, value in expected.state_dict().items():
                assert torch.equal(model.state_dict()[key], value), (name, base, key)


def test_trained_models_are_left_as_they_are(out: Path, prepared: PreparedLog) -> None:
    with seeded(0):
        whole = build("fm", prepared.schema, OPTIONS["fm"], [])
    fit(whole, prepared.train, prepared.valid, epochs=2, seed=0, device="cpu", progress=False)
    saved = load_model(run_folder(out, "fm", 0) / "model").method.state_dict()
    assert all(torch.equal(saved[key], value) for key, value in whole.state_dict().items())


def test_pre_training_is_shared_only_between_equal_rows(
    prepared: PreparedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, trained = Supervised.step, []

    def counted(self: Supervised, episode: Any) -> Any:
        trained.append(len(self.batches))
        return steps(self, episode)

    monkeypatch.setattr(Supervised, "step", counted)
    run_comparison(prepared, PLAN, tmp_path / "shared", progress=False)
    shared = len(trained)
    trained.clear()
    apart = {**OPTIONS, "user-selector": {**OPTIONS["user-selector"], "order": "time"}}
    plan = Plan(list(apart), options=apart, epochs=2, device="cpu", replicates=100)
    run_comparison(prepared, plan, tmp_path / "apart", progress=False)
    seen, _ = divide_by_user(prepared.train, 0.75, "time")
    assert len(trained) - shared == 2 * PLAN.epochs * -(-len(seen) // 64)


def test_which_methods_train_their_models_themselves() -> None:
    assert pretraining("metaselector", {}) is None
    assert pretraining("metaselector", {"pretrain": True}) == (0.75, "time")
    assert pretraining("user-selector", {"pretrain": True, "pretrain_share": 0.5}) == (0.5, "random")
    assert pretraining("hedge", {}) is None and pretraining("deepfm", {}) is None


def test_a_finished_comparison_is_read_and_another_plan_refused(
    out: Path, prepared: PreparedLog, tmp_path: Path
) -> None:
    found = finished_comparison(prepared, PLAN, out)
    assert found is not None and set(found.results["methods"]) == {*OPTIONS, "oracle"}
    assert finished_comparison(prepared, PLAN, tmp_path) is None
    with pytest.raises(InputError, match="another 'epochs'"):
        finished_comparison(prepared, Plan(PLAN.methods, options=OPTIONS, epochs=3, device="cpu", replicates=100), out)
