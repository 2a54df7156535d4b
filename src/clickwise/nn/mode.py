"""Training and evaluation mode for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def in_mode(module: nn.Module, training: bool = False) -> Iterator[None]:
    """The module computes as in prediction, or as in training, and afterwards as it did before, whatever is raised."""
    before = module.training
    module.train(training)
    try:
        yield
    finally:
        module.train(before)
