"""DIN against its formula, row by row and behaviour by behaviour."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call

from clickwise.configuration import build, describe
from clickwise.data.log import Batch
from clickwise.errors import InputError
from clickwise.models import DIN
from clickwise.nn.activation_unit import fields_beside
from clickwise.nn.tables import id_tables, touched_rows
from clickwise.schema import Field, Schema
from clickwise.training import seeded
from tests.models.by_row import mlp_of_row, randomised, vectors_of_row
from tests.models.histories import (
    SCHEMA,
    behaviours_of_row,
    candidate_of_row,
    histories,
    longer,
    unit_of_row,
    without_histories,
)
from tests.models.synthetic_log import auc_after_training

either_way = pytest.mark.parametrize("softmax", [False, True])


def din(softmax: bool = False, schema: Schema = SCHEMA) -> DIN:
    """In evaluation, with parameters and running means other than their initial ones."""
    with seeded(0):
        model = DIN(schema, 3, attention_hidden_dims=(6, 4), softmax=softmax, hidden_dims=(5, 4)).double()
    model(histories(200, seed=1))
    return randomised(model)


def logits_of_rows(model: DIN, batch: Batch) -> Tensor:
    table, logits = model.embedding.slots.table.weight, []
    beside = fields_beside(SCHEMA, model.groups, model.embedding.fields)
    for row in range(len(batch)):
        fields = vectors_of_row(model.embedding, SCHEMA, batch, row)
        inputs = [fields[place] for place in beside]
        for group, unit in zip(model.groups, model.units, strict=True):
            mine, query = behaviours_of_row(table, group, batch, row), candidate_of_row(table, group, batch, row)
            weights = [unit_of_row(unit, query, key) for key in mine]
            if model.softmax and mine:
                weights = list(torch.stack(weights).softmax(0))
            inputs.append(sum((w * key for w, key in zip(weights, mine, strict=True)), torch.zeros_like(query)))
        logits.append(mlp_of_row(model.mlp.layers, torch.cat(inputs))[0])
    return torch.stack(logits)


@either_way
def test_logits(softmax: bool) -> None:
    model, batch = din(softmax), histories(30)
    torch.testing.assert_close(model(batch), logits_of_rows(model, batch))


@either_way
def test_slots_of_padding_change_nothing(softmax: bool) -> None:
    """Histories as they are, in a log whose fields could hold more."""
    model, batch = din(softmax), histories(30)
    schema, wide = longer(batch)
    other = DIN(schema, 3, attention_hidden_dims=(6, 4), softmax=softmax, hidden_dims=(5, 4)).double().eval()
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(other(wide), model(batch))


def test_nothing_is_computed_for_padding() -> None:
    model, batch = din(), histories(30)
    seen: list[int] = []
    for unit in model.units:
        unit.register_forward_hook(lambda _, inputs, scores: seen.append(len(scores)))
    model(batch)
    assert seen == [int((batch.ids[:, group.slots[0]] > 0).sum()) for group in model.groups]


def test_rows_without_any_history() -> None:
    model, batch = din(), without_histories(histories(8))
    torch.testing.assert_close(model(batch), logits_of_rows(model, batch))
    model.train()
    before = {name: buffer.clone() for name, buffer in model.units.named_buffers()}
    model(batch).sum().backward()
    assert all(torch.equal(buffer, before[name]) for name, buffer in model.units.named_buffers())
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("row", [0, 1, 2])
def test_one_row(row: int) -> None:
    model, batch = din(), histories(3)
    alone = batch.select(torch.tensor([row]))
    torch.testing.assert_close(model(alone), model(batch)[row : row + 1])
    model.train()(alone).sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@either_way
def test_derivatives_of_both_orders_on_touched_rows(softmax: bool) -> None:
    model, batch = din(softmax), histories(4, longest=2)
    name, table = next(iter(id_tables(model, SCHEMA.size).items()))
    rows, local = touched_rows(batch.ids)
    small = table.detach()[rows].requires_grad_()

    def logits(values: Tensor) -> Tensor:
        found: Tensor = functional_call(model, {name: values}, (batch.with_ids(local),))
        return found

    torch.testing.assert_close(logits(small), model(batch))
    assert gradcheck(logits, small, fast_mode=True)
    assert gradgradcheck(logits, small, fast_mode=True)


@either_way
def test_copied_or_described_and_built_again(softmax: bool) -> None:
    model, batch = din(softmax), histories(30)
    built = build(describe(model), SCHEMA).double().eval()
    built.load_state_dict(model.state_dict())
    assert describe(built) == describe(model)
    assert torch.equal(built(batch), model(batch))
    assert torch.equal(copy.deepcopy(model)(batch), model(batch))


def test_in_half_precision() -> None:
    batch = histories(30, doubles=False)
    model = din().float()
    with torch.autocast("cpu", torch.bfloat16):
        half = model.train()(batch)
    assert half.isfinite().all()
    half.float().sum().backward()


def test_a_log_without_sequences() -> None:
    schema = replace(SCHEMA, fields=tuple(f for f in SCHEMA.fields if f.kind != "sequence"))
    with pytest.raises(InputError, match="DIN needs a history of the kind 'sequence'"):
        DIN(schema)
    alone = Schema((Field("item"), Field("said", kind="sequence", length=3))).fitted({"item": 4, "said": 4})
    with pytest.raises(InputError, match="DIN needs a history"):
        DIN(alone)


def test_it_learns() -> None:
    assert auc_after_training(DIN) > 0.58
