"""The yardstick: the shortest fast PyTorch loop for this one model and table."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.contestants import (
    BATCH_SIZE,
    EMBEDDING_DEVIATION,
    EMBEDDING_DIM,
    HIDDEN_DIMS,
    LEARNING_RATE,
    PREDICT_BATCH_SIZE,
    Contestant,
)
from benchmarks.fields import FIELDS
from benchmarks.table import Table

SPARSE_FROM = 100_000


class DeepFM(nn.Module):
    """``ids [batch, 20] -> logits [batch]``: one table of factors, one of linear weights."""

    def __init__(self, ids: int, sparse: bool) -> None:
        super().__init__()
        self.factors = nn.Embedding(ids, EMBEDDING_DIM, sparse=sparse)
        self.weights = nn.Embedding(ids, 1, sparse=sparse)
        nn.init.normal_(self.factors.weight, std=EMBEDDING_DEVIATION)
        nn.init.zeros_(self.weights.weight)
        self.bias = nn.Parameter(torch.zeros(()))
        first, second = HIDDEN_DIMS
        self.deep = nn.Sequential(
            nn.Linear(FIELDS * EMBEDDING_DIM, first),
            nn.ReLU(),
            nn.Linear(first, second),
            nn.ReLU(),
            nn.Linear(second, 1),
        )

    def forward(self, ids: Tensor) -> Tensor:
        factors = self.factors(ids)
        pairs = 0.5 * (factors.sum(1).square() - factors.square().sum(1)).sum(1)
        logits: Tensor = self.bias + self.weights(ids).sum((1, 2)) + pairs + self.deep(factors.flatten(1)).squeeze(1)
        return logits


def _optimizers(model: DeepFM, sparse: bool) -> list[torch.optim.Optimizer]:
    tables = [model.factors.weight, model.weights.weight]
    dense = [parameter for parameter in model.parameters() if all(parameter is not table for table in tables)]
    if not sparse:
        return [torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)]
    return [torch.optim.SparseAdam(tables, lr=LEARNING_RATE), torch.optim.Adam(dense, lr=LEARNING_RATE, fused=True)]


def build(table: Table, folder: Path) -> Contestant:
    """One int matrix in memory, ``index_select`` of a permutation, sparse Adam on tables above 100,000 ids."""
    offsets = np.concatenate([[0], np.cumsum(table.sizes)[:-1]]).astype(np.int32)
    ids, test_ids = torch.from_numpy(table.train_ids + offsets), torch.from_numpy(table.test_ids + offsets)
    label = torch.from_numpy(table.train_label.astype(np.float32))
    sparse = sum(table.sizes) > SPARSE_FROM
    model = DeepFM(sum(table.sizes), sparse)
    optimizers = _optimizers(model, sparse)

    def fit() -> None:
        for rows in torch.randperm(len(ids)).split(BATCH_SIZE):
            loss = functional.binary_cross_entropy_with_logits(
                model(ids.index_select(0, rows)), label.index_select(0, rows)
            )
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)

    def predict() -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            parts = [model(part).sigmoid() for part in test_ids.split(PREDICT_BATCH_SIZE)]
            return torch.cat(parts).numpy()

    return Contestant(fit, predict)
