"""Optimiser steps over time, in any training loop."""

import time
from types import TracebackType
from typing import Any, Self

from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook


class EnoughSteps(BaseException):
    """Leaves a peer's training loop at the time limit; no ``Exception``, so that no loop mistakes it for a failure."""


class StepClock:
    """Times every optimiser step of any training loop, without a change to that loop.

    Args:
        warm_up: steps that are left out of the rate.
        limit: seconds after the warm-up at which training is cut short.
    """

    def __init__(self, warm_up: int, limit: float) -> None:
        self.warm_up = warm_up
        self.limit = limit
        self.times: list[float] = []
        self.complete = True
        self._counted: Optimizer | None = None

    def __enter__(self) -> Self:
        self._hook = register_optimizer_step_post_hook(self._after_step)
        self.started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._hook.remove()
        self.complete = kind is None
        return kind is EnoughSteps

    def _after_step(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._counted is None:
            self._counted = optimizer
        if optimizer is not self._counted:  # a loop with two optimisers steps both for one batch
            return
        self.times.append(time.perf_counter())
        if len(self.times) > self.warm_up and self.times[-1] - self.times[self.warm_up] > self.limit:
            raise EnoughSteps

    def rows_per_second(self, batch_size: int) -> float:
        """Rate after the warm-up."""
        steps = len(self.times) - 1 - self.warm_up
        if steps < 1:
            raise RuntimeError(f"{len(self.times)} steps are too few to measure after a warm-up of {self.warm_up}")
        return steps * batch_size / (self.times[-1] - self.times[self.warm_up])

    def first_step_seconds(self) -> float:
        """From the call of the training loop to the end of its first step: set-up and compilation."""
        return self.times[0] - self.started
