"""The generator against its formula, written as a loop."""

from dataclasses import replace

import pytest
import torch

from clickwise.errors import InputError
from clickwise.nn.generator import EmbeddingGenerator, profile_fields
from clickwise.schema import Field, Schema
from clickwise.training import seeded
from tests.logs import first_batch, make_logs

LOG = make_logs(90).train
BATCH = first_batch(LOG, 20)


def generator(field: str) -> EmbeddingGenerator:
    with seeded(0):
        return EmbeddingGenerator(LOG.schema, field, 3, initial_deviation=0.5)


def test_of_a_user_it_reads_the_number_age() -> None:
    made = generator("user")
    with torch.no_grad():
        made.bias.fill_(0.1)
        found = made(BATCH)
    for row in range(len(BATCH)):
        value, missing = BATCH.numbers[row]
        expected = torch.tanh(made.bias + value * made.numbers[0] + missing * made.numbers[1])
        torch.testing.assert_close(found[row], expected)


def test_of_an_item_it_reads_the_mean_of_its_tags() -> None:
    made = generator("item")
    found, slots = made(BATCH), LOG.schema.slots("tags")
    assert not len(made.numbers)
    lengths = set()
    for row in range(len(BATCH)):
        values = [int(value) for value in BATCH.ids[row, slots] if value]
        lengths.add(len(values))
        torch.testing.assert_close(found[row], torch.tanh(made.table.weight[values].mean(0) + made.bias))
    assert len(lengths) > 1


@pytest.mark.parametrize("field", ["user", "item"])
def test_nothing_but_the_profile_is_read(field: str) -> None:
    made, schema = generator(field), LOG.schema
    owned = {f.name for f in profile_fields(schema, field)}
    assert owned == {"user": {"age"}, "item": {"tags"}}[field]
    ids = BATCH.ids.clone()
    for f in schema.id_fields:
        if f.name not in owned:
            ids[:, schema.slots(f.name)] = schema.offsets[f.vocabulary]
    numbers = BATCH.numbers if field == "user" else BATCH.numbers + 1
    assert torch.equal(made(replace(BATCH, ids=ids, numbers=numbers)), made(BATCH))


def test_it_starts_from_a_vector() -> None:
    with seeded(0):
        made = EmbeddingGenerator(LOG.schema, "item", 3, initial_deviation=1e-4)
    made.start_from(torch.tensor([0.3, -0.7, 5.0]))
    torch.testing.assert_close(made(BATCH), torch.tensor([0.3, -0.7, 0.99]).expand(20, 3), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("user", "no other field with owner 'user'"),
        ("tags", "ids of users or items"),
        ("hour", "ids of users or items"),
        ("itm", "did you mean 'item'"),
    ],
)
def test_what_has_no_profile_is_refused(field: str, said: str) -> None:
    fields = (Field("user", "user"), Field("item", "item"), Field("tags", "item", "bag", length=2), Field("hour"))
    schema = Schema(fields, user="user").fitted({"user": 5, "item": 5, "tags": 4, "hour": 3})
    with pytest.raises(InputError, match=said):
        EmbeddingGenerator(schema, field, 3)
