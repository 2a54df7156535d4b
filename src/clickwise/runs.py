"""Runs: one method trained with one seed, in a folder of its own that an interrupted run goes on from."""

import math
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
from clickwise.files import is_taken
from clickwise.finished_run import FINISHED, Trained, read_run, write_run
from clickwise.loop import Progression
from clickwise.memory import PeakMemory
from clickwise.methods.building import build, options_of
from clickwise.methods.catalogue import entry
from clickwise.methods.controller_trace import controller_weights
from clickwise.methods.method import Method
from clickwise.methods.names import bases
from clickwise.methods.selection import Selection
from clickwise.methods.weights import Weighs, summary
from clickwise.metrics.pointwise import auc, logloss
from clickwise.model_folder import save_model
from clickwise.nn.tables import parameter_count
from clickwise.prediction import predict
from clickwise.runlog import HISTORY
from clickwise.training import fit, seeded


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


def train_run(
    log: PreparedLog,
    plan: Plan,
    name: str,
    seed: int,
    models: Sequence[Method],
    folder: Path,
    progress: bool,
    trusted: Sequence[str] = (),
) -> Trained:
    """Train one method with one seed, or read what an earlier call finished in ``folder``.

    Args:
        log, plan: what the comparison is of.
        name: the method.
        seed: of weights, order and dropout.
        models: the trained models of this seed, for a method made of them.
        folder: the run's own; holds its checkpoint, then its model, predictions and facts.
        progress: show a progress bar.
        trusted: ``own_modules`` of the comparison.

    Raises:
        InputError: the finished run is damaged.
    """
    if (folder / FINISHED).exists():
        return read_run(folder, len(log.test), trusted)
    with seeded(seed):
        method = build(name, log.schema, options_of(name, plan.options), models)
    with PeakMemory() as memory:
        progression = fit(
            method, log.train, log.valid, epochs=plan.epochs, patience=plan.patience, monitor=plan.monitor, seed=seed,
            device=plan.device, precision=plan.precision, folder=folder, resume=True, progress=progress,
        )  # fmt: skip
        judged = method.compared(log.valid)
        valid = predict(method, judged)
        # From here on validation rows are known too, as all that lies before the test rows would be in service.
        method.remember(log.train, log.valid)
        clock = time.monotonic()
        test, weights = _predict_test(method, log.test)
        seconds = time.monotonic() - clock
    valid_auc = auc(judged.label, valid)
    facts = {
        "train_seconds": progression.train_seconds,
        "predict_seconds": seconds,
        "peak_memory_bytes": memory.bytes,
        "best_epoch": progression.best_epoch if math.isfinite(progression.best_value) else None,
        "parameters": parameter_count(method),
        "valid_auc": valid_auc if math.isfinite(valid_auc) else None,
        "valid_logloss": logloss(judged.label, valid),
        "users_without_support": method.without_support(log.test),
        "users_served_by_generator": method.served_by_generator(log.test),
        "model_weights": None if weights is None else summary(weights),
        "loss_weights": controller_weights(method),
    }
    trained = Trained(method, test, facts)
    write_run(trained, weights, log, folder)
    method.end()
    return trained


def refuse_stray(options: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raise ``InputError`` for options of what is not trained; those of a model hold for its variants."""
    taking = {*names, *(base for name in names for base in bases(name))}
    if stray := [name for name in options if name not in taking]:
        raise InputError(f"options are given for {stray[0]!r}, which is not among the methods {', '.join(names)}")


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
    refuse_stray(options, [name])
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
