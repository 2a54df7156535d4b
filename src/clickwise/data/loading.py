"""Mini-batches of a log: in order, or shuffled; from memory where the log fits, else block by block."""

from collections.abc import Iterator

import torch

from clickwise.data.log import Batch, ClickLog

IN_MEMORY_BYTES = 4 * 1024**3
BLOCK_ROWS = 65_536
BLOCKS_IN_MEMORY = 16


def ordered_batches(log: ClickLog, batch_size: int) -> Iterator[Batch]:
    """All rows in order."""
    for start in range(0, len(log), batch_size):
        yield Batch.of(log, slice(start, start + batch_size))


class ShuffledBatches:
    """Epochs of shuffled mini-batches. Their order depends on seed and epoch alone, so a run can resume inside one.

    A log of at most ``in_memory_bytes`` is held in memory and shuffled as a whole. A larger one is read in blocks of
    65,536 rows, 16 random blocks at a time, and shuffled within those; the last batch of such a group is short.

    Args:
        log: the rows.
        batch_size: rows a batch.
        in_memory_bytes: largest log to hold in memory.
    """

    def __init__(self, log: ClickLog, batch_size: int, in_memory_bytes: int = IN_MEMORY_BYTES) -> None:
        self.log = log
        self.batch_size = batch_size
        held = sum(getattr(log, name).nbytes for name in Batch.ARRAYS)
        self.rows = Batch.of(log, slice(None)) if held <= in_memory_bytes else None

    def __len__(self) -> int:
        """Batches an epoch; where the log is read in blocks, one more or less in some epochs."""
        return sum(-(-rows // self.batch_size) for rows in self._group_sizes())

    def _group_sizes(self) -> list[int]:
        if self.rows is not None:
            return [len(self.log)]
        group = BLOCK_ROWS * BLOCKS_IN_MEMORY
        return [min(group, len(self.log) - start) for start in range(0, len(self.log), group)]

    def epoch(self, seed: int, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Batches of one epoch, from batch ``first`` on."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        if self.rows is not None:
            yield from self._shuffled(self.rows, generator, first)
            return
        blocks = torch.randperm(-(-len(self.log) // BLOCK_ROWS), generator=generator).split(BLOCKS_IN_MEMORY)
        for group in blocks:
            starts = [int(block) * BLOCK_ROWS for block in group]
            count = sum(min(BLOCK_ROWS, len(self.log) - start) for start in starts)
            batches = -(-count // self.batch_size)
            group_generator = torch.Generator().manual_seed(int(torch.randint(2**62, (), generator=generator)))
            if first < batches:
                rows = Batch.join([Batch.of(self.log, slice(start, start + BLOCK_ROWS)) for start in starts])
                yield from self._shuffled(rows, group_generator, first)
            first = max(0, first - batches)

    def endless(self, seed: int, number: int) -> Iterator[Batch]:
        """Batches epoch after epoch, from batch ``number`` of the first on: a function of ``seed`` and number alone."""
        epoch, first = divmod(number, len(self))
        while True:
            yield from self.epoch(seed, epoch, first)
            epoch, first = epoch + 1, 0

    def _shuffled(self, rows: Batch, generator: torch.Generator, first: int) -> Iterator[Batch]:
        order = torch.randperm(len(rows), generator=generator)
        for start in range(first * self.batch_size, len(rows), self.batch_size):
            yield rows.select(order[start : start + self.batch_size])
