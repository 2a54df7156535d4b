"""Mini-batches: every row once an epoch, an order that seed and epoch decide, and epochs that go on in the middle."""

from pathlib import Path

import numpy as np
import pytest
import torch

from clickwise.data import loading
from clickwise.data.loading import ShuffledBatches, ordered_batches
from clickwise.data.log import Batch
from tests.logs import make_logs

LOG = make_logs(500).train  # 300 rows


@pytest.fixture(params=["in memory", "blocks"])
def batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ShuffledBatches:
    """300 rows in batches of 32; blocks of 20 rows, three at a time."""
    monkeypatch.setattr(loading, "BLOCK_ROWS", 20)
    monkeypatch.setattr(loading, "BLOCKS_IN_MEMORY", 3)
    return ShuffledBatches(LOG, 32, in_memory_bytes=0 if request.param == "blocks" else 1 << 30)


def rows_of(batches: list[Batch]) -> list[int]:
    return [row for batch in batches for row in batch.row.tolist()]


def test_every_row_once_an_epoch(batches: ShuffledBatches) -> None:
    epoch = list(batches.epoch(seed=0, epoch=0))
    assert sorted(rows_of(epoch)) == list(range(300))
    assert max(len(batch) for batch in epoch) == 32
    assert len(epoch) == len(batches)


def test_batches_hold_what_the_log_holds(batches: ShuffledBatches) -> None:
    for batch in batches.epoch(seed=0, epoch=0):
        for name in ("ids", "numbers", "label", "user", "time"):
            assert np.array_equal(getattr(batch, name).numpy(), getattr(LOG, name)[batch.row.numpy()]), name
        assert (batch.ids.dtype, batch.label.dtype, batch.time.dtype) == (torch.int32, torch.int32, torch.int64)


def test_order_depends_on_seed_and_epoch_alone(batches: ShuffledBatches) -> None:
    orders = {(s, e): tuple(rows_of(list(batches.epoch(s, e)))) for s in (0, 1) for e in (0, 1)}
    assert len(set(orders.values())) == 4
    torch.manual_seed(99)
    torch.rand(5)
    assert tuple(rows_of(list(batches.epoch(0, 1)))) == orders[0, 1]


def test_an_epoch_goes_on_in_the_middle(batches: ShuffledBatches) -> None:
    whole = [batch.row.tolist() for batch in batches.epoch(3, 2)]
    for first in range(len(whole) + 1):
        assert [batch.row.tolist() for batch in batches.epoch(3, 2, first)] == whole[first:]


def test_shuffling_leaves_the_global_generator_alone(batches: ShuffledBatches) -> None:
    before = torch.get_rng_state()
    list(batches.epoch(0, 0))
    assert torch.equal(torch.get_rng_state(), before)


def test_blocks_mix_rows_from_afar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "BLOCK_ROWS", 20)
    monkeypatch.setattr(loading, "BLOCKS_IN_MEMORY", 3)
    for batch in ShuffledBatches(LOG, 60, in_memory_bytes=0).epoch(0, 0):
        blocks = set((batch.row // 20).tolist())
        assert len(blocks) == 3
        assert batch.row.tolist() != sorted(batch.row.tolist())


def test_length_in_blocks_whichever_block_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """294 rows: the short block of 14 rows falls into any group."""
    monkeypatch.setattr(loading, "BLOCK_ROWS", 20)
    monkeypatch.setattr(loading, "BLOCKS_IN_MEMORY", 4)
    batches = ShuffledBatches(LOG.take(slice(0, 294)), 32, in_memory_bytes=0)
    counts = {sum(1 for _ in batches.epoch(0, epoch)) for epoch in range(20)}
    assert all(abs(count - len(batches)) <= 1 for count in counts)


def test_read_only_memory_maps_are_read(tmp_path: Path) -> None:
    arrays = {}
    for name in ("ids", "numbers", "label", "user", "time"):
        np.save(tmp_path / f"{name}.npy", getattr(LOG, name))
        arrays[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    mapped = type(LOG)(LOG.schema, **arrays, row=LOG.row, earlier=LOG.earlier, counts=LOG.counts)
    for in_memory_bytes in (0, 1 << 30):
        found = list(ShuffledBatches(mapped, 32, in_memory_bytes).epoch(0, 0))
        for batch in found:
            assert np.array_equal(batch.ids.numpy(), LOG.ids[batch.row.numpy()])


@pytest.mark.parametrize("batch_size", [1, 7, 300, 1000])
def test_ordered_batches_cover_the_log_in_order(batch_size: int) -> None:
    found = list(ordered_batches(LOG, batch_size))
    assert rows_of(found) == list(range(300))
    assert len(found) == -(-300 // batch_size)
    assert torch.equal(torch.cat([batch.ids for batch in found]), torch.from_numpy(LOG.ids))
