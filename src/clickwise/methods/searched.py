"""Constant weights of candidate losses, found by training with many of them: BOHB (Falkner et al. 2018)."""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from clickwise.data.log import ClickLog
from clickwise.errors import InputError
from clickwise.methods.candidates import CANDIDATES, CandidateLosses, FixedWeights
from clickwise.methods.method import Run
from clickwise.metrics.pointwise import logloss
from clickwise.nn.tables import fill_untrained_rows
from clickwise.optuna_study import new_study, quiet

if TYPE_CHECKING:
    import optuna


class SearchedWeights(CandidateLosses):
    """Trains with the constant weights whose short trainings had the lowest log loss on validation rows.

    Weights are proposed by a tree-structured Parzen estimator, and trainings that fall behind are stopped by Hyperband:
    BOHB, as Optuna has it. The search runs once, before the first epoch.

    Args:
        model: any module that maps a ``Batch`` to logits.
        losses: names of the candidates.
        trials: trainings of the search.
        trial_epochs: epochs of a training that is not stopped early.
        normalise: divide each candidate by the mean length of its gradient in the logits, see ``CandidateLosses``.
        optimizer: ``adam``, ``adagrad`` (row-wise on tables) or ``ftrl``; the one of the model's recipe where None.
        learning_rate: of the model's optimiser; that of its recipe where None.
        weight_decay: L2 penalty on the model's parameters; that of its recipe where None.
        batch_size: rows a step; that of the model's recipe where None.
        row_sparse: update only the rows of id tables that a batch touches; None: for tables of 100,000 rows and more.
    """

    shares: Tensor

    def __init__(
        self,
        model: nn.Module,
        losses: Sequence[str] = CANDIDATES,
        trials: int = 16,
        trial_epochs: int = 4,
        normalise: bool = True,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        batch_size: int | None = None,
        row_sparse: bool | None = None,
    ) -> None:
        super().__init__(model, losses, normalise, optimizer, learning_rate, weight_decay, batch_size, row_sparse)
        if trials < 1 or trial_epochs < 1:
            raise InputError(f"trials and trial_epochs must be at least 1, not {trials} and {trial_epochs}")
        self.trials = trials
        self.trial_epochs = trial_epochs
        self.register_buffer("shares", torch.full((len(self.losses),), 1 / len(self.losses)))

    def start_loss(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        if valid is None:
            raise InputError("the weights of the losses are searched on validation rows; give some")
        if not run.goes_on:
            self.shares.copy_(self._search(train, valid, run))
        super().start_loss(train, valid, run)

    def weights(self, logits: Tensor, label: Tensor) -> Tensor:
        return self.shares

    def _search(self, train: ClickLog, valid: ClickLog, run: Run) -> Tensor:
        seed = int(torch.randint(2**31, ()))
        study = new_study("minimize", "hyperband", self.trial_epochs, seed)
        with quiet():
            study.optimize(lambda trial: self._try(trial, train, valid, run, seed), self.trials)
        return _on_simplex(study.best_params)

    def _try(self, trial: "optuna.Trial", train: ClickLog, valid: ClickLog, run: Run, seed: int) -> float:
        import optuna

        given = _on_simplex({name: trial.suggest_float(name, 0.0, 1.0) for name in self.losses})
        method = FixedWeights(
            copy.deepcopy(self.model), self.losses, given.tolist(), self.normalise, self.optimizer, self.learning_rate,
            self.weight_decay, self.batch_size, self.row_sparse,
        )  # fmt: skip
        method.to(run.fabric.device)
        method.start(train, valid, Run(run.fabric))
        best = float("inf")
        for epoch in range(self.trial_epochs):
            method.train()
            for batch in method.episodes(seed, epoch, 0):
                method.step(batch)
            fill_untrained_rows(method, train.schema, train.counts)
            probability = method.judge(valid)
            if not np.isfinite(probability).all():
                return float("inf")  # it diverged: no weights are worse
            best = min(best, logloss(valid.label, probability))
            trial.report(best, epoch + 1)
            if trial.should_prune():
                raise optuna.TrialPruned
        return best


def _on_simplex(uniform: dict[str, float]) -> Tensor:
    """Weights that sum to 1; uniform numbers give weights that are uniform on the simplex."""
    drawn = -torch.log1p(-torch.tensor(list(uniform.values()), dtype=torch.float64).clamp(1e-9, 1 - 1e-9))
    return (drawn / drawn.sum()).float()
