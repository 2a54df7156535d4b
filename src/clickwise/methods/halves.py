"""Pairs of mini-batches of the same ids, from two disjoint halves of each id's rows (UDG paper, Algorithm 1)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from clickwise.array_types import IntArray
from clickwise.data.log import Batch, ClickLog
from clickwise.errors import InputError


@dataclass(frozen=True)
class Pair:
    """Mini-batches a and b of the same ids.

    Attributes:
        a: rows of one half.
        b: rows of the other one.
        of_a: ``int64 [rows]``, number of each row's id within the pair, for ``a``.
        of_b: the same for ``b``.
        first: ``int64 [ids]``, a row of ``a`` of each id.
    """

    a: Batch
    b: Batch
    of_a: Tensor
    of_b: Tensor
    first: Tensor

    def __len__(self) -> int:
        """Rows of both."""
        return len(self.a) + len(self.b)

    def to(self, device: torch.device) -> "Pair":
        """The same pair on ``device``."""
        return Pair(*(getattr(self, name).to(device) for name in ("a", "b", "of_a", "of_b", "first")))


class HalvedRows:
    """Each id's rows in two disjoint halves, drawn at random once; ids with a single row are left out.

    Args:
        log: the rows.
        field: the id field.
        ids_per_step: ids of a pair.
        rows_per_id: rows of an id in each of the two batches, at most.

    Raises:
        InputError: no known id has two rows.
    """

    def __init__(self, log: ClickLog, field: str, ids_per_step: int, rows_per_id: int) -> None:
        self.log = log
        self.ids_per_step = ids_per_step
        self.rows_per_id = rows_per_id
        ids = log.ids[:, log.schema.slots(field).start]
        known = ids >= log.schema.first_value(log.schema[field].vocabulary)
        order = np.random.default_rng(0).permutation(np.flatnonzero(known))
        self.order = order[np.argsort(ids[order], kind="stable")]
        starts = np.flatnonzero(np.diff(ids[self.order], prepend=-1))
        sizes = np.diff(starts, append=len(self.order))
        self.starts, self.sizes = starts[sizes > 1], sizes[sizes > 1]
        if not len(self.starts):
            raise InputError(f"field {field!r}: no known id has two training rows, which a generator learns from")

    def __len__(self) -> int:
        """Pairs an epoch, in which each id stands once."""
        return -(-len(self.starts) // self.ids_per_step)

    def epoch(self, seed: int, epoch: int, first: int = 0) -> Iterator[Pair]:
        """Pairs of one epoch, from number ``first`` on; a function of seed and epoch alone."""
        order = np.random.default_rng([seed, epoch]).permutation(len(self.starts))
        for step in range(first, len(self)):
            # One generator a step, so that a run can resume inside an epoch.
            generator = np.random.default_rng([seed, epoch, step])
            yield self._pair(order[step * self.ids_per_step : (step + 1) * self.ids_per_step], generator)

    def _pair(self, chosen: IntArray, generator: np.random.Generator) -> Pair:
        start, half = self.starts[chosen], self.sizes[chosen] // 2
        a, of_a = self._drawn(start, half, generator)
        b, of_b = self._drawn(start + half, self.sizes[chosen] - half, generator)
        first = np.flatnonzero(np.diff(of_a, prepend=-1))
        numbers = (torch.from_numpy(values) for values in (of_a, of_b, first))
        return Pair(Batch.of(self.log, a), Batch.of(self.log, b), *numbers)

    def _drawn(self, start: IntArray, size: IntArray, generator: np.random.Generator) -> tuple[IntArray, IntArray]:
        """Rows of each id's half: as many as asked for, from a random one on; and the number of each row's id.

        A half is in random order, so such a run is a sample of it.
        """
        taken = np.minimum(size, self.rows_per_id)
        member = np.repeat(np.arange(len(start)), taken)
        rank = np.arange(len(member)) - np.repeat(np.cumsum(taken) - taken, taken)
        offset = generator.integers(size)
        return self.order[start[member] + (offset[member] + rank) % size[member]], member
