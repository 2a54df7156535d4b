"""Users of two kinds, and a model that is right for each kind."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from clickwise.data.log import Batch, ClickLog
from clickwise.schema import Schema
from tests.logs import USERS, Parts, make_logs

HALF = USERS // 2


class ByItem(nn.Module):
    """Says ``strength`` for even items and its negative for odd ones, from a table that nothing trains."""

    def __init__(self, schema: Schema, strength: float) -> None:
        super().__init__()
        self.schema = schema
        self.strength = strength
        self.table = nn.Embedding(schema.size, 1)
        signs = torch.where(torch.arange(schema.size) % 2 == 0, strength, -strength)
        self.table.weight = nn.Parameter(signs.unsqueeze(1), requires_grad=False)

    def forward(self, batch: Batch) -> Tensor:
        logits: Tensor = self.table(batch.ids[:, self.schema.slots("item").start]).squeeze(1)
        return logits


def grouped(rows: int = 4800, own: float = 2.0, other: float = -2.0, seed: int = 0) -> Parts:
    """Half the users click on even items (log odds ``own``), the others as ``other`` says."""
    parts = make_logs(rows, seed)

    def relabel(log: ClickLog, seed: int) -> ClickLog:
        item = log.ids[:, log.schema.slots("item").start]
        odds = np.where(log.user < HALF, own, other) * np.where(item % 2 == 0, 1, -1)
        draws = np.random.default_rng(seed).random(len(log))
        return replace(log, label=(draws < 1 / (1 + np.exp(-odds))).astype(np.int32))

    return Parts(*(relabel(log, seed + place) for place, log in enumerate((parts.train, parts.valid, parts.test))))


def two_models(schema: Schema) -> list[nn.Module]:
    """One right for half of the users of ``grouped``, one for the others."""
    return [ByItem(schema, 2.0), ByItem(schema, -2.0)]
