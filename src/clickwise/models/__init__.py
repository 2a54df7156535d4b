"""Networks: a batch in, logits out."""

from clickwise.models.deepfm import DeepFM
from clickwise.models.ffm import FFM
from clickwise.models.fm import FM
from clickwise.models.lr import LR
from clickwise.models.model import Model

__all__ = ["FFM", "FM", "LR", "DeepFM", "Model"]
