"""Which rows a batch touches, and what becomes of rows that training did not touch."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from clickwise.models import FM
from clickwise.nn.tables import fill_untrained_rows, id_tables, sparse_gradient, touched_rows
from clickwise.schema import Field, Schema


@settings(deadline=None, derandomize=True)
@given(st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=1, max_size=8))
def test_touched_rows_lead_back_to_the_ids(ids: list[list[int]]) -> None:
    batch = torch.tensor(ids, dtype=torch.int32)
    rows, local = touched_rows(batch)
    assert rows.tolist() == sorted({0, *batch.flatten().tolist()})
    assert torch.equal(rows[local], batch)
    assert torch.equal(local == 0, batch == 0)


def test_a_small_table_of_touched_rows_equals_the_whole_one() -> None:
    table = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([[3, 0, 49], [3, 7, 0]])
    rows, local = touched_rows(ids)
    assert torch.equal(table.index_select(0, rows)[local], table[ids])


def test_sparse_gradient_is_coalesced_and_zero_elsewhere() -> None:
    rows, values = torch.tensor([0, 2, 5]), torch.arange(6.0).view(3, 2)
    gradient = sparse_gradient(torch.zeros(7, 2), rows, values)
    dense = torch.zeros(7, 2)
    dense[rows] = values
    assert gradient.is_coalesced()
    assert torch.equal(gradient.to_dense(), dense)


def test_id_tables_are_embeddings_of_that_size() -> None:
    class Other(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other, self.dense = nn.Embedding(9, 2), nn.Embedding(8, 2), nn.Linear(9, 9)

    model = Other()
    assert list(id_tables(model, 9)) == ["one.weight"]
    assert id_tables(model, 9)["one.weight"] is model.one.weight
    assert list(id_tables(nn.Embedding(9, 2), 9)) == ["weight"]


def test_rows_hardly_seen_become_the_mean_weighted_by_frequency() -> None:
    schema = Schema((Field("a"), Field("b"))).fitted({"a": 5, "b": 4})  # a: ids 1 to 5, b: 6 to 9
    counts = np.array([0, 3, 10, 6, 3, 1, 20, 0, 0, 0])
    model = FM(schema, embedding_dim=2)
    table = model.embedding.slots.table.weight
    with torch.no_grad():
        table.copy_(torch.arange(20.0).view(10, 2))
    before = table.detach().clone()
    fill_untrained_rows(model, schema, counts)
    mean = (6 * before[3] + 3 * before[4] + 1 * before[5]) / 10
    torch.testing.assert_close(table[1], mean)  # unknown, seen 3 times, is filled
    changed = [row for row in range(10) if not torch.equal(table[row], before[row])]
    # 2 (missing, seen 10 times) keeps what it learned; vocabulary b has no trained value to average.
    assert changed == [1]


def test_enough_is_an_argument() -> None:
    schema = Schema((Field("a"),)).fitted({"a": 4})
    model = FM(schema, embedding_dim=2)
    table = model.embedding.slots.table.weight
    before = table.detach().clone()
    fill_untrained_rows(model, schema, np.array([0, 3, 3, 1, 1]), enough=3)
    assert torch.equal(table, before)
