"""What every method is: how parameters are learned, and how they predict."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

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


class Method(nn.Module):
    """Base of the methods. ``fit`` calls ``start`` once, then ``step`` on what ``episodes`` yields, then predicts.

    Attributes:
        iterates: False for a method that ``start`` fits in closed form.
        optimizers: by name, filled by ``start``; their state is part of a checkpoint.
    """

    iterates: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.optimizers: dict[str, Optimizer] = {}

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

    def predict(self, batch: Batch) -> Tensor:
        """Probability of a click ``[batch]``, or of each class ``[batch, classes]``."""
        raise NotImplementedError


def to_probability(logits: Tensor) -> Tensor:
    """Probability of a click for logits ``[batch]``, of each class for logits ``[batch, classes]``."""
    return torch.sigmoid(logits) if logits.dim() == 1 else torch.softmax(logits, dim=1)
