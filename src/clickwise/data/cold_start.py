"""Generalised cold start (Chen et al. 2022, section 4.2): users or items with few rows, and a user's latest session."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clickwise.array_types import BoolArray, IntArray
from clickwise.data.cold_start_sessions import check_sessions, full_windows, own_sessions
from clickwise.data.log import ClickLog
from clickwise.data.moments import within_user
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError, nearest

FINE_TUNING = ("FT-A", "FT-B", "FT-C")
SUBSETS = {"WC": ("warm users", "cold items"), "CW": ("cold users", "warm items")}
SESSIONS = ("subset", "all")


class NoSessions(InputError):
    """A log of too few rows, or of too few moments, for the protocol: a sample, with options that are sound."""


@dataclass(frozen=True, eq=False)
class SessionParts:
    """The rows of a subset. A row is a task: its session is what it is told from, its item the target.

    Attributes:
        train: all sessions of a user but the last.
        fine_tuning: FT-A, FT-B and FT-C, last sessions of users of whom no two stand in one set or in two.
        valid: those three in full, before they are cut to one batch each.
        test: last sessions of further users.
        users, items: how many stand in these rows.
        single: users left out since they have one row here, and so nothing to train on.
    """

    train: ClickLog
    fine_tuning: tuple[ClickLog, ClickLog, ClickLog]
    valid: ClickLog
    test: ClickLog
    users: int
    items: int
    single: int


@dataclass(frozen=True, eq=False)
class GeneralisedColdStart:
    """Both subsets.

    Attributes:
        subsets: ``WC`` (warm users, cold items) and ``CW`` (cold users, warm items).
        few_users, few_rows: users with too few rows, who are left out, and their rows.
        warm_users, cold_users, warm_items, cold_items: how many of each; items whose id the log does not know are cold
            and not counted.
        item_threshold: warm items have more rows than this.
    """

    subsets: dict[str, SessionParts]
    few_users: int
    few_rows: int
    warm_users: int
    cold_users: int
    warm_items: int
    cold_items: int
    item_threshold: int


def generalised_cold_start(
    log: PreparedLog,
    least: int = 20,
    warm_users: float = 0.8,
    warm_items: float = 0.5,
    stride: int = 1,
    seed: int = 0,
    published_size: bool = True,
    batch: int = 128,
    sessions: str = "subset",
) -> GeneralisedColdStart:
    """The paper's protocol on the rows of all parts of a prepared log.

    Windows slide over a user's rows of a subset in order of time: a row is the last item of its window and its target,
    and the sequences that collect all interactions are the rest of the window, as long as the schema makes them. A
    user's last row of the subset goes at random to FT-A, FT-B, FT-C or test, so nothing that is trained on lies after
    it and no feature of a training row tells its label. Rows of other users may lie after it: the protocol is the
    published one, not an honest one. Ids are those of the log; only their counts are taken anew.

    Args:
        log: the log. Prepare it by ``chronological-per-user``, which knows nearly all ids of a user's earlier rows.
        least: users with fewer rows are left out.
        warm_users: share of the others who are warm, those with most rows.
        warm_items: share of items that are warm, as nearly as a threshold of rows can part them.
        stride: rows between the ends of two windows of a user, counted from the last one.
        seed: of the division of last sessions.
        published_size: cut the fine-tuning sets to one batch each and the test rows to full batches; else keep all.
        batch: rows of a batch.
        sessions: ``subset`` (windows hold rows of the subset alone, as published) or ``all`` (all of the user's
            earlier rows, as a service would know them). Other histories stay as the log has them.

    Raises:
        InputError: a log without users, times, items or sessions, an option that cannot be, or a set without rows.
        NoSessions: no user has ``least`` rows, a subset has none, or the window is longer than every history.
    """
    check_options(least, stride, batch, {"warm_users": warm_users, "warm_items": warm_items}, sessions)
    schema = log.schema
    check_sessions(schema, sessions == "subset")
    parts = tuple(log)
    user = np.concatenate([part.user for part in parts])
    column = schema.slots(schema.item).start
    item = np.concatenate([part.ids[:, column] for part in parts])
    rows_of = np.bincount(user)
    kept = rows_of >= least
    if not kept.any():
        raise NoSessions(
            f"generalised cold start: no user has {least} rows, the most is {rows_of.max()}; lower 'least'"
        )
    warm = _most_rows(rows_of, kept, warm_users)
    inside = kept[user]
    counts = np.bincount(item[inside], minlength=schema.size)
    counts[: schema.first_value(schema[schema.item].vocabulary)] = 0
    threshold = _threshold(counts[counts > 0], warm_items)
    warm_item = counts > threshold
    chosen = {"WC": inside & warm[user] & ~warm_item[item], "CW": inside & ~warm[user] & warm_item[item]}
    subsets = {
        name: _parts(name, _join(parts, chosen[name]), stride, [seed, place], batch if published_size else 0, sessions)
        for place, name in enumerate(SUBSETS)
    }
    few = (rows_of > 0) & ~kept
    return GeneralisedColdStart(
        subsets, int(few.sum()), int(rows_of[few].sum()), int(warm.sum()), int((kept & ~warm).sum()),
        int(warm_item.sum()), int((counts > 0).sum() - warm_item.sum()), threshold,
    )  # fmt: skip


def check_options(least: int, stride: int, batch: int, shares: dict[str, float], sessions: str) -> None:
    """Raise ``InputError`` for an option of ``generalised_cold_start`` that can be right for no log."""
    if min(least, stride, batch) < 1:
        raise InputError(f"least, stride and batch must be at least 1, not {least}, {stride} and {batch}")
    for name, share in shares.items():
        if not 0 < share < 1:
            raise InputError(f"{name} must lie between 0 and 1, not {share}")
    if sessions not in SESSIONS:
        raise InputError(f"sessions {sessions!r} is unknown{nearest(sessions, SESSIONS)}")


def _most_rows(rows_of: IntArray, kept: BoolArray, share: float) -> BoolArray:
    """The users with most rows among those kept; of equal ones those with the lower code."""
    order = np.argsort(-np.where(kept, rows_of, -1), kind="stable")
    warm = np.zeros(len(rows_of), dtype=bool)
    warm[order[: round(share * int(kept.sum()))]] = True
    return warm


def _threshold(counts: IntArray, share: float) -> int:
    """The count above which the share of items is nearest to ``share``."""
    values, items = np.unique(counts, return_counts=True)
    above = 1 - np.cumsum(items) / max(len(counts), 1)
    return int(values[np.argmin(np.abs(above - share))]) if len(values) else 0


def _join(parts: Sequence[ClickLog], chosen: BoolArray) -> ClickLog:
    """The chosen rows of all parts end to end, by user and time."""
    edges = np.cumsum([0, *(len(part) for part in parts)])
    taken = [part.take(np.flatnonzero(chosen[start:][: len(part)])) for part, start in zip(parts, edges, strict=False)]
    arrays: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in taken]) for name in ClickLog.ARRAYS}
    extras = {name: np.concatenate([part.extras[name] for part in taken]) for name in taken[0].extras}
    joined = replace(taken[0], **arrays, extras=extras)
    return joined.take(np.lexsort((joined.row, joined.time, joined.user)))


def _parts(name: str, log: ClickLog, stride: int, seed: list[int], batch: int, sessions: str) -> SessionParts:
    """The rows of one subset as training, fine-tuning and test rows; cut to full batches unless ``batch`` is 0."""
    if not len(log):
        raise NoSessions(f"{name}: no row is of {' and '.join(SUBSETS[name])}; use a log with more rows")
    log = own_sessions(log) if sessions == "subset" else log
    if not full_windows(log):
        raise NoSessions(f"{name}: the session's window is longer than every user's history; lower session_length")
    rank, size = within_user(log.user, np.arange(len(log)))
    from_end = size - 1 - rank
    train = np.flatnonzero((from_end > 0) & (from_end % stride == 0))
    last = np.random.default_rng(seed).permutation(np.flatnonzero((from_end == 0) & (size > 1)))
    sets = [last[place :: len(FINE_TUNING) + 1] for place in range(len(FINE_TUNING) + 1)]
    for found, called in zip(sets, (*FINE_TUNING, "test"), strict=True):
        if len(found) < max(1, batch):
            wanted = (
                f"fewer than a batch of {batch}: give published_size=false, or a smaller batch" if batch else "none"
            )
            raise InputError(f"{name}: {called} has {len(found)} rows, {wanted}")
    counts = np.bincount(log.ids[train].ravel(), minlength=log.schema.size)
    log = replace(log, counts=counts)
    used = np.concatenate([train, last])
    cut = [found[:batch] if batch else found for found in sets[:-1]]
    test = sets[-1][: len(sets[-1]) // batch * batch] if batch else sets[-1]
    column = log.schema.slots(log.schema.item).start
    return SessionParts(
        log.take(train),
        (log.take(cut[0]), log.take(cut[1]), log.take(cut[2])),
        log.take(np.concatenate(sets[:-1])),
        log.take(test),
        users=len(np.unique(log.user[used])),
        items=len(np.unique(log.ids[used, column])),
        single=int(((from_end == 0) & (size == 1)).sum()),
    )
