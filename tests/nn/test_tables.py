"""Which rows a batch touches, and what becomes of rows that training did not touch."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from clickwise.data.log import Batch
from clickwise.models import DNN, FM
from clickwise.models.gated import UserDependentGating
from clickwise.nn.generator import EmbeddingGenerator
from clickwise.nn.tables import (
    IdTable,
    fill_untrained_rows,
    given_table,
    id_table,
    id_tables,
    parameter_count,
    sparse_gradient,
    touched_rows,
)
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


def test_tables_that_take_no_gradients_stay_as_they_are() -> None:
    schema = Schema((Field("a"),)).fitted({"a": 5})
    weight, counts = torch.arange(12.0).view(6, 2), np.array([0, 0, 0, 5, 5, 5])
    frozen, learned = (given_table(weight.clone(), schema.size, learned) for learned in (False, True))
    fill_untrained_rows(nn.ModuleList([frozen, learned]), schema, counts)
    assert torch.equal(frozen.weight, weight)
    torch.testing.assert_close(learned.weight[1:3], weight[3:].mean(0).expand(2, 2))


USERS = Schema(
    (
        Field("user", "user"),
        Field("age", "user"),
        Field("city", "user"),
        Field("item", "item"),
        Field("tags", "item", "bag", length=2),
        Field("price", "item", "number"),
    ),
    user="user",
    item="item",
).fitted({"user": 9, "age": 4, "city": 3, "item": 12, "tags": 5})


def every_id(schema: Schema) -> Batch:
    """A batch in which each id stands in each slot of its vocabulary, as unknown and missing ones do too."""
    rows = max(schema.vocabularies.values())
    columns = [
        schema.offsets[f.vocabulary] + np.arange(rows) % schema.vocabularies[f.vocabulary]
        for f in schema.id_fields
        for _ in range(f.length)
    ]
    ids = torch.from_numpy(np.stack(columns, axis=1).astype(np.int32))
    ids[0, schema.slots("tags")] = 0
    empty = torch.zeros(rows, dtype=torch.int64)
    return Batch(ids, torch.zeros(rows, schema.number_width), empty.int(), empty, empty)


def parameters_met(model: nn.Module, batch: Batch) -> int:
    """Weights of a model, of each table those rows alone that a pass asks for; padding's row counts always."""
    met: dict[nn.Module, set[int]] = {}

    def note(module: nn.Module, asked: tuple[torch.Tensor, ...]) -> None:
        met.setdefault(module, {0}).update(asked[0].flatten().tolist())

    tables = [module for module in model.modules() if isinstance(module, nn.Embedding)]
    hooks = [table.register_forward_pre_hook(note) for table in tables]
    model.eval()(batch)
    for hook in hooks:
        hook.remove()
    dense = sum(p.numel() for p in model.parameters()) - sum(table.weight.numel() for table in tables)
    return dense + sum(len(rows) * table.embedding_dim for table, rows in met.items())


def test_parameters_are_counted_as_passes_over_all_ids_meet_them() -> None:
    batch = every_id(USERS)
    base, generator = DNN(USERS, 4, hidden_dims=(8,)), EmbeddingGenerator(USERS, "user", 4)
    gated = UserDependentGating(DNN(USERS, 4, hidden_dims=(8,)), gate_dim=3)
    for model in (base, generator, gated):
        assert parameter_count(model) == parameters_met(model, batch)
    assert parameter_count(base) == sum(p.numel() for p in base.parameters())
    users, everything = 1 + 9, USERS.size
    for model, beyond in ((gated, 3 * (everything - users)), (generator, 4 * (everything - (1 + 4 + 3)))):
        assert sum(p.numel() for p in model.parameters()) - parameter_count(model) == beyond


def test_a_table_that_two_modules_share_counts_once() -> None:
    table = id_table(USERS, 3, 0.01, [USERS["user"]])
    assert parameter_count(nn.ModuleList([nn.Sequential(table), nn.Sequential(table)])) == 3 * (1 + 9)
    assert parameter_count(nn.Embedding(USERS.size, 3)) == 3 * USERS.size


def test_an_id_table_starts_normal_with_padding_zero() -> None:
    schema = Schema((Field("a"),)).fitted({"a": 20_000})
    table = id_table(schema, 2, 0.5)
    assert isinstance(table, IdTable) and table.reached == schema.size
    assert not table.weight[0].any()
    assert abs(float(table.weight[1:].std().detach()) - 0.5) < 0.01
    assert not id_table(schema, 2, 0.0).weight.any()
