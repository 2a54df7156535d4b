"""Field vectors against loops."""

import pytest
import torch

from clickwise.nn.embedding import FieldEmbedding, SlotEmbedding
from clickwise.nn.mlp import MLP
from clickwise.schema import Field, Schema
from clickwise.training import seeded
from tests.logs import first_batch, make_logs

LOG = make_logs(90).train
BATCH = first_batch(LOG, 50)


def test_a_field_is_the_mean_over_its_values() -> None:
    embedding, schema = FieldEmbedding(LOG.schema, 3), LOG.schema
    table, vectors = embedding.slots.table.weight, embedding(BATCH)
    assert vectors.shape == (50, embedding.fields, 3)
    empty = 0
    for row in range(50):
        for index, f in enumerate(schema.id_fields):
            ids = [int(value) for value in BATCH.ids[row, schema.slots(f.name)] if value]
            empty += not ids
            expected = torch.stack([table[value] for value in ids]).mean(0) if ids else torch.zeros(3)
            torch.testing.assert_close(vectors[row, index], expected)
        for column in range(schema.number_width):
            expected = BATCH.numbers[row, column] * embedding.slots.numbers[column]
            torch.testing.assert_close(vectors[row, len(schema.id_fields) + column], expected)
    assert empty  # an empty history was among them


def test_a_schema_of_categories_alone() -> None:
    schema = Schema((Field("a"), Field("b"))).fitted({"a": 4, "b": 4})
    with seeded(0):
        fields = FieldEmbedding(schema, 3)
    ids = torch.tensor([[1, 7], [4, 5]], dtype=torch.int32)
    batch = first_batch(LOG, 2)
    batch = type(batch)(ids, torch.zeros(2, 0), batch.label, batch.user, batch.time)
    assert torch.equal(fields(batch), fields.slots.table.weight[ids])


@pytest.mark.parametrize("deviation", [0.0, 0.05])
def test_initial_vectors_have_the_deviation_asked_for(deviation: float) -> None:
    schema = Schema((Field("a"),)).fitted({"a": 5000})
    with seeded(0):
        table = SlotEmbedding(schema, 8, deviation).table.weight.detach()
    assert not table[0].any()
    assert float(table[1:].std()) == pytest.approx(deviation, rel=0.02)


def test_mlp_has_the_layers_asked_for() -> None:
    mlp = MLP(6, (5, 4), 2, dropout=0.1, batch_norm=True)
    assert mlp(torch.randn(50, 6, generator=torch.Generator().manual_seed(0)), BATCH).shape == (50, 2)
    names = [type(layer).__name__ for layer in mlp.layers]
    assert names == ["Linear", "BatchNorm", "ReLU", "Dropout"] * 2 + ["Linear"]
    assert [type(layer).__name__ for layer in MLP(6, (5,), 1).layers] == ["Linear", "ReLU", "Linear"]
