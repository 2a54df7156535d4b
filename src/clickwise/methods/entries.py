"""The methods that the command line knows by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from clickwise.methods.controls import GlobalRate, MeanLogit, Stacking, UniformAverage
from clickwise.methods.fine_tuning import FineTunedStacking, UserFineTuning
from clickwise.methods.gatings import Gating
from clickwise.methods.hedge import HedgeMixture
from clickwise.methods.level_selectors import SampleLevelSelector, UserLevelSelector
from clickwise.methods.mamo import MAMO
from clickwise.methods.meta_embedding import MetaEmbedding, has_vectors
from clickwise.methods.metaselector import MetaSelector
from clickwise.methods.method import Method
from clickwise.methods.names import Options
from clickwise.methods.simplified import SimplifiedMetaSelector
from clickwise.methods.trainings import CROSS_ENTROPY, Training
from clickwise.models import (
    DIEN,
    DIN,
    DNN,
    FFM,
    FM,
    LR,
    MIMN,
    NFM,
    PNN,
    AutoInt,
    DeepFM,
    GRU4Rec,
    LSTM4Rec,
    MetaInteraction,
    WideDeep,
)


@dataclass(frozen=True)
class Entry:
    """A method that the command line knows.

    Attributes:
        title: how tables call it.
        kind: its class: a model, a control, or a method made of trained models.
        group: ``model``; ``control`` (stands alone, without randomness); ``variant`` (a model gated or trained on other
            losses, and held against itself); ``combination`` (a control made of the run's trained models);
            ``adaptive`` (made of them too, and held against the controls); ``personal`` (adapts to users, and is made
            of no model but its own).
        options: of its constructor, in place of that one's defaults.
        of_best: made of the one model that is best on validation rows, not of all.
        suits: whether a model can be that one.
        family: group of the command line that it belongs to, besides ``controls`` and ``all``.
        gating: what is done to a model before it is trained.
        trainings: how a model is trained, the inner method first.
        candidates: the models that it is made of; those of the run where empty.
    """

    title: str
    kind: Callable[..., nn.Module]
    group: str = "model"
    options: Options = field(default_factory=dict)
    of_best: bool = False
    suits: Callable[[Method], bool] = lambda model: True
    family: str = ""
    gating: Gating | None = None
    trainings: Sequence[Training] = (CROSS_ENTROPY,)
    candidates: Sequence[str] = ()

    @property
    def control(self) -> bool:
        """True for what adaptive methods are held against."""
        return self.group in ("control", "combination")

    @property
    def least(self) -> int:
        """Models that it is made of, at least."""
        return 1 if self.of_best else 2

    @property
    def made_of_models(self) -> bool:
        """True for what needs trained models."""
        return self.group in ("combination", "adaptive")


# First order is exact for the rates of one step, and models that are trained already do not train.
OF_TRAINED: Options = {"pretrain": False, "second_order": False}


def _selector(
    title: str, kind: Callable[..., nn.Module], group: str = "adaptive", of_best: bool = False, **options: Any
) -> Entry:
    return Entry(title, kind, group, options, of_best, family="selectors")


METHODS: dict[str, Entry] = {
    "global-rate": Entry("Global rate", GlobalRate, "control"),
    "mean-logit": Entry("User mean + item mean", MeanLogit, "control"),
    "lr": Entry("LR", LR),
    "fm": Entry("FM", FM),
    "ffm": Entry("FFM", FFM),
    "deepfm": Entry("DeepFM", DeepFM),
    "pnn": Entry("PNN", PNN),
    "nfm": Entry("NFM", NFM),
    "autoint": Entry("AutoInt", AutoInt),
    "wide-deep": Entry("Wide & Deep", WideDeep),
    "din": Entry("DIN", DIN),
    "dien": Entry("DIEN", DIEN),
    "dnn": Entry("DNN", DNN),
    "gru4rec": Entry("GRU4Rec", GRU4Rec),
    "lstm4rec": Entry("LSTM4Rec", LSTM4Rec),
    "mimn": Entry("MIMN", MIMN),
    "meta-interaction": Entry("MetaInteraction", MetaInteraction),
    "mamo": Entry("MAMO", MAMO, "personal"),
    "uniform-average": Entry("Uniform average", UniformAverage, "combination"),
    "stacking": Entry("Global stacking", Stacking, "combination"),
    "stacking-fine-tuned": _selector("Stacking of fine-tuned models", FineTunedStacking, "combination"),
    "user-fine-tuning": _selector("Best model fine-tuned per user", UserFineTuning, "combination", of_best=True),
    "metaselector-shuffled": _selector(
        "MetaSelector, users shuffled", MetaSelector, "combination", **OF_TRAINED, shuffle_users=True
    ),
    "hedge": _selector("Per-user Hedge weights", HedgeMixture),
    "sample-selector": _selector("Sample-level selector", SampleLevelSelector),
    "user-selector": _selector("User-level selector", UserLevelSelector),
    "metaselector-simplified": _selector("MetaSelector-Simplified", SimplifiedMetaSelector, pretrain=False),
    "metaselector": _selector("MetaSelector", MetaSelector, **OF_TRAINED),
    "meta-embedding": Entry(
        "Meta-Embedding", MetaEmbedding, "adaptive", {"pretrain": False}, of_best=True, suits=has_vectors
    ),
}
GROUPS = {
    "controls": [name for name, entry in METHODS.items() if entry.control and not entry.family],
    "selectors": [name for name, entry in METHODS.items() if entry.family == "selectors"],
    "all": list(METHODS),
}
STAGES = ("control", "model", "variant", "personal", "combination", "adaptive")
NEED_USERS = (MAMO, HedgeMixture, UserFineTuning, MetaSelector, SimplifiedMetaSelector)
NEED_BEHAVIOURS = (DIN, DIEN, GRU4Rec, LSTM4Rec, MIMN, MetaInteraction)
NEED_PROFILES = (MetaEmbedding,)
