"""Training on several candidate losses at once."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from clickwise.data.log import Batch, ClickLog
from clickwise.errors import InputError
from clickwise.losses import Loss, find_loss
from clickwise.methods.method import Run
from clickwise.methods.supervised import Supervised, classes_of

CANDIDATES = ("cross_entropy", "focal", "hinge", "kl")
SCALE_ROWS = 100_000


class CandidateLosses(Supervised):
    """Minimises ``sum_i p_i l_i / scale_i`` (AutoLoss paper, Eq. 8 and 11); subclasses say what the weights p are.

    Args:
        model: any module that maps a ``Batch`` to logits.
        losses: names in ``clickwise.losses.LOSSES``, two or more.
        normalise: divide each candidate by the mean length of its gradient in the logits where every prediction is the
            click rate (the share of each class), so that no candidate counts for more by its definition alone.
        optimizer: ``adam``, ``adagrad`` (row-wise on tables) or ``ftrl``; the one of the model's recipe where None.
        learning_rate: of the model's optimiser; that of its recipe where None.
        weight_decay: L2 penalty on the model's parameters; that of its recipe where None.
        batch_size: rows a step; that of the model's recipe where None.
        row_sparse: update only the rows of id tables that a batch touches; None: for tables of 100,000 rows and more.
    """

    scales: Tensor

    def __init__(
        self,
        model: nn.Module,
        losses: Sequence[str] = CANDIDATES,
        normalise: bool = True,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        batch_size: int | None = None,
        row_sparse: bool | None = None,
    ) -> None:
        super().__init__(model, optimizer, learning_rate, weight_decay, batch_size, row_sparse=row_sparse)
        self.losses = (losses,) if isinstance(losses, str) else tuple(losses)
        self.normalise = normalise
        if len(self.losses) < 2:
            raise InputError(f"losses: name at least two candidates, not {', '.join(self.losses) or 'none'}")
        if len(set(self.losses)) < len(self.losses):
            raise InputError(f"losses: a candidate stands twice in {', '.join(self.losses)}")
        self.candidates = find_candidates(self.losses, classes_of(model))
        self.register_buffer("scales", torch.ones(len(self.losses)))

    def start_loss(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        self.candidates = find_candidates(self.losses, train.schema.classes)
        if self.normalise:
            self.scales.copy_(scales(self.candidates, train, self.batch_size))

    def each_loss(self, logits: Tensor, label: Tensor) -> Tensor:
        """Every candidate's loss of every example, ``[batch, losses]``."""
        return torch.stack([loss(logits, label) for loss in self.candidates], dim=1) / self.scales

    def weights(self, logits: Tensor, label: Tensor) -> Tensor:
        """Weights of the candidates, ``[batch, losses]`` or ``[losses]``."""
        raise NotImplementedError

    def mean_loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return (self.weights(logits, batch.label) * self.each_loss(logits, batch.label)).sum(1).mean()


class FixedWeights(CandidateLosses):
    """The same constant weights for every example; equal ones are the ablation AL-1 of the paper (section 3.6).

    Args:
        model: any module that maps a ``Batch`` to logits.
        losses: names in ``clickwise.losses.LOSSES``, two or more.
        loss_weights: one a candidate, not negative, not all zero; scaled to sum 1. Equal ones where None.
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
        loss_weights: Sequence[float] | None = None,
        normalise: bool = True,
        optimizer: str | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        batch_size: int | None = None,
        row_sparse: bool | None = None,
    ) -> None:
        super().__init__(model, losses, normalise, optimizer, learning_rate, weight_decay, batch_size, row_sparse)
        self.loss_weights = None if loss_weights is None else tuple(loss_weights)
        given = (1.0,) * len(self.losses) if self.loss_weights is None else self.loss_weights
        if len(given) != len(self.losses):
            raise InputError(f"loss_weights: {len(given)} weights for {len(self.losses)} losses")
        if not all(0 <= weight < math.inf for weight in given) or sum(given) <= 0:
            raise InputError(f"loss_weights must be finite, not negative and not all zero: {given}")
        self.register_buffer("shares", torch.tensor(given) / sum(given))

    def weights(self, logits: Tensor, label: Tensor) -> Tensor:
        return self.shares


def find_candidates(names: Sequence[str], classes: int) -> list[Loss]:
    """The losses of these names.

    Args:
        names: keys of ``clickwise.losses.LOSSES``.
        classes: of the label; 2 for binary labels.

    Raises:
        InputError: one is unknown, or does not fit that many classes.
    """
    return [find_loss(name, classes) for name in names]


def scales(losses: Sequence[Loss], log: ClickLog, batch_size: int) -> Tensor:
    """Mean length of each loss's gradient in the logits ``[losses]``, where every prediction is the share of the class.

    Of the first training rows. A loss with a longer gradient would otherwise be preferred for its longer step alone.

    Args:
        losses: the candidates.
        log: training rows, for the share of each class.
        batch_size: how many of the first rows are looked at.
    """
    label = torch.from_numpy(log.label[:SCALE_ROWS].copy())
    counts = torch.bincount(label.long(), minlength=log.schema.classes).float()
    log_share = (counts.clamp(min=0.5) / len(label)).log()
    constant = log_share if log.schema.classes > 2 else log_share[1] - log_share[0]
    total = torch.zeros(len(losses))
    for part in label.split(batch_size):  # some losses compare the examples of a batch
        logits = constant.expand(len(part), *constant.shape).clone().requires_grad_()
        for number, loss in enumerate(losses):
            (slope,) = torch.autograd.grad(loss(logits, part).sum(), logits)
            total[number] += slope.view(len(part), -1).norm(dim=1).sum()
    mean = total / len(label)
    return torch.where(mean > 0, mean, 1.0)  # where all rows are of one class, hinge has no slope
