"""How parameters are learned or adapted."""

from clickwise.methods.autoloss import AutoLoss
from clickwise.methods.candidates import FixedWeights
from clickwise.methods.controllers import load_controller, save_controller
from clickwise.methods.controls import GlobalRate, MeanLogit, Stacking, UniformAverage
from clickwise.methods.fine_tuning import FineTunedStacking, UserFineTuning
from clickwise.methods.hedge import HedgeMixture
from clickwise.methods.level_selectors import SampleLevelSelector, UserLevelSelector
from clickwise.methods.mamo import MAMO
from clickwise.methods.melu import MeLU
from clickwise.methods.meta_embedding import MetaEmbedding
from clickwise.methods.metaselector import MetaSelector
from clickwise.methods.method import Method, Run
from clickwise.methods.recurrent_meta import RecurrentMeta
from clickwise.methods.searched import SearchedWeights
from clickwise.methods.sequential_meta import SequentialMeta
from clickwise.methods.simplified import SimplifiedMetaSelector
from clickwise.methods.supervised import Supervised
from clickwise.nn.controller import ConstantController, Controller
from clickwise.nn.selector import Selector

__all__ = [
    "MAMO",
    "AutoLoss",
    "ConstantController",
    "Controller",
    "FineTunedStacking",
    "FixedWeights",
    "GlobalRate",
    "HedgeMixture",
    "MeLU",
    "MeanLogit",
    "MetaEmbedding",
    "MetaSelector",
    "Method",
    "RecurrentMeta",
    "Run",
    "SampleLevelSelector",
    "SearchedWeights",
    "Selector",
    "SequentialMeta",
    "SimplifiedMetaSelector",
    "Stacking",
    "Supervised",
    "UniformAverage",
    "UserFineTuning",
    "UserLevelSelector",
    "load_controller",
    "save_controller",
]
