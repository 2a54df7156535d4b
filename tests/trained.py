"""Methods of the catalogue, trained small and once for all tests that only look at them."""

from functools import cache
from typing import Any

import torch
from torch import Tensor

from clickwise.methods.building import build, options_of
from clickwise.methods.catalogue import entry
from clickwise.methods.method import Method
from clickwise.training import fit, seeded
from tests.logs import Parts, make_logs

COMBINED = ("lr", "fm")
OPTIONS: dict[str, dict[str, Any]] = {
    "lr": {"batch_size": 64},
    "fm": {"batch_size": 64, "learning_rate": 0.02, "initial_deviation": 0.1},
    "ffm": {"batch_size": 64, "learning_rate": 0.02, "initial_deviation": 0.1, "embedding_dim": 4},
    "metaselector": {"users_per_episode": 4, "inner_learning_rate": 0.1},
    "metaselector-shuffled": {"users_per_episode": 4, "inner_learning_rate": 0.1},
    "metaselector-simplified": {"users_per_episode": 4},
    "sample-selector": {"batch_size": 64, "hidden_dims": (16, 16)},
    "user-selector": {"batch_size": 64, "hidden_dims": (16, 16)},
    "deepfm": {"batch_size": 64, "learning_rate": 0.01, "hidden_dims": (16, 16), "initial_deviation": 0.1},
    "pnn": {"batch_size": 64, "learning_rate": 0.01, "hidden_dims": (16, 16), "initial_deviation": 0.1},
    "nfm": {"batch_size": 64, "learning_rate": 0.01, "hidden_dims": (16,), "initial_deviation": 0.1},
    "wide-deep": {"batch_size": 64, "learning_rate": 0.01, "hidden_dims": (16, 16), "initial_deviation": 0.1},
    "din": {"batch_size": 64, "learning_rate": 0.01, "hidden_dims": (16, 16), "initial_deviation": 0.1},
    "dien": {"batch_size": 64, "learning_rate": 0.01, "hidden_dims": (16, 16), "initial_deviation": 0.1},
    **{
        name: {"batch_size": 64, "learning_rate": 0.01, "hidden_dims": (16, 16), "initial_deviation": 0.1}
        for name in ("dnn", "gru4rec", "lstm4rec", "mimn", "meta-interaction")
    },
    "mamo": {"tasks_per_episode": 4, "outer_learning_rate": 0.02},
    "autoint": {"batch_size": 64, "learning_rate": 0.01, "layers": 2, "attention_dim": 8},
}

VARIANTS: dict[str, dict[str, Any]] = {
    "fm+recurrent-meta": {"local": ("linear",), "outer_learning_rate": 0.03, "tasks_per_episode": 4},
    "lstm4rec+sequential-meta": {"local": ("recurrences",), "batch_size": 48, "learning_rate": 0.02},
    "dnn+melu": {"outer_learning_rate": 0.02, "tasks_per_episode": 4},
    "deepfm~udg": {"gate_dim": 4},
    "din~ppnet": {},
    "pnn~udg+focal": {},
    "fm+focal": {},
    "fm+bohb": {"trials": 3, "trial_epochs": 2},
    "fm+slf": {},
    "fm+autoloss-published": {"update_every": 3},
    "fm+autoloss": {"update_every": 3},
}


@cache
def logs(classes: int = 2, truth: str = "additive") -> Parts:
    """One log for all; never write to it."""
    return make_logs(classes=classes, truth=truth)


def untrained(name: str, classes: int = 2, seed: int = 0, device: str = "cpu", truth: str = "additive") -> Method:
    """A new method; one that is made of trained models is made of LR and FM."""
    combined = entry(name).made_of_models
    models = [trained(other, classes, seed, device, truth) for other in COMBINED] if combined else []
    with seeded(seed):
        return build(name, logs(classes, truth).train.schema, options_of(name, OPTIONS | VARIANTS), models)


def trained(name: str, classes: int = 2, seed: int = 0, device: str = "cpu", truth: str = "additive") -> Method:
    """A trained method; treat it as constant."""
    return _trained(name, classes, seed, device, truth)


@cache
def _trained(name: str, classes: int, seed: int, device: str, truth: str) -> Method:
    method, parts = untrained(name, classes, seed, device, truth), logs(classes, truth)
    fit(method, parts.train, parts.valid, epochs=6, seed=seed, device=device, progress=False)
    return method


def state(method: torch.nn.Module) -> dict[str, Tensor]:
    """A copy of all parameters and buffers."""
    return {name: value.detach().clone() for name, value in method.state_dict().items()}
