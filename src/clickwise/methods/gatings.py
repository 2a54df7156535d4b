"""Gates around a model, and the controls they are held against, by the names that follow a model's: ``din~udg``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Gating:
    """What is done to a model.

    Attributes:
        title: how tables call it.
        options: of ``UserDependentGating``, in place of that one's defaults.
        doubled: no gate, but embeddings of twice the length: a further vector of every id, where a gate has one of
            every user and small networks. That is more parameters, save where vocabularies are so small that the
            networks outweigh the vectors.
    """

    title: str
    options: Mapping[str, Any] = field(default_factory=dict)
    doubled: bool = False


GATINGS: dict[str, Gating] = {
    "doubled": Gating("doubled embedding", doubled=True),
    "udg-shuffled": Gating("UDG, users shuffled", {"gate": "udg", "shuffle_users": True}),
    "udg-no-user": Gating("UDG without user", {"gate": "udg", "inputs": ("item", "behaviour")}),
    "udg": Gating("UDG", {"gate": "udg"}),
    "udg-code": Gating("UDG of the authors' code", {"gate": "udg-code"}),
    "lhuc": Gating("LHUC", {"gate": "lhuc"}),
    "ppnet": Gating("PPNet", {"gate": "ppnet"}),
    "epnet": Gating("EPNet", {"gate": "epnet"}),
    "poso": Gating("POSO", {"gate": "poso"}),
    "gatenet": Gating("GateNet", {"gate": "gatenet"}),
    "apg": Gating("APG", {"gate": "apg"}),
}
