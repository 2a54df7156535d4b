"""Selectors that learn from labels which model is best, of a row or of a user (MetaSelector paper, section 5.2)."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam

from clickwise.array_types import IntArray
from clickwise.data.log import Batch, ClickLog
from clickwise.data.tasks import check_order
from clickwise.errors import InputError
from clickwise.methods.method import Method, Run
from clickwise.methods.mixture import remember_all
from clickwise.methods.scoring import score
from clickwise.methods.supervised import as_method
from clickwise.methods.unseen import OnUnseenRows, common_schema_of
from clickwise.metrics.pointwise import example_logloss
from clickwise.nn.mlp import MLP

Losses = npt.NDArray[np.float64]


class LevelSelector(OnUnseenRows):
    """An MLP sees the models' predictions of a row and says which of them is best; its softmax output weighs them.

    Subclasses say which model counts as a row's best.

    Args:
        models: methods or networks, of one schema.
        hidden_dims: lengths of the MLP's hidden layers.
        dropout: probability of dropping a hidden unit.
        learning_rate: of Adam.
        weight_decay: L2 penalty of Adam.
        batch_size: rows a step.
        pretrain: train the models first, on ``pretrain_share`` of each user's training rows, and learn from the others;
            else they count as trained, and three quarters of each user's validation rows are learned from.
        pretrain_share: share of each user's training rows that the models are trained on first.
        order: ``time``: the rows to learn from are the user's latest training rows, or earliest validation rows;
            ``random``: any.

    Raises:
        InputError: fewer than two models, models of different schemas, or an option that cannot be.
    """

    for_steps: ClassVar[tuple[str, ...]] = ("seen", "best")

    def __init__(
        self,
        models: Sequence[nn.Module],
        hidden_dims: Sequence[int] = (400, 400, 400),
        dropout: float = 0.0,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        batch_size: int = 1000,
        pretrain: bool = False,
        pretrain_share: float = 0.75,
        order: str = "random",
    ) -> None:
        super().__init__()
        if len(models) < 2:
            raise InputError("a selection needs at least two models")
        if learning_rate <= 0 or batch_size < 1 or weight_decay < 0:
            raise InputError("learning_rate and batch_size must be positive, weight_decay at least 0")
        check_order(order)
        self.models = nn.ModuleList(as_method(model) for model in models)
        self.hidden_dims = tuple(hidden_dims)
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.pretrain = pretrain
        self.pretrain_share = pretrain_share
        self.order = order
        seen = len(models) * common_schema_of(self.models).outputs
        self.mlp = MLP(seen, self.hidden_dims, len(models), dropout)

    def best_models(self, losses: Losses, user: IntArray) -> IntArray:
        """The class of each row: which model counts as its best, ``[rows]``.

        Args:
            losses: LogLoss of each row under each model, ``[rows, models]``.
            user: the log's code of each row's user, ``[rows]``.
        """
        raise NotImplementedError

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        self.run = run
        seen, fresh = self.divide(train, valid)
        self.remember(seen)
        # The models stay as they are, so their predictions are constants.
        each = [score(cast(Method, model), fresh) for model in self.models]
        losses = np.stack([example_logloss(fresh.label, one) for one in each], axis=1)
        self.seen = torch.from_numpy(np.stack(each, axis=-1)).flatten(1)
        self.best = torch.from_numpy(self.best_models(losses, fresh.user))
        decay = self.weight_decay
        self.optimizers = {"mlp": Adam(self.mlp.parameters(), self.learning_rate, weight_decay=decay, fused=True)}
        if run.compile:
            self.mlp.layers.compile()

    def remember(self, *logs: ClickLog) -> None:
        remember_all(self.models, *logs)

    def episodes(self, seed: int, epoch: int, first: int) -> Iterator[Tensor]:
        """Places of the rows of each mini-batch."""
        order = np.random.default_rng([seed, epoch]).permutation(len(self.best))
        yield from torch.from_numpy(order).split(self.batch_size)[first:]

    def steps(self) -> int:
        return -(-len(self.best) // self.batch_size)

    def step(self, episode: Tensor) -> dict[str, Tensor]:
        device = self.run.fabric.device
        seen, best = self.seen[episode].to(device), self.best[episode].to(device)
        self.optimizers["mlp"].zero_grad(set_to_none=True)
        with self.run.fabric.autocast():
            logits = self.mlp.layers(seen)
        loss = functional.cross_entropy(logits.float(), best)
        self.run.fabric.backward(loss)
        self.optimizers["mlp"].step()
        return {"loss": loss.detach()}

    def predict(self, batch: Batch) -> Tensor:
        each, weights = self._weighed(batch)
        return torch.einsum("b...k,bk->b...", each, weights)

    def weights(self, batch: Batch) -> Tensor:
        """The weights of the models for each row, ``[batch, models]``."""
        return self._weighed(batch)[1]

    def _weighed(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Probability of every model ``[batch, models]`` or ``[batch, classes, models]``, and the models' weights."""
        each = torch.stack([cast(Method, model).predict(batch) for model in self.models], dim=-1)
        return each, torch.softmax(self.mlp(each.flatten(1), batch).float(), dim=1)


class SampleLevelSelector(LevelSelector):
    """``LevelSelector`` whose best model of a row is the one with the lowest LogLoss on that row.

    Args:
        models: methods or networks, of one schema.
        hidden_dims: lengths of the MLP's hidden layers.
        dropout: probability of dropping a hidden unit.
        learning_rate: of Adam.
        weight_decay: L2 penalty of Adam.
        batch_size: rows a step.
        pretrain: train the models first, on ``pretrain_share`` of each user's training rows, and learn from the others;
            else they count as trained, and three quarters of each user's validation rows are learned from.
        pretrain_share: share of each user's training rows that the models are trained on first.
        order: ``time``: the rows to learn from are the user's latest training rows, or earliest validation rows;
            ``random``: any.
    """

    def best_models(self, losses: Losses, user: IntArray) -> IntArray:
        return losses.argmin(axis=1)


class UserLevelSelector(LevelSelector):
    """``LevelSelector`` whose best model of a row is the one with the lowest mean LogLoss on the rows of its user.

    Args:
        models: methods or networks, of one schema.
        hidden_dims: lengths of the MLP's hidden layers.
        dropout: probability of dropping a hidden unit.
        learning_rate: of Adam.
        weight_decay: L2 penalty of Adam.
        batch_size: rows a step.
        pretrain: train the models first, on ``pretrain_share`` of each user's training rows, and learn from the others;
            else they count as trained, and three quarters of each user's validation rows are learned from.
        pretrain_share: share of each user's training rows that the models are trained on first.
        order: ``time``: the rows to learn from are the user's latest training rows, or earliest validation rows;
            ``random``: any.
    """

    def best_models(self, losses: Losses, user: IntArray) -> IntArray:
        sums = np.stack([np.bincount(user, weights=of_model) for of_model in losses.T], axis=1)
        return sums.argmin(axis=1)[user]
