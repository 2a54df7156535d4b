"""The trials of a tuning: what is proposed, how it is trained, and when a training is stopped early."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError, TrainingDiverged, nearest
from clickwise.methods.building import build
from clickwise.optuna_study import PRUNERS, new_study
from clickwise.training import fabric_for, fit, seeded
from clickwise.tuning_space import Space

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Trial:
    """One training.

    Attributes:
        number: from 0; trial 0 is the method as it is.
        options: what was changed of it.
        values: of the monitored metric, the best so far after each epoch; empty where the training diverged.
        state: ``finished``, ``stopped`` (it had fallen behind), or ``diverged``.
        seconds: of training.
    """

    number: int
    options: Mapping[str, Any]
    values: tuple[float, ...]
    state: str
    seconds: float


@dataclass(frozen=True)
class Budget:
    """How much is tried, and how each trial is trained.

    Attributes:
        trials: trainings.
        epochs, patience, monitor, device, precision: as in ``fit``.
        pruner: what stops trainings that fall behind: ``hyperband``, ``median`` or ``none``.
        seed: of every training, and of the proposals.
    """

    trials: int = 20
    epochs: int = 30
    patience: int = 2
    monitor: str = "logloss"
    pruner: str = "hyperband"
    seed: int = 0
    device: str = "auto"
    precision: str = "32-true"

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise InputError(f"trials must be at least 1, not {self.trials}")
        if self.pruner not in PRUNERS:
            raise InputError(f"pruner {self.pruner!r} is unknown{nearest(self.pruner, PRUNERS)}")
        fabric_for(self.epochs, self.patience, self.monitor, self.device, self.precision)


@dataclass(frozen=True)
class Tuned:
    """What is tuned.

    Attributes:
        log: its training and validation rows are read.
        name: of the method.
        given: options that stay as they are.
        space: options that change.
        unchanged: the method with ``given`` alone, untrained.
    """

    log: PreparedLog
    name: str
    given: Mapping[str, Any]
    space: Space
    unchanged: nn.Module


class _Stopped(Exception):
    """A training has fallen behind."""


def next_trial(tuned: Tuned, budget: Budget, done: Sequence[Trial], progress: bool) -> Trial:
    """Propose options, train with them, and stop where that falls behind; a function of ``done`` and the rest alone.

    Args:
        tuned: what is tuned.
        budget: how it is trained.
        done: the trials before.
        progress: show a progress bar.
    """
    direction = "maximize" if budget.monitor == "auc" else "minimize"
    known = [_known(tuned, trial) for trial in done]
    study = new_study(direction, budget.pruner, budget.epochs, budget.seed, known)
    proposed = study.ask(_distributions(tuned.space))
    taken = proposed.params if done else {}
    options = {name: tuned.space[name].value(value) for name, value in taken.items()}
    values: list[float] = []
    keep = max if budget.monitor == "auc" else min

    def watch(row: Mapping[str, float]) -> None:
        values.append(keep([*values[-1:], row[f"valid_{budget.monitor}"]]))
        proposed.report(values[-1], len(values))
        if done and len(values) < budget.epochs and proposed.should_prune():
            raise _Stopped

    clock, state = time.monotonic(), "finished"
    with seeded(budget.seed):
        method = build(tuned.name, tuned.log.schema, {**tuned.given, **options}, [])
    try:
        fit(
            method, tuned.log.train, tuned.log.valid, epochs=budget.epochs, patience=budget.patience,
            monitor=budget.monitor, seed=budget.seed, device=budget.device, precision=budget.precision,
            progress=progress, after_epoch=watch,
        )  # fmt: skip
    except _Stopped:
        state = "stopped"
    except TrainingDiverged:
        state, values = "diverged", []
    return Trial(len(done), options, tuple(values), state, time.monotonic() - clock)


def _known(tuned: Tuned, trial: Trial) -> "optuna.trial.FrozenTrial":
    """A trial as the study keeps it. The method as it is may lie off the space: it then counts as the nearest point."""
    import optuna

    states = optuna.trial.TrialState
    params = {
        name: values.param(trial.options[name] if name in trial.options else _option(tuned.unchanged, name))
        for name, values in tuned.space.items()
    }
    known = trial.values and all(value is not None for value in params.values())
    state = {"finished": states.COMPLETE, "stopped": states.PRUNED}.get(trial.state, states.FAIL)
    return optuna.trial.create_trial(
        state=state if known else states.FAIL,
        value=trial.values[-1] if known else None,
        params=params if known else {},
        distributions=_distributions(tuned.space) if known else {},
        intermediate_values={epoch: value for epoch, value in enumerate(trial.values, 1)} if known else {},
    )


def _distributions(space: Space) -> "dict[str, optuna.distributions.BaseDistribution]":
    return {name: values.distribution() for name, values in space.items()}


def _option(method: nn.Module, name: str) -> Any:
    """The value of an option, of the method or else of its model."""
    return getattr(method, name) if hasattr(method, name) else getattr(getattr(method, "model", None), name, None)
