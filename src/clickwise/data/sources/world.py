"""Who is there in the synthetic log, and what decides their clicks."""

from dataclasses import dataclass

import numpy as np

from clickwise.data.sources.contrast import Interactions, add_interactions, make_interactions
from clickwise.data.sources.exposure import Impressions
from clickwise.data.sources.mechanisms import Effects, intercept, make_effects, static_logits
from clickwise.data.sources.population import Floats, Items, Users, make_items, make_users
from clickwise.data.sources.switches import Switches, make_switches, switched_logits


@dataclass(frozen=True)
class World:
    """All that is drawn before anything is shown.

    Attributes:
        users, items, effects, interactions: what is planted; interactions act only where there is a contrast.
        contrast, gating: from 0 to 1, see ``synthetic.generate``.
        switches: None where there is no gating.
    """

    users: Users
    items: Items
    effects: Effects
    interactions: tuple[Interactions, ...]
    contrast: float
    gating: float
    switches: Switches | None

    @classmethod
    def drawn(
        cls,
        users: int,
        items: int,
        heterogeneity: float,
        personality: float,
        contrast: float,
        streams: list[np.random.Generator],
        gating: float = 0.0,
    ) -> "World":
        """A world of so many users and items; the options are those of ``synthetic.generate``."""
        groups = streams[10] if contrast > 0 else None
        goods = make_items(items, streams[1])
        return cls(
            make_users(users, heterogeneity, streams[0], personality, groups),
            goods,
            make_effects(streams[2]),
            make_interactions(goods, streams[11]),
            contrast,
            gating,
            make_switches(users, goods, heterogeneity, streams[12]) if gating > 0 else None,
        )

    def logits(self, rows: Impressions, interests: Floats, click_rate: float) -> Floats:
        """``[impressions]``, the logit without the mechanism that looks at earlier clicks."""
        users, items = self.users, self.items
        logits = intercept(click_rate) + static_logits(users, items, self.effects, rows, interests, self.contrast)
        if self.contrast > 0:
            logits = add_interactions(logits, users, items, self.interactions, rows, self.contrast)
        if self.switches is None:
            return logits
        own = switched_logits(self.switches, users, items, self.effects, rows, click_rate)
        return (1.0 - self.gating) * logits + self.gating * own
