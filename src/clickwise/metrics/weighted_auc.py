"""AUC under many weightings of the users at once: rows are sorted once, each weighting then costs O(rows).

AUC is the weight of (click, no-click) pairs in the right order over the weight of all such pairs. Sorted by score,
the rows fall into *segments*: a run of no-clicks followed by a run of clicks. A sparse matrix ``[segments, users]``
times the weights ``[users, weightings]`` gives each segment's weight, and the pairs across segments are summed by
joining neighbours, level by level; integer weights are summed exactly in float32 within a block.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from clickwise.array_types import BoolArray, FloatArray, IntArray
from clickwise.metrics.pointwise import ratio

BLOCK = 1024
"""Segments handled together: few enough that a block of float32 weights stays in the cache and its sums exact."""

Block = tuple[csr_array, csr_array]


@dataclass(frozen=True)
class Ranking:
    """Rows of one binary problem sorted by score, as blocks of (clicks, no-clicks), each ``[segments, users]``.

    Attributes:
        segments: all rows, from the lowest score to the highest.
        ties: the rows whose score is shared by a click and a no-click, one group a score.
    """

    segments: tuple[Block, ...]
    ties: tuple[Block, ...]

    def auc(self, weights: npt.NDArray[np.float32]) -> FloatArray:
        """AUC under each column of ``weights [users, weightings]``; NaN where one class has no weight."""
        won, clicks, others = (np.stack(part) for part in zip(*(_won(b, weights) for b in self.segments), strict=True))
        between, all_clicks, all_others = _across(clicks, others)
        tied = sum((_paired(block, weights) for block in self.ties), start=np.zeros(weights.shape[1]))
        return ratio(won.sum(axis=0) + between - 0.5 * tied, all_clicks * all_others)


def rank(hit: BoolArray, score: FloatArray, member: IntArray, users: int) -> Ranking:
    """Sort the rows of a binary problem; ``member [rows]`` is the position of each row's user in ``0 .. users - 1``."""
    order = np.lexsort((hit, score))  # a tie's no-clicks first: it then counts as won, and half of it is taken back
    hit, score, member = hit[order], score[order], member[order]
    segment = np.cumsum(_starts(hit[:-1] & ~hit[1:]), dtype=np.int64)
    tie = np.cumsum(_starts(score[1:] != score[:-1]), dtype=np.int64)
    mixed = (np.bincount(tie, weights=hit) > 0) & (np.bincount(tie, weights=~hit) > 0)
    is_tied = mixed[tie]
    tied_group = (np.cumsum(mixed, dtype=np.int64) - 1)[tie[is_tied]]
    return Ranking(_blocks(hit, segment, member, users), _blocks(hit[is_tied], tied_group, member[is_tied], users))


def _starts(changes: BoolArray) -> BoolArray:
    """True where a new group starts after the first, so that the running sum numbers the groups from 0."""
    return np.append(False, changes)


def _blocks(hit: BoolArray, group: IntArray, member: IntArray, users: int) -> tuple[Block, ...]:
    groups = int(group[-1]) + 1 if len(group) else 0
    clicks, others = (_indicator(group[rows], member[rows], groups, users) for rows in (hit, ~hit))
    return tuple((clicks[i : i + BLOCK], others[i : i + BLOCK]) for i in range(0, groups, BLOCK))


def _indicator(group: IntArray, member: IntArray, groups: int, users: int) -> csr_array:
    """Rows counted by group and user, ``[groups, users]``; ``group`` rises."""
    starts = np.append(0, np.cumsum(np.bincount(group, minlength=groups)))
    return csr_array((np.ones(len(group), np.float32), member, starts), shape=(groups, users))


def _won(block: Block, weights: npt.NDArray[np.float32]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weight of the block's pairs in order, of its clicks and of its no-clicks, ``[weightings]`` each."""
    clicks, others = block[0] @ weights, block[1] @ weights
    across, all_clicks, all_others = _across(clicks, others)
    return np.einsum("gw,gw->w", clicks, others) + across, all_clicks, all_others


def _paired(block: Block, weights: npt.NDArray[np.float32]) -> FloatArray:
    return np.einsum("gw,gw->w", block[0] @ weights, block[1] @ weights).astype(np.float64)


def _across(clicks: npt.NDArray[Any], others: npt.NDArray[Any]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weight of pairs of a click and a no-click of an earlier group, and both sums over groups: ``[weightings]``."""
    won = np.zeros(clicks.shape[1])
    while len(clicks) > 1:
        even = len(clicks) // 2 * 2
        won += np.einsum("gw,gw->w", clicks[1:even:2], others[0:even:2])
        clicks, others = _join_neighbours(clicks, even), _join_neighbours(others, even)
    return won, clicks[0].astype(np.float64), others[0].astype(np.float64)


def _join_neighbours(groups: npt.NDArray[Any], even: int) -> npt.NDArray[Any]:
    joined = groups[0:even:2] + groups[1:even:2]
    return joined if even == len(groups) else np.concatenate([joined, groups[even:]])
