"""How parameters are learned or adapted."""

from clickwise.methods.autoloss import AutoLoss
from clickwise.methods.candidates import FixedWeights
from clickwise.methods.controllers import load_controller, save_controller
from clickwise.methods.controls import GlobalRate, MeanLogit, Stacking, UniformAverage
from clickwise.methods.fine_tuning import FineTunedStacking, UserFineTuning
from clickwise.methods.hedge import HedgeMixture
from clickwise.methods.level_selectors import SampleLevelSelector, UserLevelSelector
from clickwise.methods.meta_embedding import MetaEmbedding
from clickwise.methods.metaselector import MetaSelector
from clickwise.methods.method import Method
from clickwise.methods.searched import SearchedWeights
from clickwise.methods.simplified import SimplifiedMetaSelector
from clickwise.methods.supervised import Supervised
from clickwise.nn.controller import ConstantController, Controller
from clickwise.nn.selector import Selector

__all__ = [
    "AutoLoss",
    "ConstantController",
    "Controller",
    "FineTunedStacking",
    "FixedWeights",
    "GlobalRate",
    "HedgeMixture",
    "MeanLogit",
    "MetaEmbedding",
    "MetaSelector",
    "Method",
    "SampleLevelSelector",
    "SearchedWeights",
    "Selector",
    "SimplifiedMetaSelector",
    "Stacking",
    "Supervised",
    "UniformAverage",
    "UserFineTuning",
    "UserLevelSelector",
    "load_controller",
    "save_controller",
]
