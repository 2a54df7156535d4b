"""How the users of the synthetic log decide: five mechanisms, drifting interests, and the clicks that follow.

The logit of an impression is ``intercept + MAIN * main + MECHANISM * (weights . terms)``. ``main`` is shared by
everybody; ``terms`` holds one value a mechanism, each of about unit variance; ``weights`` are the user's.
"""

from dataclasses import dataclass

import numpy as np

from clickwise.data.sources.exposure import DEVICES, PLACEMENTS, Impressions
from clickwise.data.sources.population import (
    AGES,
    BRANDS,
    CATEGORIES,
    FACTORS,
    GENDERS,
    HIDDEN,
    OCCUPATIONS,
    TAGS,
    Floats,
    Ints,
    Items,
    Users,
)

MAIN = 1.5
MECHANISM = 1.9
ADDITIVE = 1.0  # under a full contrast: strength of the linear mechanism, which all groups then share
RECENCY = 1.6  # a click's pull on the rest of the session
RECENCY_DECAY = 0.7
DRIFT = 0.6  # standard deviation of the drifting part of an interest, where the lasting part has 1
DRIFT_KEPT = 0.8  # share of the drifting part that a session inherits from the user's session before


@dataclass(frozen=True)
class Effects:
    """The planted coefficients, shared by all users: one table an effect, indexed by code."""

    placement: Floats
    hour: Floats
    category: Floats
    brand: Floats
    tag: Floats
    device: Floats
    occupation: Floats
    pairs: tuple[Floats, ...]
    inward: Floats
    outward: Floats
    category_vectors: Floats


def make_effects(rng: np.random.Generator) -> Effects:
    """Draw every coefficient; pair tables have rank 2 and unit variance."""

    def standardised(count: int) -> Floats:
        values = rng.standard_normal(count)
        return (values - values.mean()) / values.std()

    shapes = (AGES, CATEGORIES), (GENDERS, BRANDS), (OCCUPATIONS, CATEGORIES), (PLACEMENTS, CATEGORIES)
    pairs = [rng.standard_normal((left, 2)) @ rng.standard_normal((2, right)) for left, right in shapes]
    signs = np.where(np.arange(HIDDEN) % 2 == 0, 1.0, -1.0)
    return Effects(
        placement=standardised(PLACEMENTS),
        hour=standardised(24),
        category=standardised(CATEGORIES),
        brand=standardised(BRANDS),
        tag=standardised(TAGS),
        device=standardised(DEVICES),
        occupation=standardised(OCCUPATIONS),
        pairs=tuple((table - table.mean()) / table.std() for table in pairs),
        inward=rng.standard_normal((5 + 3, HIDDEN)),
        outward=signs * 1.6 / np.sqrt(HIDDEN),
        category_vectors=rng.standard_normal((CATEGORIES, FACTORS)),
    )


def sigmoid(logits: Floats) -> Floats:
    """Probability of each logit."""
    return np.asarray(1.0 / (1.0 + np.exp(-logits)))


def intercept(click_rate: float) -> float:
    """The intercept at which about ``click_rate`` of the impressions are clicked.

    A mean probability lies nearer to a half than the probability of the mean logit; this is the usual correction for
    normally distributed logits.
    """
    variance = MAIN**2 + MECHANISM**2
    return float(np.sqrt(1.0 + np.pi * variance / 8.0) * np.log(click_rate / (1.0 - click_rate)))


def drifting_interests(interest: Floats, user: Ints, ordinal: Ints, drift: float, rng: np.random.Generator) -> Floats:
    """Interests of each session, ``[sessions, FACTORS]``: the user's lasting ones plus a part that wanders.

    Args:
        interest: ``[users, FACTORS]``, lasting interests.
        user, ordinal: ``[sessions]``, whose session it is, and which of that user's.
        drift: 0 leaves interests as they are; 1 makes the wandering part ``DRIFT`` times as strong as the lasting one.
    """
    shocks = rng.standard_normal((len(user), interest.shape[1]))
    wandering = np.zeros_like(shocks)
    state = np.zeros_like(interest)
    order = np.argsort(ordinal, kind="stable")
    for sessions in np.split(order, np.cumsum(np.bincount(ordinal))[:-1]):
        kept = np.where(ordinal[sessions] > 0, DRIFT_KEPT, 0.0)[:, None]
        wandering[sessions] = kept * state[user[sessions]] + np.sqrt(1.0 - kept**2) * shocks[sessions]
        state[user[sessions]] = wandering[sessions]
    strength = DRIFT * drift
    return (interest[user] + strength * wandering) / np.sqrt(1.0 + strength**2)


def static_logits(
    users: Users, items: Items, effects: Effects, rows: Impressions, interests: Floats, contrast: float = 0.0
) -> Floats:
    """``[impressions]``, the logit without intercept and without the mechanism that looks at earlier clicks.

    A ``contrast`` takes its share of interests and mechanisms away, and gives everybody the linear one in return.
    """
    u, i = rows.user, rows.item
    hour = rows.time // 3600 % 24
    freshness = np.exp((items.arrival[i] - rows.time) / (5.0 * 86_400))
    likes = interests[rows.session] * items.factors[i] / np.sqrt(FACTORS)
    main = 0.45 * items.quality[i] + 0.4 * users.bias[u] + 0.35 * effects.placement[rows.placement]
    main += 0.3 * effects.hour[hour] + 0.65 * (1.0 - contrast) * likes.sum(axis=1)
    linear = effects.category[items.category[i]] + effects.brand[items.brand[i]] + effects.device[rows.device]
    linear += effects.tag[items.tags[i]].mean(axis=1) + effects.occupation[users.occupation[u]]
    linear = (linear - items.price[i] + 2.0 * freshness) / np.sqrt(5.8)
    pairwise = (likes * users.gains[u, :FACTORS]).sum(axis=1)
    field_aware = _field_aware(users, items, effects, rows)
    angle = hour * (2.0 * np.pi / 24.0)
    plain = [items.price[i], freshness, np.sin(angle), np.cos(angle), users.age[u] - (AGES - 1) / 2.0]
    hidden = np.tanh(np.column_stack([*plain, items.factors[i, :3]]) @ effects.inward)
    non_linear = (hidden * users.gains[u]) @ effects.outward
    terms = np.stack([linear, pairwise, field_aware, non_linear])
    own = MECHANISM * (1.0 - contrast) * np.einsum("mn,nm->n", terms, users.weights[u, : len(terms)])
    return np.asarray(MAIN * main + own + ADDITIVE * contrast * linear)


def _field_aware(users: Users, items: Items, effects: Effects, rows: Impressions) -> Floats:
    u, i = rows.user, rows.item
    codes = (
        (users.age[u], items.category[i]),
        (users.gender[u], items.brand[i]),
        (users.occupation[u], items.category[i]),
        (rows.placement, items.category[i]),
    )
    total = sum(table[left, right] for table, (left, right) in zip(effects.pairs, codes, strict=True))
    return np.asarray(total) / np.sqrt(len(codes))


def click(
    users: Users,
    items: Items,
    effects: Effects,
    rows: Impressions,
    logits: Floats,
    recency: float,
    rng: np.random.Generator,
) -> tuple[Floats, Ints]:
    """Walk through all sessions at once, position by position, since a click changes what follows it by ``recency``.

    Returns:
        The true probability of a click and the click, ``[impressions]`` each.
    """
    vectors = effects.category_vectors[items.category[rows.item]] / np.sqrt(FACTORS)
    pull = recency * MECHANISM * RECENCY * users.weights[rows.user, -1]
    chance = rng.random(len(logits))
    recent = np.zeros((len(rows.ordinal), FACTORS))
    probability = np.empty(len(logits))
    clicks = np.empty(len(logits), dtype=np.int64)
    order = np.argsort(rows.position, kind="stable")
    for now in np.split(order, np.cumsum(np.bincount(rows.position))[:-1]):
        session = rows.session[now]
        similarity = np.einsum("nf,nf->n", recent[session], vectors[now]) * np.sqrt(FACTORS)
        probability[now] = sigmoid(logits[now] + pull[now] * similarity)
        clicks[now] = chance[now] < probability[now]
        recent[session] = RECENCY_DECAY * recent[session] + clicks[now, None] * vectors[now]
    return probability, clicks
