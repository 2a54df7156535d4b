"""Controllers on disk."""

from pathlib import Path

import pytest
import torch

from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.methods.autoloss import AutoLoss
from clickwise.methods.building import build
from clickwise.methods.controllers import DESCRIPTION, WEIGHTS, load_controller, save_controller
from clickwise.model_folder import save_model
from clickwise.models import FM, LR
from clickwise.nn.controller import ConstantController, Controller
from clickwise.training import fit, seeded
from tests.logs import assert_same_bits

LOSSES = ("cross_entropy", "focal", "kl")


@pytest.mark.parametrize("kind", [Controller, ConstantController])
@pytest.mark.parametrize("classes", [2, 5])
def test_read_back_to_the_bit(kind: type[Controller], classes: int, tmp_path: Path) -> None:
    with seeded(0):
        controller = kind(LOSSES, classes)
    with torch.no_grad():
        for p in controller.parameters():
            p.add_(torch.randn(p.shape))
    save_controller(controller, tmp_path / "controller")
    loaded = load_controller(tmp_path / "controller")
    assert type(loaded) is kind
    assert (loaded.losses, loaded.classes) == (LOSSES, classes)
    assert_same_bits(controller.state_dict(), loaded.state_dict())


def test_one_learned_with_a_model_trains_another(prepared: PreparedLog, tmp_path: Path) -> None:
    """From the model folder that ``compare`` and ``train`` write, as an option of the command line names it."""
    with seeded(0):
        first = AutoLoss(FM(prepared.schema, 3), LOSSES, batch_size=50, update_every=2)
    fit(first, prepared.train, prepared.valid, epochs=1, progress=False)
    save_model(first, tmp_path / "model", prepared)
    options = {"controller": str(tmp_path / "model"), "frozen": True, "losses": LOSSES, "optimizer": "adam"}
    second = build("lr+autoloss", prepared.schema, options, [])
    assert isinstance(second, AutoLoss)
    assert_same_bits(first.controller.state_dict(), second.controller.state_dict())
    fit(second, prepared.train, prepared.valid, epochs=1, progress=False)
    assert_same_bits(first.controller.state_dict(), second.controller.state_dict())


def test_learned_with_other_losses(prepared: PreparedLog, tmp_path: Path) -> None:
    save_controller(Controller(LOSSES), tmp_path / "controller")
    with pytest.raises(InputError, match="trained for the losses cross_entropy, focal, kl; the candidates are"):
        build("lr+autoloss", prepared.schema, {"controller": str(tmp_path / "controller")}, [])


def test_folders_that_hold_none(prepared: PreparedLog, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no controller: neither controller\.json nor model\.json"):
        load_controller(tmp_path / "absent")
    save_model(LR(prepared.schema), tmp_path / "model", prepared)
    with pytest.raises(InputError, match="was not trained by AutoLoss"):
        load_controller(tmp_path / "model")


@pytest.mark.parametrize(("file", "text"), [(DESCRIPTION, "{"), (DESCRIPTION, "[]"), (WEIGHTS, "no tensors")])
def test_damaged_files(file: str, text: str, tmp_path: Path) -> None:
    save_controller(Controller(LOSSES), tmp_path / "controller")
    (tmp_path / "controller" / file).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=f"{file}: damaged"):
        load_controller(tmp_path / "controller")


def test_weights_of_another_controller(tmp_path: Path) -> None:
    save_controller(Controller(LOSSES), tmp_path / "one")
    save_controller(Controller(LOSSES, hidden_dims=(16,)), tmp_path / "other")
    (tmp_path / "one" / WEIGHTS).write_bytes((tmp_path / "other" / WEIGHTS).read_bytes())
    with pytest.raises(InputError, match="the folder mixes two controllers"):
        load_controller(tmp_path / "one")


def test_a_taken_folder_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine").write_text("x")
    with pytest.raises(InputError, match="taken"):
        save_controller(Controller(LOSSES), tmp_path / "taken")
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["mine"]
