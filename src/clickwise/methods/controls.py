"""Controls: cheap predictors that every adaptive method must beat."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor, nn

from clickwise.array_types import FloatArray
from clickwise.data.loading import ordered_batches
from clickwise.data.log import Batch, ClickLog
from clickwise.errors import InputError
from clickwise.methods.method import Method, Run, as_predicted
from clickwise.methods.mixture import remember_all
from clickwise.methods.scoring import score
from clickwise.methods.supervised import as_method
from clickwise.methods.unseen import require_rows
from clickwise.metrics.pointwise import CLIP, label_probability
from clickwise.schema import Schema

SMOOTHING = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
SCORED_ROWS = 65_536


def class_rates(log: ClickLog) -> np.ndarray:
    """Share of each class in a log, ``float64 [classes]``."""
    return np.bincount(log.label, minlength=log.schema.classes) / len(log)


class GlobalRate(Method):
    """Predicts the click rate of the training rows for every row.

    Args:
        schema: fitted schema; its number of classes is all that is read.
    """

    iterates = False
    rate: Tensor

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self.register_buffer("rate", torch.full((schema.classes,), 1 / schema.classes))

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        self.rate.copy_(torch.from_numpy(class_rates(train)))

    def predict(self, batch: Batch) -> Tensor:
        return as_predicted(self.rate.expand(len(batch), -1))


class MeanLogit(Method):
    """Smoothed user mean and item mean, added on the logit scale: ``logit(u) + logit(i) - logit(global)``.

    A mean is shrunk towards the global rate by ``smoothing`` imaginary rows, chosen on validation rows for users and
    for items. For several classes the same with log shares and a softmax.

    Args:
        schema: fitted schema.

    Raises:
        InputError: the schema has neither a category field of its user column nor an item.
    """

    iterates = False
    table: Tensor
    base: Tensor

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        user = schema.user_field.name if schema.user_field else None
        names = [name for name in (user, schema.item) if name]
        if not names:
            raise InputError("mean-logit needs the schema to name its 'item', or a category field of its 'user' column")
        self.columns = [schema.slots(name).start for name in names]
        self.register_buffer("table", torch.zeros(schema.size, schema.classes))
        self.register_buffer("base", torch.zeros(schema.classes))

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        if valid is None:
            raise InputError("mean-logit chooses its smoothing on validation rows; give it some")
        self.base.copy_(torch.from_numpy(np.log(class_rates(train) + 1e-12)))
        self.table.zero_()
        for column in self.columns:
            counts = self._counts(train, column)
            scores = {smoothing: self._valid_loss(counts, smoothing, valid, column) for smoothing in SMOOTHING}
            self.table += self._shift(counts, min(scores, key=lambda smoothing: scores[smoothing]))

    def _counts(self, log: ClickLog, column: int) -> Tensor:
        """Rows of each id and class, ``[size, classes]``."""
        classes = log.schema.classes
        keys = log.ids[:, column].astype(np.int64) * classes + log.label
        counts = np.bincount(keys, minlength=log.schema.size * classes).reshape(-1, classes)
        return torch.from_numpy(counts).to(self.base)

    def _shift(self, counts: Tensor, smoothing: float) -> Tensor:
        """What an id adds to the global log shares, ``[size, classes]``; 0 for ids never seen."""
        smoothed = (counts + smoothing * self.base.exp()) / (counts.sum(1, keepdim=True) + smoothing)
        return smoothed.log() - self.base

    def _valid_loss(self, counts: Tensor, smoothing: float, valid: ClickLog, column: int) -> float:
        table = self.table + self._shift(counts, smoothing)
        seen = self.columns[: self.columns.index(column) + 1]
        total = 0.0
        for batch in ordered_batches(valid, SCORED_ROWS):
            batch = batch.to(self.base.device)
            losses = nn.functional.cross_entropy(self._logits(batch, table, seen), batch.label.long(), reduction="sum")
            total += float(losses)
        return total

    def _logits(self, batch: Batch, table: Tensor, columns: Sequence[int]) -> Tensor:
        return self.base + torch.stack([table[batch.ids[:, column]] for column in columns]).sum(0)

    def predict(self, batch: Batch) -> Tensor:
        return as_predicted(torch.softmax(self._logits(batch, self.table, self.columns), dim=1))


class UniformAverage(Method):
    """Mean probability of methods that are already trained.

    Args:
        models: methods or networks, of as many classes each.
    """

    iterates = False
    weights: Tensor

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        if not models:
            raise InputError("an average needs at least one trained model")
        self.models = nn.ModuleList(as_method(model) for model in models)
        self.register_buffer("weights", torch.full((len(models),), 1 / len(models)))

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        self.remember(train)

    def remember(self, *logs: ClickLog) -> None:
        remember_all(self.models, *logs)

    def predict(self, batch: Batch) -> Tensor:
        return torch.tensordot(self._each(batch), self.weights, dims=1)

    def _each(self, batch: Batch) -> Tensor:
        """Probability of every model, ``[batch, models]`` or ``[batch, classes, models]``."""
        return torch.stack([cast(Method, model).predict(batch) for model in self.models], dim=-1)


class Stacking(UniformAverage):
    """Global convex combination of trained methods; the weights minimise LogLoss on validation rows.

    Args:
        models: methods or networks, of as many classes each.
    """

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        if valid is None:
            raise InputError("stacking fits its weights on validation rows; give it some")
        super().start(train, valid, run)
        self.weights.copy_(stacking_weights([cast(Method, model) for model in self.models], valid))


def stacking_weights(models: Sequence[Method], log: ClickLog) -> Tensor:
    """Weights of the global convex combination that minimises LogLoss on ``log``, ``float64 [models]``."""
    return torch.from_numpy(convex_weights(likelihoods(models, log)))


def likelihoods(models: Sequence[Method], log: ClickLog) -> FloatArray:
    """Probability that each model gives to the recorded label, ``[rows, models]``.

    Raises:
        InputError: rows of another schema than a model's, or without labels.
    """
    for model in models:
        require_rows(model, log, "weighing models")
    return np.stack([label_probability(log.label, score(model, log)) for model in models], axis=1)


def convex_weights(likelihood: FloatArray) -> FloatArray:
    """Non-negative weights that sum to 1 and minimise the LogLoss of ``likelihood @ weights``, a convex problem.

    Args:
        likelihood: ``[rows, models]``.
    """
    models = likelihood.shape[1]
    likelihood = np.maximum(likelihood, CLIP)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = np.maximum(likelihood @ weights, CLIP)
        return float(-np.log(mixed).mean()), -(likelihood / mixed[:, None]).mean(0)

    found = minimize(
        loss,
        np.full(models, 1 / models),
        jac=True,
        method="SLSQP",
        bounds=[(0, 1)] * models,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1, "jac": lambda weights: np.ones(models)},
        options={"ftol": 1e-10},
    )
    if not found.success:
        raise InputError(f"stacking found no weights on the validation rows: {found.message}")
    weights = np.clip(found.x, 0, None)
    return np.asarray(weights / weights.sum())
