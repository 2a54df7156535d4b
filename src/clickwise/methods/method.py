"""What every method is: how parameters are learned, and how they predict."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from clickwise.configuration import arguments
from clickwise.data.log import Batch, ClickLog


@dataclass(frozen=True)
class Run:
    """Run-time matters that a method must not own: where it computes, and how it was asked to.

    Attributes:
        fabric: devices and precision.
        compile: whether the parts of a network that hold no id table are to be compiled.
        goes_on: whether an interrupted run goes on: its state is put back once ``start`` is over, so what ``start``
            finds out at length and keeps in the state need not be found again.
    """

    fabric: Fabric
    compile: bool = False
    goes_on: bool = False


@dataclass(frozen=True)
class Before:
    """A method that must be trained before another one.

    Attributes:
        name: of its folder within that of the run.
        method: what is trained, as the method that needs it will be.
        train: the rows that it learns from.
        valid: the rows that its epochs are judged on; None for none.
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
        starts_trained: True for a method that begins with trained parameters: they are judged on validation rows as
            those after an epoch are, and kept where no epoch is better.
        by_user: True for a method that does work for each user of a batch, and so wants a user's rows together.
        optimizers: by name, filled by ``start``; their state is part of a checkpoint.
        for_steps: names of attributes that ``start`` sets and that steps alone need; ``end`` removes them.
    """

    iterates: ClassVar[bool] = True
    most_epochs: int | None = None
    by_user: ClassVar[bool] = False
    for_steps: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        self.optimizers: dict[str, Optimizer] = {}

    def before(self, train: ClickLog, valid: ClickLog | None) -> "Sequence[Before]":
        """What ``fit`` trains first."""
        return ()

    @property
    def starts_trained(self) -> bool:
        return False

    @property
    def network(self) -> nn.Module | None:
        """The one network that is trained, which gives logits before anything adapts; None where there is none."""
        return None

    def copy(self, **changed: Any) -> Self:
        """Another one of the same options but those changed, around a copy of the network, not yet started."""
        same = [name for name in arguments(type(self)) if name not in ("self", *changed)]
        return type(self)(**{name: _copy(getattr(self, name)) for name in same}, **changed)

    def monitored(self, valid: ClickLog | None) -> ClickLog | None:
        """Validation rows that epochs are judged on; a method that learns from some of them leaves those out."""
        return valid

    def compared(self, valid: ClickLog) -> ClickLog:
        """Validation rows that the trained method is compared on with others."""
        monitored = self.monitored(valid)
        return valid if monitored is None else monitored

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

    def end(self) -> None:
        """Let go of what steps alone need: rows in memory, and the state of optimisers, twice as large as the tables.

        ``fit`` leaves them, for further steps may follow; a comparison, which keeps all its methods, does not.
        """
        for method in self.modules():
            if isinstance(method, Method):
                method.optimizers = {}
                for name in method.for_steps:
                    vars(method).pop(name, None)

    def remember(self, *logs: ClickLog) -> None:
        """Adapt from now on to the rows of these logs, which are known when later rows are predicted.

        Most methods adapt to nothing and ignore it.
        """

    def following(self, log: ClickLog) -> AbstractContextManager[None]:
        """Within it the rows of ``log`` are predicted; a method may adapt to those of them that are known by then."""
        return nullcontext()

    def without_support(self, log: ClickLog) -> int | None:
        """Users of ``log`` that the method has nothing to adapt to; None for a method that does not adapt to users."""
        return None

    def served_by_generator(self, log: ClickLog) -> int | None:
        """Users of ``log`` whose id is unknown and who get a generated vector; None for a method that makes none."""
        return None

    def predict(self, batch: Batch) -> Tensor:
        """Probability of a click ``[batch]``, or of each class ``[batch, classes]``."""
        raise NotImplementedError


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, Method) else copy.deepcopy(value)


def to_probability(logits: Tensor) -> Tensor:
    """Probability of a click for logits ``[batch]``, of each class for logits ``[batch, classes]``."""
    return torch.sigmoid(logits) if logits.dim() == 1 else torch.softmax(logits, dim=1)


def as_predicted(probability: Tensor) -> Tensor:
    """Class probabilities ``[batch, classes]`` as ``predict`` gives them: for two classes ``[batch]`` of a click."""
    return probability[:, 1] if probability.shape[1] == 2 else probability
