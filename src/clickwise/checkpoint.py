"""Exact state of a run on disk: tensors as safetensors, the rest as JSON inside the same file's header."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from clickwise.errors import InputError
from clickwise.files import new_file

TENSOR = "__tensor__"
ITEMS = "__items__"


def save_state(state: Any, path: Path) -> None:
    """Write a nest of dicts, lists, numbers, strings and tensors; the file is whole or absent."""
    tensors: dict[str, Tensor] = {}
    plain = _flatten(state, "", tensors)
    with new_file(path) as temporary:
        save_file(tensors, temporary, metadata={"state": json.dumps(plain)})


def load_state(path: Path) -> Any:
    """The reverse of ``save_state``; nothing is unpickled.

    Raises:
        InputError: the file is damaged or not a checkpoint.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        return _restore(json.loads(metadata["state"]), tensors)
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise InputError(f"{path}: not a whole checkpoint ({error}); delete it to start afresh") from None


def _flatten(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        # A copy, because safetensors refuses tensors that share memory.
        tensors[name] = value.detach().cpu().clone().contiguous()
        return {TENSOR: name}
    if isinstance(value, dict):
        # Pairs and not an object, because optimisers use whole numbers as keys and JSON would make them text.
        return {ITEMS: [[key, _flatten(item, f"{name}/{key}", tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_flatten(item, f"{name}/{index}", tensors) for index, item in enumerate(value)]
    return value


def _restore(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, dict):
        if TENSOR in value:
            return tensors[value[TENSOR]]
        return {key: _restore(item, tensors) for key, item in value[ITEMS]}
    if isinstance(value, list):
        return [_restore(item, tensors) for item in value]
    return value


def random_state() -> dict[str, Tensor]:
    """States of torch's generators, which dropout draws from."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def set_random_state(states: dict[str, Tensor]) -> None:
    """Put torch's generators where ``random_state`` found them."""
    torch.set_rng_state(states["cpu"])
    if "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"])
