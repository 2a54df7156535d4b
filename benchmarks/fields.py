"""The 20 integer fields of the generated tables: names, sizes, and how often each value stands in a row."""

import numpy as np
import numpy.typing as npt

FIELDS = 20
NAMES = tuple(f"c{index}" for index in range(FIELDS))


def field_sizes(total: int) -> tuple[int, ...]:
    """Sizes that halve from one field to the next (at least 4 values each) and add up to ``total``."""
    shares = 0.5 ** np.arange(FIELDS)
    sizes = np.maximum(4, (total * shares / shares.sum()).astype(np.int64))
    sizes[0] += total - sizes.sum()
    return tuple(int(size) for size in sizes)


def zipf(generator: np.random.Generator, size: int, rows: int) -> npt.NDArray[np.int32]:
    """``int32 [rows]`` in ``0 .. size - 1``, frequency falling as one over the rank: the log of the rank is uniform."""
    ranks = np.exp(generator.random(rows) * np.log(size + 1)).astype(np.int32)
    return np.clip(ranks - 1, 0, size - 1)
