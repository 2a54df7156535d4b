"""Batch normalisation against torch's, and what it does with one row alone."""

import pytest
import torch
from torch import nn

from clickwise.nn.normalisation import BatchNorm


def pair() -> tuple[BatchNorm, nn.BatchNorm1d]:
    ours, theirs = BatchNorm(4), nn.BatchNorm1d(4)
    generator = torch.Generator().manual_seed(0)
    for layer in (ours, theirs):
        generator.manual_seed(0)
        for _ in range(3):
            layer(2 + 3 * torch.randn(20, 4, generator=generator))
    return ours, theirs


@pytest.mark.parametrize("training", [True, False])
def test_rows_together_are_normalised_as_torch_does(training: bool) -> None:
    ours, theirs = (layer.train(training) for layer in pair())
    rows = torch.arange(12.0).view(3, 4)
    assert torch.equal(ours(rows), theirs(rows))
    assert all(torch.equal(one, other) for one, other in zip(ours.buffers(), theirs.buffers(), strict=True))


def test_one_row_alone_is_normalised_as_in_evaluation_and_moves_no_mean() -> None:
    ours, theirs = pair()
    row = torch.arange(4.0).view(1, 4)
    assert torch.equal(ours(row), theirs.eval()(row))
    assert all(torch.equal(one, other) for one, other in zip(ours.buffers(), theirs.buffers(), strict=True))
