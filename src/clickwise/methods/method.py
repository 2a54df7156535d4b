"""What every method is: how parameters are learned, and how they predict."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from clickwise.data.log import Batch, ClickLog


@dataclass(frozen=True)
class Run:
    """Run-time matters that a method must not own: where it computes, and how it was asked to."""

    fabric: Fabric
    compile: bool = False


@dataclass(frozen=True)
class Before:
    """A method that must be trained before another one.

    Attributes:
        name: of its folder within that of the run.
        method: what is trained, as the method that needs it will be.
        train, valid: its rows.
    """

    name: str
    method: "Method"
    train: ClickLog
    valid: ClickLog | None


class Method(nn.Module):
    """Base of the methods. ``fit`` calls ``start`` once, then ``step`` on what ``episodes`` yields, then predicts.

    Attributes:
        iterates: False for a method that ``start`` fits in closed form.
        most_epochs: epochs that ``fit`` runs at most, however many it was asked for; None for no limit.
        search_seconds: that ``start`` spent on trainings of its own, which are no epochs.
        by_user: True for a method that does work for each user of a batch, and so wants a user's rows together.
        optimizers: by name, filled by ``start``; their state is part of a checkpoint.
    """

    iterates: ClassVar[bool] = True
    most_epochs: int | None = None
    search_seconds: float = 0.0
    by_user: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.optimizers: dict[str, Optimizer] = {}

    def before(self, train: ClickLog, valid: ClickLog | None) -> "Sequence[Before]":
        """What ``fit`` trains first."""
        return ()

    def monitored(self, valid: ClickLog | None) -> ClickLog | None:
        """Validation rows that epochs are judged on; a method that learns from some of them leaves those out."""
        return valid

    def judge(self, valid: ClickLog) -> npt.NDArray[np.float32]:
        """Probabilities of the validation rows that an epoch is judged on."""
        from clickwise.methods.scoring import score  # scores methods, so it cannot be imported before them

        return score(self, valid)

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        """Make optimisers and loaders, or fit in closed form. Called with the method already on its device."""
        raise NotImplementedError

    def episodes(self, seed: int, epoch: int, first: int) -> Iterator[Any]:
        """What one epoch iterates over, from step ``first`` on; a function of seed and epoch alone."""
        raise NotImplementedError

    def steps(self) -> int:
        """Steps an epoch."""
        raise NotImplementedError

    def step(self, episode: Any) -> dict[str, Tensor]:
        """One update of the parameters. Returns the losses by name, the one that was minimised first."""
        raise NotImplementedError

    def remember(self, *logs: ClickLog) -> None:
        """Adapt from now on to the rows of these logs, which are known when later rows are predicted.

        Most methods adapt to nothing and ignore it.
        """

    def without_support(self, log: ClickLog) -> int | None:
        """Users of ``log`` that the method has nothing to adapt to; None for a method that does not adapt to users."""
        return None

    def served_by_generator(self, log: ClickLog) -> int | None:
        """Users of ``log`` whose id is unknown and who get a generated vector; None for a method that makes none."""
        return None

    def predict(self, batch: Batch) -> Tensor:
        """Probability of a click ``[batch]``, or of each class ``[batch, classes]``."""
        raise NotImplementedError


def to_probability(logits: Tensor) -> Tensor:
    """Probability of a click for logits ``[batch]``, of each class for logits ``[batch, classes]``."""
    return torch.sigmoid(logits) if logits.dim() == 1 else torch.softmax(logits, dim=1)
