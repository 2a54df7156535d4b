"""The embedded click log: a generator with a planted truth, so that what a method claims can be checked.

Users belong to groups whose clicks follow different mechanisms; they have personal gains on hidden features and
interests that drift from session to session; labels are flipped in one traffic channel; users and items arrive
while the log runs; popularity has a long tail; some values are missing; the log runs over 14 days.

Columns that no model sees, named in ``Schema.keep``:
    true_probability: the probability that the *recorded* label is 1, flips included: the oracle's prediction.
    clean_probability: the probability of a click, before any flip.
    group: the user's mechanism, an index into ``GROUPS``.
    flipped: 1 where the recorded label is not what the user did.
    session: number of the session.
"""

import numpy as np
import polars as pl

from clickwise.checks import require_number, require_whole
from clickwise.data.sources import exposure
from clickwise.data.sources.exposure import CHANNEL_SHARES, FLAWED_CHANNEL, Impressions
from clickwise.data.sources.mechanisms import click, drifting_interests, sigmoid
from clickwise.data.sources.population import GROUPS, Floats, Ints, Users
from clickwise.data.sources.table import raw_table, synthetic_schema
from clickwise.data.sources.world import World
from clickwise.errors import InputError
from clickwise.schema import Schema

__all__ = ["GROUPS", "generate", "requests", "synthetic_schema"]

OWNER = "source 'synthetic'"
MOST_NOISE = 0.16  # above it more than half of the flawed channel would be flipped
STREAMS = 13  # independent random streams, so that one option does not stir what another decides


def generate(
    users: int = 2_000,
    items: int = 800,
    impressions: int = 120_000,
    seed: int = 0,
    heterogeneity: float = 1.0,
    drift: float = 1.0,
    noise: float = 0.1,
    click_rate: float = 0.2,
    personality: float = 1.0,
    contrast: float = 0.0,
    gating: float = 0.0,
    recency: float = 1.0,
    session_length: int = 0,
) -> tuple[pl.DataFrame, Schema]:
    """The log, one row an impression in order of time, and its unfitted schema.

    Args:
        users: number of users; those who never come do not show.
        items: number of items; those never shown do not show.
        impressions: number of rows.
        seed: the same seed and options give the same log.
        heterogeneity: from 0 (all users share one mechanism, a mixture of all, and nobody has gains of their own)
            to 1 (each group has its own mechanism).
        drift: how far interests wander from session to session; 0 leaves them as they are.
        noise: share of all labels that are flipped; they all lie in the channel ``partner``, a third of the log.
        click_rate: about the share of impressions that are clicked, before flips.
        personality: scale of all by which users of the same profile and group differ: readiness to click, personal
            interests and gains, ages that are not recorded. With heterogeneity, personality and drift 0 users are
            interchangeable given what the log shows of them: a null where nothing personal can be learned.
        contrast: from 0 to 1 (each group is best served by the model that it is named for: all share additive effects,
            to which ``pairwise`` adds interactions of item and context that FM knows, ``field-aware`` those of FFM too,
            and ``non-linear`` a third kind). Above 0 groups are drawn whatever the profile, and ``recency`` has no
            users.
        gating: from 0 to 1 (clicks follow hidden features that no field names, and each user's gains on them are 0 or
            2, which a gate can learn; without heterogeneity all gains are 1). It takes the place of all the rest but
            users' readiness to click and the effect of categories.
        recency: scale of a click's pull on the rest of the session. At 0 earlier clicks tell only what the user is like
            and how interests drift; with heterogeneity, personality and drift 0 as well, they tell nothing.
        session_length: slots of a user's last impressions before each row, clicked or not, with their labels; 0 for
            none. The rows of the log are the same.

    Raises:
        InputError: an option that is out of its range, or more impressions than the users can have in 14 days.
    """
    require_whole(OWNER, "session_length", session_length, 0)
    require_whole(OWNER, "impressions", impressions, 1)
    require_number(OWNER, "recency", recency, 0)
    _check(users, items, seed, heterogeneity, drift, noise, click_rate, personality, contrast, gating)
    if impressions > (most := users * exposure.MOST_ROWS_PER_USER):
        raise InputError(f"{OWNER}: impressions must be at most {most} for {users} users, not {impressions}")
    streams = np.random.default_rng(seed).spawn(STREAMS)
    world = World.drawn(users, items, heterogeneity, personality, contrast, streams, gating)
    people, goods = world.users, world.items
    rows = exposure.draw_impressions(people, goods, impressions, streams[3])
    interests = drifting_interests(people.interest, rows.session_user, rows.ordinal, drift, streams[4])
    logits = world.logits(rows, interests, click_rate)
    clean, clicks = click(people, goods, world.effects, rows, logits, recency * (1.0 - gating), streams[5])
    flip_rate = np.where(rows.channel == FLAWED_CHANNEL, noise / CHANNEL_SHARES[FLAWED_CHANNEL], 0.0)
    flipped = (streams[6].random(impressions) < flip_rate).astype(np.int64)
    truth = _truth(people, rows, np.abs(clicks - flipped), flip_rate + (1.0 - 2.0 * flip_rate) * clean, clean, flipped)
    table = raw_table(people, goods, rows).with_columns(truth)
    return table.sort("time", maintain_order=True), synthetic_schema(session_length)


def requests(
    count: int = 20_000,
    candidates: int = 8,
    users: int = 2_000,
    items: int = 800,
    seed: int = 0,
    heterogeneity: float = 1.0,
    drift: float = 1.0,
    click_rate: float = 0.2,
    personality: float = 1.0,
    contrast: float = 0.0,
    gating: float = 0.0,
) -> tuple[pl.DataFrame, Schema]:
    """What may be shown on the last day of the log that ``generate`` gives for the same options, for an auction.

    ``candidates`` rows a request, side by side, with one user, time and context; ``session`` is the number of the
    request. A popular item can stand twice in a request. A request opens a session, so nothing was clicked in it
    before, and the wandering part of interests is drawn anew. No label is flipped.

    Raises:
        InputError: an option that is out of its range.
    """
    require_whole(OWNER, "count", count, 1)
    require_whole(OWNER, "candidates", candidates, 1)
    _check(users, items, seed, heterogeneity, drift, 0.0, click_rate, personality, contrast, gating)
    streams = np.random.default_rng(seed).spawn(STREAMS)
    world = World.drawn(users, items, heterogeneity, personality, contrast, streams, gating)
    people, goods = world.users, world.items
    rows = exposure.draw_requests(people, goods, count, candidates, streams[7])
    interests = drifting_interests(people.interest, rows.session_user, rows.ordinal, drift, streams[8])
    clean = sigmoid(world.logits(rows, interests, click_rate))
    clicks = (streams[9].random(len(clean)) < clean).astype(np.int64)
    truth = _truth(people, rows, clicks, clean, clean, np.zeros_like(clicks))
    return raw_table(people, goods, rows).with_columns(truth), synthetic_schema()


def _truth(
    people: Users, rows: Impressions, label: Ints, probability: Floats, clean: Floats, flipped: Ints
) -> list[pl.Series]:
    columns = {
        "label": label,
        "true_probability": probability,
        "clean_probability": clean,
        "group": people.group[rows.user],
        "flipped": flipped,
        "session": rows.session,
    }
    return [pl.Series(name, values) for name, values in columns.items()]


def _check(
    users: int,
    items: int,
    seed: int,
    heterogeneity: float,
    drift: float,
    noise: float,
    click_rate: float,
    personality: float,
    contrast: float,
    gating: float,
) -> None:
    require_whole(OWNER, "users", users, 1)
    require_whole(OWNER, "items", items, 1)
    require_whole(OWNER, "seed", seed, 0)
    require_number(OWNER, "heterogeneity", heterogeneity, 0, 1)
    require_number(OWNER, "drift", drift, 0)
    require_number(OWNER, "noise", noise, 0, MOST_NOISE)
    require_number(OWNER, "click_rate", click_rate, 0.01, 0.99)
    require_number(OWNER, "personality", personality, 0)
    require_number(OWNER, "contrast", contrast, 0, 1)
    require_number(OWNER, "gating", gating, 0, 1)
