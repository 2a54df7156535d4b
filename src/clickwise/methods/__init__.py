"""How parameters are learned or adapted."""

from clickwise.methods.controls import GlobalRate, MeanLogit, Stacking, UniformAverage
from clickwise.methods.method import Method
from clickwise.methods.supervised import Supervised

__all__ = ["GlobalRate", "MeanLogit", "Method", "Stacking", "Supervised", "UniformAverage"]
