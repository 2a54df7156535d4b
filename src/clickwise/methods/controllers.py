"""Controllers of AutoLoss: new ones, whether one fits a training, and on disk. Nothing is unpickled."""

import json
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from clickwise.configuration import describe, find_class
from clickwise.errors import InputError
from clickwise.files import new_folder, write_json
from clickwise.nn.controller import ConstantController, Controller
from clickwise.version import __version__

FORMAT, FORMAT_VERSION = "clickwise-controller", 1
DESCRIPTION, WEIGHTS = "controller.json", "controller.safetensors"
MODEL, MODEL_WEIGHTS, PREFIX = "model.json", "weights.safetensors", "controller."


def new_controller(
    losses: Sequence[str], classes: int, start_from: str | None, per_example: bool
) -> Controller | ConstantController:
    """An untrained controller of these candidates.

    Args:
        losses: names of the candidates.
        classes: of the label.
        start_from: the candidate that has nine tenths of the weight at first; None for weights that are about equal.
        per_example: False for weights that are the same for all examples.

    Raises:
        InputError: ``start_from`` is none of the candidates.
    """
    controller = (Controller if per_example else ConstantController)(losses, classes)
    if start_from is None:
        return controller
    if start_from not in losses:
        raise InputError(
            f"start_from {start_from!r} is not among the candidates {', '.join(losses)}; "
            "name one of them, or null for weights that are about equal at first"
        )
    controller.start_from(start_from)
    return controller


def check_controller(controller: Controller | ConstantController, losses: Sequence[str], classes: int | None) -> None:
    """Raise ``InputError`` for a controller that cannot weigh these candidates, or labels of that many classes."""
    if not isinstance(controller, Controller | ConstantController):
        raise InputError(f"controller: give one, or the folder of one, not {controller!r}")
    if tuple(controller.losses) != tuple(losses):
        raise InputError(
            f"controller: trained for the losses {', '.join(controller.losses)}; the candidates are {', '.join(losses)}"
        )
    if classes is not None and controller.classes != classes:
        raise InputError(f"controller: made for {controller.classes} classes; the label of this log has {classes}")


def save_controller(controller: Controller | ConstantController, folder: Path | str) -> None:
    """Write a controller into a new folder, whole or not at all.

    Args:
        controller: a controller, trained or not.
        folder: a folder that does not exist yet.
    """
    facts = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "clickwise": __version__,
        "controller": describe(controller),
    }
    with new_folder(Path(folder)) as temporary:
        write_json(temporary / DESCRIPTION, facts)
        save_file({name: t.detach().cpu().clone() for name, t in controller.state_dict().items()}, temporary / WEIGHTS)


def load_controller(folder: Path | str) -> Controller | ConstantController:
    """Read a controller from a folder of ``save_controller``, or from the model folder of an ``AutoLoss``.

    Args:
        folder: where it lies.

    Raises:
        InputError: the folder is missing, damaged, of a newer version, or holds no controller.
    """
    folder = Path(folder)
    of_model = (folder / MODEL).is_file()
    described, weights = (MODEL, MODEL_WEIGHTS) if of_model else (DESCRIPTION, WEIGHTS)
    if not (folder / described).is_file():
        raise InputError(f"{folder}: no controller: neither {DESCRIPTION} nor {MODEL} is there")
    try:
        facts = json.loads((folder / described).read_text(encoding="utf-8"))
        config = facts["method"]["options"].get("controller") if of_model else facts["controller"]
        version = facts["version"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / described}: damaged ({error})") from None
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise InputError(
            f"{folder / described}: format version {version!r}; this clickwise reads up to {FORMAT_VERSION}"
        )
    kind = find_class(config["class"]) if isinstance(config, dict) and "class" in config else None
    if kind not in (Controller, ConstantController):
        raise InputError(f"{folder / described}: was not trained by AutoLoss, it holds no controller")
    try:
        controller: Controller | ConstantController = kind(**config["options"])
        state = load_file(folder / weights)
        if of_model:
            state = {name[len(PREFIX) :]: value for name, value in state.items() if name.startswith(PREFIX)}
        controller.load_state_dict(state)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{folder / weights}: damaged or missing ({error})") from None
    except (TypeError, KeyError, RuntimeError):
        raise InputError(f"{folder / weights}: does not fit {described}; the folder mixes two controllers") from None
    return controller
