"""Who sees what, and when: the sessions and impressions of the synthetic log, before anybody clicks."""

from dataclasses import dataclass, replace

import numpy as np

from clickwise.data.sources.population import SLOT_SECONDS, SLOTS, START, Floats, Ints, Items, Users
from clickwise.errors import InputError

PLACEMENTS, DEVICES, CHANNELS = 4, 3, 4
FLAWED_CHANNEL = 3
PLACEMENT_SHARES = (0.4, 0.3, 0.2, 0.1)
DEVICE_SHARES = (0.6, 0.3, 0.1)
CHANNEL_SHARES = (0.35, 0.2, 0.12, 0.33)
MAX_SESSION = 20
MEAN_SESSION = 7
MOST_ROWS_PER_USER = 300


@dataclass(frozen=True)
class Impressions:
    """One entry an impression, in order of session and then time.

    Attributes:
        user, item: positions in ``Users`` and ``Items``.
        time: Unix seconds; within a user's log strictly increasing.
        session: number of the session, by its start; position: 0 for the first impression of a session.
        ordinal: ``[sessions]``, how many sessions the session's user had before.
        placement, device, channel: codes of the context; device and channel stay the same within a session.
    """

    user: Ints
    item: Ints
    time: Ints
    session: Ints
    position: Ints
    ordinal: Ints
    placement: Ints
    device: Ints
    channel: Ints

    @property
    def session_user(self) -> Ints:
        """``[sessions]``, the user of each session."""
        return self.user[self.position == 0]


def slot_weights() -> Floats:
    """``[SLOTS]``, how busy each half hour of the log is: quiet nights, a peak in the evening."""
    hour = np.arange(SLOTS) % 48 / 2.0
    return 1.15 + np.cos((hour - 20.0) * (2.0 * np.pi / 24.0))


def draw_impressions(users: Users, items: Items, count: int, rng: np.random.Generator) -> Impressions:
    """``count`` impressions in sessions of 1 to ``MAX_SESSION``, seconds apart, spread over the log's days.

    Raises:
        InputError: the users have too few half hours for so many.
    """
    for sessions in (count // 4 + 16) * 2 ** np.arange(5):
        user = rng.choice(len(users.activity), size=sessions, p=users.activity)
        slot = _draw_slots(users.arrival[user], rng)
        distinct = np.sort(np.unique(user * SLOTS + slot, return_index=True)[1])
        length = np.minimum(rng.geometric(1.0 / MEAN_SESSION, len(distinct)), MAX_SESSION)
        total = np.cumsum(length)
        if total[-1] >= count:
            break
    else:
        raise InputError(f"source 'synthetic': {len(users.activity)} users cannot have {count} impressions; add users")
    last = int(np.searchsorted(total, count))
    length[last] -= total[last] - count
    kept = distinct[: last + 1]
    return _expand(user[kept], slot[kept], length[: last + 1], items, rng, seconds_apart=(5, 60))


def draw_requests(users: Users, items: Items, count: int, candidates: int, rng: np.random.Generator) -> Impressions:
    """``count`` requests on the last day, each a moment at which ``candidates`` items compete to be shown."""
    user = rng.choice(len(users.activity), size=count, p=users.activity)
    slot = _draw_slots(np.maximum(users.arrival[user], SLOTS - 48), rng)
    rows = _expand(user, slot, np.full(count, candidates), items, rng, seconds_apart=(0, 1))
    return replace(rows, placement=np.repeat(rows.placement[::candidates], candidates))


def _draw_slots(first: Ints, rng: np.random.Generator) -> Ints:
    """A slot for each entry, not before ``first``, by the weights of the slots."""
    edges = np.concatenate([[0.0], np.cumsum(slot_weights())])
    point = edges[first] + rng.random(len(first)) * (edges[-1] - edges[first])
    return np.clip(np.searchsorted(edges, point, side="right") - 1, first, SLOTS - 1)


def _expand(
    user: Ints, slot: Ints, length: Ints, items: Items, rng: np.random.Generator, seconds_apart: tuple[int, int]
) -> Impressions:
    """One row an impression from one entry a session; ``seconds_apart`` is the half-open range of the gaps."""
    by_start = np.lexsort((user, slot))
    user, slot, length = user[by_start], slot[by_start], length[by_start]
    first = np.cumsum(length) - length
    session = np.repeat(np.arange(len(user)), length)
    position = np.arange(len(session)) - first[session]
    gaps = np.cumsum(np.where(position > 0, rng.integers(*seconds_apart, size=len(session)), 0))
    start = START + slot * SLOT_SECONDS + rng.integers(300, size=len(user))
    time = start[session] + gaps - gaps[first][session]
    return Impressions(
        user=user[session],
        item=_draw_items(items, time, rng),
        time=time,
        session=session,
        position=position,
        ordinal=_ordinal(user),
        placement=rng.choice(PLACEMENTS, size=len(session), p=PLACEMENT_SHARES),
        device=rng.choice(DEVICES, size=len(user), p=DEVICE_SHARES)[session],
        channel=rng.choice(CHANNELS, size=len(user), p=CHANNEL_SHARES)[session],
    )


def _draw_items(items: Items, time: Ints, rng: np.random.Generator) -> Ints:
    """An item for each row by popularity, among those that had arrived."""
    edges = np.cumsum(items.popularity)
    arrived = np.searchsorted(items.arrival, time, side="right")
    drawn = np.searchsorted(edges, rng.random(len(time)) * edges[arrived - 1], side="right")
    return np.minimum(drawn, arrived - 1)


def _ordinal(user: Ints) -> Ints:
    """How many earlier entries have the same user."""
    order = np.argsort(user, kind="stable")
    ordered = user[order]
    ordinal = np.empty(len(user), dtype=np.int64)
    ordinal[order] = np.arange(len(user)) - np.searchsorted(ordered, ordered)
    return ordinal
