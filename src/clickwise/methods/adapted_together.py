"""A method adapted once for all: to the latest rows of anybody."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clickwise.data.log import Batch, ClickLog
from clickwise.methods.personal import Adapted

ROWS = 10_000


@dataclass(frozen=True)
class AdaptedTogether(Adapted):
    """``Adapted`` whose users, with support of their own or not, share the latest ``support_size`` rows of anybody.

    Rows of unknown users count too, whom ``remember`` leaves out.
    """

    def pairs(self, query: ClickLog) -> Iterator[tuple[object, Batch | None, npt.NDArray[np.int64]]]:
        """Support (None where there is none at all) and places of rows, which are of any users; their name is None."""
        self.check(query)
        # Of one moment's rows those of the same users as where they are remembered, which lie by user.
        user = self.support.ids[:, self.method.memory.column]
        latest = np.lexsort((user, self.support.time))[-self.method.support_size :]
        support = Batch.of(self.support, latest) if len(latest) else None
        for start in range(0, len(query), ROWS):  # it bounds memory, as in ``predict``
            yield None, support, np.arange(start, min(start + ROWS, len(query)))

    def without_support(self, query: ClickLog) -> int:
        """Users of ``query`` that are not adapted: all or none."""
        self.check(query)
        return 0 if len(self.support) else len(np.unique(query.user))
