"""Steps that alternate between a batch of training rows and one of validation rows."""

from collections.abc import Iterator
from dataclasses import dataclass

from clickwise.data.loading import ShuffledBatches
from clickwise.data.log import Batch


@dataclass(frozen=True)
class Alternating:
    """What one step sees: a batch for the model, and one for the controller in the steps that update it."""

    train: Batch
    valid: Batch | None

    def __len__(self) -> int:
        return len(self.train)


def endless(batches: ShuffledBatches, seed: int, number: int) -> Iterator[Batch]:
    """Batches pass after pass, from batch ``number`` of the first pass on: a function of ``seed`` and number alone."""
    passes, number = divmod(number, len(batches))
    while True:
        yield from batches.epoch(seed, passes, number)
        passes, number = passes + 1, 0
