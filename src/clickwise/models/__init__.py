"""Networks: a batch in, logits out."""

from clickwise.models.autoint import AutoInt
from clickwise.models.deepfm import DeepFM
from clickwise.models.dien import DIEN
from clickwise.models.din import DIN
from clickwise.models.dnn import DNN
from clickwise.models.ffm import FFM
from clickwise.models.fm import FM
from clickwise.models.gru4rec import GRU4Rec
from clickwise.models.lr import LR
from clickwise.models.lstm4rec import LSTM4Rec
from clickwise.models.meta_interaction import MetaInteraction
from clickwise.models.mimn import MIMN
from clickwise.models.model import Model
from clickwise.models.nfm import NFM
from clickwise.models.pnn import PNN
from clickwise.models.wide_deep import WideDeep

__all__ = [
    "DIEN",
    "DIN",
    "DNN",
    "FFM",
    "FM",
    "LR",
    "MIMN",
    "NFM",
    "PNN",
    "AutoInt",
    "DeepFM",
    "GRU4Rec",
    "LSTM4Rec",
    "MetaInteraction",
    "Model",
    "WideDeep",
]
