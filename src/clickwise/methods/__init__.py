"""How parameters are learned or adapted."""

from clickwise.methods.controls import GlobalRate, MeanLogit, Stacking, UniformAverage
from clickwise.methods.fine_tuning import FineTunedStacking, UserFineTuning
from clickwise.methods.hedge import HedgeMixture
from clickwise.methods.level_selectors import SampleLevelSelector, UserLevelSelector
from clickwise.methods.metaselector import MetaSelector
from clickwise.methods.method import Method
from clickwise.methods.simplified import SimplifiedMetaSelector
from clickwise.methods.supervised import Supervised
from clickwise.nn.selector import Selector

__all__ = [
    "FineTunedStacking",
    "GlobalRate",
    "HedgeMixture",
    "MeanLogit",
    "MetaSelector",
    "Method",
    "SampleLevelSelector",
    "Selector",
    "SimplifiedMetaSelector",
    "Stacking",
    "Supervised",
    "UniformAverage",
    "UserFineTuning",
    "UserLevelSelector",
]
