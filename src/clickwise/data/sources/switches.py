"""Hidden features that each user switches on or off: what a gate on the hidden units of a model can learn.

A feature is the product of two signs, one of the candidate's category or brand and one of the context, so no field
names it and no single field tells anything of it. All users share the features. A user's gain on each is 0 or 2, and
neither profile nor history tells which: a model of a few hidden units can find the features, but not a version of
each for every set of switches, unless its weights differ by user.
"""

from dataclasses import dataclass

import numpy as np

from clickwise.data.sources.contrast import Interactions, centred_signs, field_shares, interaction_terms
from clickwise.data.sources.exposure import Impressions
from clickwise.data.sources.mechanisms import Effects
from clickwise.data.sources.population import Floats, Items, Users

FEATURES = (("category", "placement"), ("category", "device"), ("category", "channel"), ("brand", "placement"))
STRENGTH = 3.0  # of all features together, at gains of 1
MAIN = 0.7  # of the user's readiness to click, and of the category


@dataclass(frozen=True)
class Switches:
    """What gating plants.

    Attributes:
        features: each feature's value for every pair of codes, of mean 0 given either code, and unit variance.
        gains: ``[users, features]``, each user's gain on each feature, 1 on average.
    """

    features: tuple[Interactions, ...]
    gains: Floats


def make_switches(users: int, items: Items, heterogeneity: float, rng: np.random.Generator) -> Switches:
    """Features of what ``items`` show, and gains of so many users: 0 or 2, nearer to 1 the less heterogeneity."""
    shares = field_shares(items)
    features: tuple[Interactions, ...] = tuple(
        {(item, context): np.outer(centred_signs(shares[item], rng), centred_signs(shares[context], rng))}
        for item, context in FEATURES
    )
    switched_on = rng.integers(2, size=(users, len(FEATURES))).astype(np.float64)
    return Switches(features, 1.0 + heterogeneity * (2.0 * switched_on - 1.0))


def switched_logits(
    switches: Switches, users: Users, items: Items, effects: Effects, rows: Impressions, click_rate: float
) -> Floats:
    """``[impressions]``, the logit where clicks follow the features, of which about ``click_rate`` are clicked."""
    features = interaction_terms(switches.features, items, rows)
    own = STRENGTH / np.sqrt(len(FEATURES)) * np.einsum("nf,fn->n", switches.gains[rows.user], features)
    main = MAIN * (users.bias[rows.user] + effects.category[items.category[rows.item]])
    # A mean probability lies nearer to a half than the probability of the mean logit.
    variance = STRENGTH**2 * (switches.gains**2).mean() + MAIN**2 * (np.mean(users.bias**2) + 1.0)
    intercept = np.sqrt(1.0 + np.pi * variance / 8.0) * np.log(click_rate / (1.0 - click_rate))
    return np.asarray(intercept + main + own)
