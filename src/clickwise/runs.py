"""Runs: one method trained with one seed, in a folder of its own that an interrupted run goes on from."""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.comparison import REPLICATES
from clickwise.data.log import ClickLog
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.files import is_taken, new_file
from clickwise.loop import Progression
from clickwise.memory import PeakMemory
from clickwise.methods.building import build, options_of
from clickwise.methods.catalogue import entry
from clickwise.methods.controller_trace import controller_weights
from clickwise.methods.method import Method
from clickwise.methods.names import bases, parts
from clickwise.methods.selection import Selection
from clickwise.methods.weights import Weighs, summary
from clickwise.metrics.pointwise import auc, logloss
from clickwise.model_folder import load_model, save_model
from clickwise.prediction import predict
from clickwise.runlog import HISTORY
from clickwise.training import fit, seeded

FINISHED, MODEL, PROBABILITY, WEIGHTS = "finished.json", "model", "test.npy", "user_weights.parquet"


@dataclass(frozen=True)
class Plan:
    """What is trained, and how. Two comparisons with equal plans on equal logs give equal results.

    Attributes:
        methods: names or groups, as in ``clickwise.methods.catalogue``.
        seeds: number of training seeds, 0 to ``seeds - 1``.
        options: by method, options of its constructor and of ``Supervised``.
        epochs, patience, monitor, device, precision: as in ``fit``.
        replicates: bootstrap resamples of the users.
    """

    methods: Sequence[str]
    seeds: int = 1
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    epochs: int = 30
    patience: int = 2
    monitor: str = "logloss"
    device: str = "auto"
    precision: str = "32-true"
    replicates: int = REPLICATES

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise InputError(f"seeds must be at least 1, not {self.seeds}")
        if self.replicates < 100:
            raise InputError(f"replicates must be at least 100, not {self.replicates}")


@dataclass(frozen=True)
class Trained:
    """One method trained with one seed."""

    method: Method
    test: npt.NDArray[np.float32]
    facts: dict[str, Any]


def train_run(
    log: PreparedLog, plan: Plan, name: str, seed: int, models: Sequence[Method], folder: Path, progress: bool
) -> Trained:
    """Train one method with one seed, or read what an earlier call finished in ``folder``.

    Args:
        log, plan: what the comparison is of.
        name: the method.
        seed: of weights, order and dropout.
        models: the trained models of this seed, for a method made of them.
        folder: the run's own; holds its checkpoint, then its model, predictions and facts.
        progress: show a progress bar.
    """
    if (folder / FINISHED).exists():
        trusted = [parts(name).model.partition(":")[0]] if ":" in name else []
        facts = json.loads((folder / FINISHED).read_text(encoding="utf-8"))
        return Trained(
            load_model(folder / MODEL, trusted).method, np.load(folder / PROBABILITY, allow_pickle=False), facts
        )
    with seeded(seed):
        method = build(name, log.schema, options_of(name, plan.options), models)
    clock = time.monotonic()
    with PeakMemory() as memory:
        progression = fit(
            method, log.train, log.valid, epochs=plan.epochs, patience=plan.patience, monitor=plan.monitor, seed=seed,
            device=plan.device, precision=plan.precision, folder=folder, resume=True, progress=progress,
        )  # fmt: skip
        seconds = sum(row["seconds"] for row in progression.history) or time.monotonic() - clock
        seconds += method.search_seconds
        judged = method.monitored(log.valid) or log.valid
        valid = predict(method, judged)
        # From here on validation rows are known too, as all that lies before the test rows would be in service.
        method.remember(log.train, log.valid)
        clock = time.monotonic()
        test, weights = _predict_test(method, log.test)
    facts = {
        "train_seconds": seconds,
        "predict_seconds": time.monotonic() - clock,
        "peak_memory_bytes": memory.bytes,
        "best_epoch": progression.best_epoch or None,
        "parameters": sum(parameter.numel() for parameter in method.parameters()),
        "valid_auc": auc(judged.label, valid),
        "valid_logloss": logloss(judged.label, valid),
        "users_without_support": method.without_support(log.test),
        "users_served_by_generator": method.served_by_generator(log.test),
        "model_weights": None if weights is None else summary(weights),
        "loss_weights": controller_weights(method),
    }
    shutil.rmtree(folder / MODEL, ignore_errors=True)
    save_model(method, folder / MODEL, log)
    if weights is not None:
        with new_file(folder / WEIGHTS) as path:
            weights.write_parquet(path)
    with new_file(folder / PROBABILITY) as path, path.open("wb") as file:
        np.save(file, test, allow_pickle=False)
    with new_file(folder / FINISHED) as path:
        path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return Trained(method, test, facts)


def _predict_test(method: Method, test: ClickLog) -> tuple[npt.NDArray[np.float32], pl.DataFrame | None]:
    """Probabilities, and the weights of the models for each user where the method has such weights."""
    if isinstance(method, Selection):
        return method.score_with_weights(test)
    return predict(method, test), method.user_weights(test) if isinstance(method, Weighs) else None


def train_one(
    log: PreparedLog,
    name: str,
    options: Mapping[str, Mapping[str, Any]],
    out: Path,
    *,
    seed: int,
    resume: bool,
    **fit_options: Any,
) -> Progression:
    """Train one method and write its model folder ``out``; until it is whole, the run lives in ``out`` + ``.training``.

    Args:
        log: the encoded log.
        name: a name of the catalogue that needs no trained models.
        options: as in ``Plan``.
        out: the model folder; must not exist, or be empty.
        seed: of weights, order and dropout.
        resume: go on with an interrupted run.
        fit_options: of ``fit``.

    Raises:
        InputError: an option that is not known, an ``out`` in use, or a run to resume that is not there.
    """
    if entry(name).made_of_models:
        raise InputError(f"method {name!r} is made of trained models; `clickwise compare` trains it beside them")
    if stray := [other for other in options if other not in (name, *bases(name))]:
        raise InputError(f"options are given for {stray[0]!r}; the method is {name!r}")
    if is_taken(out):
        raise InputError(f"{out}: exists already; name a new folder for the model")
    folder = out.with_name(out.name + ".training")
    if folder.exists() and not resume:
        raise InputError(f"{folder}: an unfinished run is there; add --resume to go on with it, or remove it")
    with seeded(seed):
        method = build(name, log.schema, options_of(name, options), [])
    progression = fit(method, log.train, log.valid, seed=seed, folder=folder, resume=True, **fit_options)
    method.remember(log.train, log.valid)
    save_model(method, out, log)
    if (folder / HISTORY).exists():
        shutil.move(folder / HISTORY, out / HISTORY)
    shutil.rmtree(folder, ignore_errors=True)
    return progression


def costs(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Costs over the seeds of one method: mean seconds, largest memory, best epoch of each seed."""

    def mean(key: str) -> float:
        return float(np.mean([fact[key] for fact in facts]))

    return {
        "train_seconds": mean("train_seconds"),
        "predict_seconds": mean("predict_seconds"),
        "peak_memory_bytes": max(fact["peak_memory_bytes"] for fact in facts),
        "epochs": [fact["best_epoch"] for fact in facts if fact["best_epoch"] is not None],
        "parameters": facts[0]["parameters"],
        "valid": {"auc": mean("valid_auc"), "logloss": mean("valid_logloss")},
        "users_without_support": facts[0]["users_without_support"],
        "users_served_by_generator": facts[0].get("users_served_by_generator"),
        "model_weights": _mean_weights([fact["model_weights"] for fact in facts]),
        "loss_weights": facts[0].get("loss_weights"),
    }


def _mean_weights(seeds: Sequence[Mapping[str, Mapping[str, float]] | None]) -> dict[str, dict[str, float]] | None:
    """Summaries of the weights, averaged over the seeds; None for a method without weights."""
    found = [seed for seed in seeds if seed is not None]
    if not found:
        return None
    return {
        model: {key: float(np.mean([seed[model][key] for seed in found])) for key in values}
        for model, values in found[0].items()
    }
