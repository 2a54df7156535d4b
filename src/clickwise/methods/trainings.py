"""Ways to train a model besides on mini-batches and cross-entropy, by the names that follow it: ``deepfm+autoloss``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clickwise.losses import LOSSES
from clickwise.methods.autoloss import AutoLoss
from clickwise.methods.candidates import FixedWeights
from clickwise.methods.melu import MeLU
from clickwise.methods.method import Method
from clickwise.methods.recurrent_meta import RecurrentMeta
from clickwise.methods.searched import SearchedWeights
from clickwise.methods.sequential_meta import SequentialMeta
from clickwise.methods.supervised import Supervised


@dataclass(frozen=True)
class Training:
    """How a model is trained.

    Attributes:
        title: how tables call it.
        kind: the method around the model.
        options: of its constructor, in place of that one's defaults.
        unread: options of ``Supervised`` that a meta-training does not read where it meta-trains on that one's loss.
    """

    title: str
    kind: Callable[..., Method]
    options: Mapping[str, Any] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


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
    "melu-weights": Training("MeLU weights", AutoLoss, {"per_example": False}),
    "bohb": Training("BOHB weights", SearchedWeights),
    "slf": Training("SLF", AutoLoss, {**PUBLISHED, "gumbel": True, "learn_on": "train", "update_every": 1}),
    "autoloss-no-gumbel": Training("AutoLoss without Gumbel (AL-2)", AutoLoss, PUBLISHED),
    "autoloss-published": Training("AutoLoss as published", AutoLoss, {**PUBLISHED, "gumbel": True}),
    "autoloss": Training("AutoLoss", AutoLoss),
}
"""Other losses, and weights of several."""

META_TRAININGS: dict[str, Training] = {
    "recurrent-meta": Training("RecurrentMeta", RecurrentMeta),
    "sequential-meta": Training("RecurrentMeta as published", SequentialMeta, unread=("optimizer",)),
    "melu": Training("MeLU", MeLU, unread=("optimizer", "batch_size", "row_sparse")),
}
"""Meta-learning: what is trained is a start from which a few rows lead further."""

EVERY_TRAINING = {**TRAININGS, **META_TRAININGS}
