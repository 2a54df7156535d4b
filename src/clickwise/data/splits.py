"""Named protocols that give each row to training, validation or test, each saying what it leaks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clickwise.array_types import FloatArray, IntArray
from clickwise.data.moments import first_of_moment, within_user
from clickwise.errors import InputError, nearest
from clickwise.schema import Schema

PARTS = ("train", "valid", "test")
FILE_ORDER = (
    "The log has no times: the order of its rows stands for time, and what is earlier is so only if rows stand in "
    "order of time."
)

PartArray = npt.NDArray[np.int8]
Shares = tuple[float, float, float]


@dataclass(frozen=True)
class Split:
    """A protocol.

    Attributes:
        name: as on the command line.
        fractions: shares of train, valid and test unless others are given.
        leaks: one sentence on what training may know about test rows that it would not know in service.
        parts: ``(user, time, generator, fractions) -> int8 [rows]``, 0 train, 1 valid, 2 test.
        needs_user: whether ``leaks`` is untrue of a log without users, each row of which is a user of its own.
        by_time: whether time decides over parts, so that ``leaks`` is true of a log without times only if its rows
            stand in order of time.
    """

    name: str
    fractions: Shares
    leaks: str
    parts: Callable[[IntArray, IntArray, np.random.Generator, Shares], PartArray]
    needs_user: bool = False
    by_time: bool = False


def find_split(name: str, users: bool = True) -> Split:
    """The protocol of that name.

    Args:
        name: one of ``SPLITS``.
        users: whether the log tells users apart.

    Raises:
        InputError: there is none, or it needs users.
    """
    if name not in SPLITS:
        raise InputError(f"split {name!r} is unknown{nearest(name, SPLITS)}")
    if SPLITS[name].needs_user and not users:
        raise InputError(
            f"split {name!r} needs the schema's 'user', the column that tells users apart; without one use "
            "'chronological', or 'random-per-user', which then draws rows"
        )
    return SPLITS[name]


def leaks_of(name: str, schema: Schema) -> str:
    """What the split of a log leaks, and that it stands on the order of rows where that is so.

    Args:
        name: one of ``SPLITS``.
        schema: of the log. Histories hold earlier rows, whatever the split.
    """
    leaks = SPLITS[name].leaks
    return f"{leaks} {FILE_ORDER}" if takes_file_order(name, schema) else leaks


def takes_file_order(name: str, schema: Schema) -> bool:
    """Whether something in a log rests on the order of its rows: it has no times, but histories or a split by time."""
    looks_back = SPLITS[name].by_time or any(spec.owner == "history" for spec in schema.fields)
    return looks_back and not schema.time


def assign(name: str, user: IntArray, time: IntArray, seed: int, fractions: Sequence[float] | None = None) -> PartArray:
    """Part of each row, ``int8 [rows]``: 0 train, 1 valid, 2 test.

    Args:
        name: one of ``SPLITS``.
        user: dense codes, ``[rows]``.
        time: seconds or any other order, ``[rows]``.
        seed: of the random draws; the same seed gives the same parts.
        fractions: shares of train, valid and test, which add up to 1.

    Raises:
        InputError: unknown split, fractions that are no shares, or a part without rows.
    """
    split = find_split(name)
    shares = split.fractions if fractions is None else _shares(fractions)
    parts = split.parts(user, time, np.random.default_rng(seed), shares)
    for code, part in enumerate(PARTS):
        if not (parts == code).any():
            raise InputError(
                f"split {name!r} leaves the {part} part empty; use more rows, another split, or prepare other fractions"
            )
    return parts


def _shares(fractions: Sequence[float]) -> Shares:
    if len(fractions) != 3 or min(fractions) <= 0 or abs(sum(fractions) - 1.0) > 1e-6:
        raise InputError(f"fractions must be three positive shares that add up to 1, not {list(fractions)}")
    return float(fractions[0]), float(fractions[1]), float(fractions[2])


def _cut(position: FloatArray, shares: Shares) -> PartArray:
    cuts = np.array([shares[0], shares[0] + shares[1]])
    return np.searchsorted(cuts, position, side="right").astype(np.int8)


def _random_per_user(user: IntArray, time: IntArray, rng: np.random.Generator, shares: Shares) -> PartArray:
    """A random order within each user, cut at the fractions after a shift of up to one row that is drawn per user.

    The shift makes the rounding fair: every row has exactly the chance ``shares[p]`` of part ``p``, and a user of
    ``n`` rows gives each part ``n * share`` rows rounded up or down, so users of few rows still feed all parts.
    """
    shuffled = rng.permutation(len(user))
    order = shuffled[np.argsort(user[shuffled], kind="stable")]
    rank, size = within_user(user, order)
    shift = rng.random(int(user.max()) + 1)[user]
    return _cut((rank + shift) / size, shares)


def _chronological_per_user(user: IntArray, time: IntArray, rng: np.random.Generator, shares: Shares) -> PartArray:
    """As above in order of time; rows of one user at one time share the middle of their ranks and so their part."""
    order = np.lexsort((time, user))
    rank, size = within_user(user, order)
    first = first_of_moment(user[order], time[order])
    middle = np.empty(len(user))
    middle[order] = rank[order][first] + (np.bincount(first)[first] - 1) / 2
    shift = rng.random(int(user.max()) + 1)[user]
    return _cut((middle + shift) / size, shares)


def _chronological(user: IntArray, time: IntArray, rng: np.random.Generator, shares: Shares) -> PartArray:
    """Two cut times, each at the boundary between two moments that is nearest to its share of rows."""
    ordered = np.sort(time)
    cuts = np.array([_boundary(ordered, shares[0]), _boundary(ordered, shares[0] + shares[1])])
    return np.searchsorted(cuts, np.searchsorted(ordered, time, side="left"), side="right").astype(np.int8)


def _boundary(ordered: IntArray, share: float) -> int:
    """Number of rows before the boundary of moments nearest to ``share`` of the rows."""
    target = min(round(share * len(ordered)), len(ordered) - 1)
    before = int(np.searchsorted(ordered, ordered[target], side="left"))
    after = int(np.searchsorted(ordered, ordered[target], side="right"))
    return before if target - before <= after - target else after


def _leave_users_out(user: IntArray, time: IntArray, rng: np.random.Generator, shares: Shares) -> PartArray:
    users = int(user.max()) + 1
    return _cut((rng.permutation(users) + 0.5) / users, shares)[user]


SPLITS: dict[str, Split] = {
    split.name: split
    for split in (
        Split(
            "random-per-user",
            (0.72, 0.08, 0.20),
            "Leaks: training rows lie before and after each test row, so trends and the user's later taste are known.",
            _random_per_user,
        ),
        Split(
            "chronological",
            (0.80, 0.10, 0.10),
            "Leaks nothing: every training row is earlier than every test row, for all users.",
            _chronological,
            by_time=True,
        ),
        Split(
            "chronological-per-user",
            (0.72, 0.08, 0.20),
            "Leaks across users: a user's test rows are later than their own training rows, "
            "but other users' training rows may be later still.",
            _chronological_per_user,
            needs_user=True,
            by_time=True,
        ),
        Split(
            "leave-users-out",
            (0.72, 0.08, 0.20),
            "Leaks across time: test users are never trained on, "
            "but other users' training rows may be later than their test rows.",
            _leave_users_out,
            needs_user=True,
        ),
    )
}
"""By name."""
