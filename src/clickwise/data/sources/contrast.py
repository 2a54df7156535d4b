"""Groups whose best models differ: all click by the same additive effects, and each by more interactions than the last.

Group ``linear`` has none, ``pairwise`` those of an FM, ``field-aware`` those of an FFM too, ``non-linear`` all kinds: a
ladder, as their models are. A model that knows more than a group has learns it from the groups that have it and
applies it to everybody, since nothing in a row but its user tells groups apart; one that knows less misses what the
group has. So its own model serves each group best, as long as the model does not learn from the user's id which group
it is, for which deep models need many rows a user.

No interaction has a part that fewer fields could explain: each score has mean 0 over what is shown.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from clickwise.data.sources.exposure import (
    CHANNEL_SHARES,
    DEVICE_SHARES,
    PLACEMENT_SHARES,
    Impressions,
    slot_weights,
)
from clickwise.data.sources.population import BRANDS, CATEGORIES, CONTRASTED, Floats, Ints, Items, Users

ITEM_FIELDS = ("category", "brand")
CONTEXT_FIELDS = ("placement", "device", "channel", "hour")
PAIRS = tuple(pair for pair in combinations((*ITEM_FIELDS, *CONTEXT_FIELDS), 2) if pair != ITEM_FIELDS)
TRIPLE = ("placement", "device", "channel")
STRENGTHS = (1.8, 2.6, 5.0)  # of pairwise, field-aware and non-linear interactions
PAIRWISE_RANK = 2
FIELD_AWARE_RANK = 3

Interactions = Mapping[tuple[str, ...], Floats]
"""By names of fields, the effect of each combination of their codes."""


def make_interactions(items: Items, rng: np.random.Generator) -> tuple[Interactions, ...]:
    """Interactions that are pairwise, field-aware and non-linear, each of about unit variance.

    Pairwise: a code has one vector, whatever it meets. Field-aware: one for every field that it meets. Non-linear:
    a product of three signs, of which no two tell anything.
    """
    shares = field_shares(items)

    def scores(field: str, rank: int) -> Floats:
        return _centred(rng.standard_normal((len(shares[field]), rank)), shares[field])

    vectors = {field: scores(field, PAIRWISE_RANK) for field in shares}
    pairwise: Interactions = {pair: vectors[pair[0]] @ vectors[pair[1]].T for pair in PAIRS}
    rank = FIELD_AWARE_RANK
    field_aware: Interactions = {pair: scores(pair[0], rank) @ scores(pair[1], rank).T for pair in PAIRS}
    signs = (centred_signs(shares[field], rng) for field in TRIPLE)
    non_linear: Interactions = {TRIPLE: np.einsum("i,j,k->ijk", *signs)}
    return tuple(_standardised(tables, shares) for tables in (pairwise, field_aware, non_linear))


def add_interactions(
    logits: Floats,
    users: Users,
    items: Items,
    interactions: tuple[Interactions, ...],
    rows: Impressions,
    contrast: float,
) -> Floats:
    """``logits`` ``[impressions]`` with each user's interactions, as strong as the contrast.

    Interactions spread a probability about its mean, and so bring that nearer to a half. Users who have them get larger
    logits in return, so that to a model that knows no interactions all groups look the same.
    """
    kinds = users.weights[:, 1:CONTRASTED] @ np.tri(CONTRASTED - 1)
    strengths = contrast * kinds[rows.user] * np.array(STRENGTHS)
    spread = np.sqrt(1.0 + np.pi * (strengths**2).sum(axis=1) / 8.0)
    own = np.einsum("mn,nm->n", interaction_terms(interactions, items, rows), strengths)
    return np.asarray(spread * logits + own)


def interaction_terms(interactions: tuple[Interactions, ...], items: Items, rows: Impressions) -> Floats:
    """``[kinds, impressions]``, the value of each kind of interactions."""
    codes = {
        "category": items.category[rows.item],
        "brand": items.brand[rows.item],
        "placement": rows.placement,
        "device": rows.device,
        "channel": rows.channel,
        "hour": rows.time // 3600 % 24,
    }
    return np.stack([_sum(tables, codes) for tables in interactions])


def field_shares(items: Items) -> dict[str, Floats]:
    """By field, the share of impressions that each code has; fields are shown independently of each other."""
    popularity = items.popularity
    return {
        "category": np.bincount(items.category, popularity, CATEGORIES) / popularity.sum(),
        "brand": np.bincount(items.brand, popularity, BRANDS) / popularity.sum(),
        "placement": np.array(PLACEMENT_SHARES),
        "device": np.array(DEVICE_SHARES),
        "channel": np.array(CHANNEL_SHARES),
        "hour": slot_weights().reshape(-1, 24, 2).sum(axis=(0, 2)) / slot_weights().sum(),
    }


def centred_signs(shares: Floats, rng: np.random.Generator) -> Floats:
    """``[codes]``: one value for a random half of the codes and another for the rest, with mean 0 and variance 1."""
    return _centred(np.where(rng.permutation(len(shares)) % 2 == 0, 1.0, -1.0), shares)


def _sum(tables: Interactions, codes: Mapping[str, Ints]) -> Floats:
    return np.asarray(sum(table[tuple(codes[field] for field in fields)] for fields, table in tables.items()))


def _centred(scores: Floats, shares: Floats) -> Floats:
    """``scores`` ``[codes]`` or ``[codes, rank]`` less their mean over ``shares``, with root mean square 1.

    Where one code alone is shown, its scores are 0.
    """
    centred = scores - shares @ scores
    variance = shares @ centred**2
    return np.asarray(centred / np.sqrt(np.where(variance > 0, variance, 1.0)))


def _standardised(tables: Interactions, shares: Mapping[str, Floats]) -> Interactions:
    """The tables by one common factor, so that their sum has unit variance where fields are independent."""
    variance = sum(_mean(table**2, [shares[field] for field in fields]) for fields, table in tables.items())
    return {fields: table / np.sqrt(variance) for fields, table in tables.items()}


def _mean(table: Floats, shares: list[Floats]) -> float:
    for weights in reversed(shares):
        table = table @ weights
    return float(table)
