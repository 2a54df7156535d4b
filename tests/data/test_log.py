"""Batches: what they hold, whichever way they are made."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from clickwise.data.log import Batch, ClickLog
from tests.logs import make_logs

LOG = make_logs(500).train


def same(batch: Batch, rows: list[int]) -> None:
    for name in Batch.ARRAYS:
        found = getattr(batch, name)
        np.testing.assert_array_equal(found.numpy(), getattr(LOG, name)[rows])
        assert found.is_contiguous()
    assert batch.row is not None and batch.row.tolist() == rows


@pytest.fixture(params=["in memory", "memory-mapped", "columns together"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> ClickLog:
    if request.param == "in memory":
        return LOG
    if request.param == "columns together":
        return replace(LOG, ids=np.asfortranarray(LOG.ids))
    mapped = {}
    for name in Batch.ARRAYS:
        np.save(tmp_path / f"{name}.npy", getattr(LOG, name))
        mapped[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    return replace(LOG, **mapped)


def test_rows_of_a_log_by_place_or_slice(log: ClickLog) -> None:
    same(Batch.of(log, np.array([5, 2, 2])), [5, 2, 2])
    same(Batch.of(log, np.arange(4)[::-1]), [3, 2, 1, 0])
    same(Batch.of(log, slice(3, 9)), [*range(3, 9)])
    same(Batch.of(log, slice(len(LOG) - 2, len(LOG) + 5)), [len(LOG) - 2, len(LOG) - 1])
    assert len(Batch.of(log, np.empty(0, dtype=np.int64))) == 0


def test_rows_of_a_batch_and_batches_end_to_end(log: ClickLog) -> None:
    first, second = Batch.of(log, np.array([5, 2])), Batch.of(log, slice(7, 8))
    same(first.select(torch.tensor([1])), [2])
    same(Batch.join([first, second]), [5, 2, 7])
    same(Batch.join([first]), [5, 2])
    by_hand = replace(second, row=None)
    assert Batch.join([first, by_hand]).row is None and Batch.join([by_hand]).row is None


@pytest.mark.parametrize("rows", [np.array([4, 1]), slice(3, 9), LOG.label == 1, [2, 2]])
def test_part_of_a_log_takes_all_its_arrays(log: ClickLog, rows: Any) -> None:
    part = log.take(rows)
    for name in ClickLog.ARRAYS:
        np.testing.assert_array_equal(getattr(part, name), getattr(LOG, name)[rows])
    assert part.counts is LOG.counts and set(ClickLog.ARRAYS) >= set(Batch.ARRAYS)
