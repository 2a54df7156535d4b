"""Networks: a batch in, logits out."""

from clickwise.models.autoint import AutoInt
from clickwise.models.deepfm import DeepFM
from clickwise.models.dien import DIEN
from clickwise.models.din import DIN
from clickwise.models.ffm import FFM
from clickwise.models.fm import FM
from clickwise.models.lr import LR
from clickwise.models.model import Model
from clickwise.models.nfm import NFM
from clickwise.models.pnn import PNN
from clickwise.models.wide_deep import WideDeep

__all__ = [
    "DIEN",
    "DIN",
    "FFM",
    "FM",
    "LR",
    "NFM",
    "PNN",
    "AutoInt",
    "DeepFM",
    "Model",
    "WideDeep",
]
