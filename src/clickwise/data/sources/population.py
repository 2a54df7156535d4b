"""The users and items of the synthetic log, with the hidden values that decide their clicks."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

START = 1_736_121_600  # Monday 6 January 2025, 00:00 UTC
DAYS = 14
SLOT_SECONDS = 1_800
SLOTS = DAYS * 86_400 // SLOT_SECONDS

GROUPS = ("linear", "pairwise", "field-aware", "non-linear", "recency")
CONTRASTED = len(GROUPS) - 1  # groups that a contrast sets apart: recency has no one
AGES, GENDERS, OCCUPATIONS = 6, 2, 12
CATEGORIES, BRANDS, TAGS, TAGS_PER_ITEM = 16, 40, 24, 3
FACTORS = 4
HIDDEN = 8


@dataclass(frozen=True)
class Users:
    """One entry a user in every array.

    Attributes:
        arrival: half-hour slot of the log from which the user can come, 0 for a user who was there before.
        activity: how often the user comes, relative to others; sums to 1.
        age, gender, occupation: the profile, as codes.
        group: the mechanism that the user leans to, an index into ``GROUPS``.
        weights: ``[users, groups]``, how strongly each mechanism acts; rows have norm 1.
        bias: lasting readiness to click.
        interest: ``[users, FACTORS]``, the lasting part of what the user likes.
        gains: ``[users, HIDDEN]``, personal gains on hidden features; all 1 without heterogeneity.
        age_missing: where the log does not record the age.
    """

    arrival: Ints
    activity: Floats
    age: Ints
    gender: Ints
    occupation: Ints
    group: Ints
    weights: Floats
    bias: Floats
    interest: Floats
    gains: Floats
    age_missing: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Items:
    """One entry an item in every array, in order of arrival.

    Attributes:
        name: the item's public number, unrelated to its arrival.
        arrival: Unix seconds, before ``START`` for an item that was there at the start.
        popularity: relative chance of being shown, Zipf-like.
        category, brand: codes; tags: ``[items, TAGS_PER_ITEM]`` codes.
        price: standardised logarithm of the price.
        quality: what makes the item clicked by everybody.
        factors: ``[items, FACTORS]``, what interests are compared with.
        brand_missing, price_missing: where the log does not record the value.
    """

    name: Ints
    arrival: Ints
    popularity: Floats
    category: Ints
    brand: Ints
    tags: Ints
    price: Floats
    quality: Floats
    factors: Floats
    brand_missing: npt.NDArray[np.bool_]
    price_missing: npt.NDArray[np.bool_]


def make_users(
    count: int,
    heterogeneity: float,
    rng: np.random.Generator,
    personality: float = 1.0,
    contrast: np.random.Generator | None = None,
) -> Users:
    """``count`` users; about 45 % arrive while the log runs.

    Interests and gains follow the profile in part, so that something is known of a user who is new.

    Args:
        count: number of users.
        heterogeneity: 0 for one mixture of mechanisms that all share, 1 for a mechanism a group.
        rng: decides all but what ``contrast`` does.
        personality: scale of what a profile does not tell: bias, the personal part of interests and gains, and (up to
            1) the share of ages that are not recorded, since a user whose age is hidden differs from another such.
        contrast: where given, it draws the groups, evenly among the ``CONTRASTED`` ones and whatever the profile.
    """
    age, gender = rng.integers(AGES, size=count), rng.integers(GENDERS, size=count)
    occupation = rng.integers(OCCUPATIONS, size=count)
    arrival = np.where(rng.random(count) < 0.55, 0, rng.integers(SLOTS, size=count))
    activity = rng.lognormal(0.0, 0.9, count) * (1.0 - arrival / SLOTS)
    # An occupation leans to one group, so a user's mechanism can be guessed from the profile in part.
    group = np.where(rng.random(count) < 0.6, occupation % len(GROUPS), rng.integers(len(GROUPS), size=count))
    active = np.ones(len(GROUPS))
    if contrast is not None:
        group = contrast.integers(CONTRASTED, size=count)
        active[CONTRASTED:] = 0.0
    shared = np.tile(active * active.sum() ** -0.5, (count, 1))
    weights = (1.0 - heterogeneity) * shared + heterogeneity * np.eye(len(GROUPS))[group]
    parts = (age, AGES), (gender, GENDERS), (occupation, OCCUPATIONS)
    profile = sum(rng.standard_normal((size, FACTORS))[code] for code, size in parts) / np.sqrt(len(parts))
    own = 0.6 * personality
    gains = 0.8 * rng.standard_normal((OCCUPATIONS, HIDDEN))[occupation] + own * rng.standard_normal((count, HIDDEN))
    spread = 0.7 * heterogeneity
    return Users(
        arrival=arrival,
        activity=activity / activity.sum(),
        age=age,
        gender=gender,
        occupation=occupation,
        group=group,
        weights=weights / np.linalg.norm(weights, axis=1, keepdims=True),
        bias=personality * rng.standard_normal(count),
        interest=np.sqrt(0.75) * profile + np.sqrt(0.25) * personality * rng.standard_normal((count, FACTORS)),
        gains=np.exp(spread * gains - spread**2 * (0.64 + own**2)),  # mean square 1 at any spread
        age_missing=rng.random(count) < 0.12 * min(personality, 1.0),
    )


def make_items(count: int, rng: np.random.Generator) -> Items:
    """``count`` items; 60 % are there at the start, the others arrive while the log runs."""
    seconds = DAYS * 86_400
    old = np.arange(count) < max(1, round(0.6 * count))
    arrival = START + np.where(old, -rng.integers(1, 2 * seconds, count), rng.integers(seconds, size=count))
    category, brand = rng.integers(CATEGORIES, size=count), rng.integers(BRANDS, size=count)
    factors = (
        np.sqrt(0.6) * rng.standard_normal((CATEGORIES, FACTORS))[category]
        + np.sqrt(0.2) * rng.standard_normal((BRANDS, FACTORS))[brand]
        + np.sqrt(0.2) * rng.standard_normal((count, FACTORS))
    )
    price = np.sqrt(0.5) * rng.standard_normal(CATEGORIES)[category] + np.sqrt(0.5) * rng.standard_normal(count)
    return Items(
        name=rng.permutation(count),
        arrival=np.sort(arrival),
        popularity=np.power(1.0 + rng.permutation(count), -0.9, dtype=np.float64),
        category=category,
        brand=brand,
        tags=rng.random((count, TAGS)).argsort(axis=1)[:, :TAGS_PER_ITEM],
        price=price,
        quality=rng.standard_normal(count),
        factors=factors,
        brand_missing=rng.random(count) < 0.08,
        price_missing=rng.random(count) < 0.10,
    )
