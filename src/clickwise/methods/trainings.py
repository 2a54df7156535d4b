"""Ways to train a model besides on cross-entropy, by the names that follow a model's: ``deepfm+autoloss``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clickwise.losses import LOSSES
from clickwise.methods.autoloss import AutoLoss
from clickwise.methods.candidates import FixedWeights
from clickwise.methods.searched import SearchedWeights
from clickwise.methods.supervised import Supervised


@dataclass(frozen=True)
class Training:
    """How a model is trained.

    Attributes:
        title: how tables call it.
        kind: the method around the model.
        options: of its constructor, in place of that one's defaults.
    """

    title: str
    kind: type[Supervised]
    options: Mapping[str, Any] = field(default_factory=dict)


CROSS_ENTROPY = Training("Cross-entropy", Supervised)
# As published, first order: the controller minimises the mixture, and the model sees one drawn candidate an example.
PUBLISHED = {"unroll": 0.0, "objective": "mixture", "normalise": False, "start_from": None}
TITLES = {"kl": "KL", "jrc": "JRC"}

TRAININGS: dict[str, Training] = {
    **{
        name: Training(TITLES.get(name, name.replace("_", " ").capitalize()), Supervised, {"loss": name})
        for name in LOSSES
        if name != "cross_entropy"
    },
    "equal-weights": Training("Equal weights (AL-1)", FixedWeights, {"normalise": False}),
    "darts": Training("DARTS weights", AutoLoss, {**PUBLISHED, "per_example": False}),
    "melu": Training("MeLU weights", AutoLoss, {"per_example": False}),
    "bohb": Training("BOHB weights", SearchedWeights),
    "slf": Training("SLF", AutoLoss, {**PUBLISHED, "gumbel": True, "learn_on": "train", "update_every": 1}),
    "autoloss-no-gumbel": Training("AutoLoss without Gumbel (AL-2)", AutoLoss, PUBLISHED),
    "autoloss-published": Training("AutoLoss as published", AutoLoss, {**PUBLISHED, "gumbel": True}),
    "autoloss": Training("AutoLoss", AutoLoss),
}
