"""Layers that several models share; those offered to models of one's own are imported here."""

from clickwise.nn.embedding import FieldEmbedding, Linear
from clickwise.nn.interactions import pairwise
from clickwise.nn.mlp import MLP

__all__ = ["MLP", "FieldEmbedding", "Linear", "pairwise"]
