"""MIMN against its formulas, row by row, on a memory that is tested by itself."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call

from clickwise.configuration import build, describe
from clickwise.data.log import Batch
from clickwise.errors import InputError
from clickwise.models import MIMN
from clickwise.nn.activation_unit import fields_beside
from clickwise.nn.auxiliary import asked_for, auxiliary_losses
from clickwise.nn.tables import id_tables, touched_rows
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
from tests.models.sessions import one_row
from tests.models.synthetic_log import auc_after_training
from tests.nn.test_memory_unit import said, weights_of

with_and_without_channels = pytest.mark.parametrize("top_k", [0, 2])


def mimn(top_k: int = 2, **options: Any) -> MIMN:
    """In evaluation, with parameters and running means other than their initial ones."""
    with seeded(0):
        model = MIMN(SCHEMA, 3, 4, top_k, **{"attention_hidden_dims": (6, 4), "hidden_dims": (5, 4), **options})
        model.double()(histories(200, seed=1))
    return randomised(model)


def of_user(recall: Any, behaviours: list[Tensor], query: Tensor) -> tuple[list[Tensor], Tensor]:
    """What is read for a candidate, and how much each slot was used, from a memory of one row and one user."""
    rows = torch.zeros(min(len(behaviours), 1), dtype=torch.long)
    inputs = torch.stack(behaviours) if behaviours else query.new_zeros(0, len(query))
    memory = recall.memory(inputs, [1] * len(behaviours), rows, 1)
    key, *_, sharpness, _ = said(recall.memory, query, memory.read[0])
    found = [torch.stack(weights_of(list(memory.slots[0]), key, sharpness[0])) @ memory.slots[0]]
    if recall.attention is not None:
        scores = torch.stack([unit_of_row(recall.attention, query, channel) for channel in memory.channels[0]])
        found.append(scores.softmax(0) @ memory.channels[0])
    return found, memory.used[0]


def rows_of(model: MIMN, batch: Batch) -> tuple[Tensor, Tensor]:
    """Logits, and the loss on the use of slots."""
    table, logits = model.embedding.slots.table.weight, []
    beside = fields_beside(SCHEMA, model.groups, model.embedding.fields)
    uneven: list[Tensor] = []
    for row in range(len(batch)):
        fields = vectors_of_row(model.embedding, SCHEMA, batch, row)
        inputs = [fields[place] for place in beside]
        for group, recall in zip(model.groups, model.recalls, strict=True):
            mine, query = behaviours_of_row(table, group, batch, row), candidate_of_row(table, group, batch, row)
            found, used = of_user(recall, mine, query)
            inputs += found
            uneven.append(((used - used.sum() / len(used)) ** 2).sum())
        logits.append(mlp_of_row(model.mlp.layers, torch.cat(inputs))[0])
    return torch.stack(logits), torch.stack(uneven).mean()


def utilisation(model: MIMN, batch: Batch) -> Tensor:
    with asked_for(auxiliary_losses(model)) as told:
        model(batch)
    return told["memory_utilisation"][1]


@with_and_without_channels
def test_logits(top_k: int) -> None:
    model, batch = mimn(top_k), histories(30)
    for rows in (batch, without_histories(batch)):
        logits, uneven = rows_of(model, rows)
        torch.testing.assert_close(model(rows), logits)
        torch.testing.assert_close(utilisation(model, rows), uneven)


@with_and_without_channels
def test_slots_of_padding_change_nothing(top_k: int) -> None:
    model, batch = mimn(top_k), histories(30)
    schema, wide = longer(batch)
    other = MIMN(schema, 3, 4, top_k, attention_hidden_dims=(6, 4), hidden_dims=(5, 4)).double().eval()
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(other(wide), model(batch))


@pytest.mark.parametrize("row", [0, 1, 2])
def test_one_row(row: int) -> None:
    model, batch = mimn(), histories(3)
    torch.testing.assert_close(model(one_row(batch, row)), model(batch)[row : row + 1])
    assert model.train()(one_row(batch, row)).isfinite().all()


@with_and_without_channels
def test_derivatives_of_both_orders_on_touched_rows(top_k: int) -> None:
    """Of the logits and of the loss on the use of slots."""
    model, batch = mimn(top_k), histories(6, longest=3)
    name, table = next(iter(id_tables(model, SCHEMA.size).items()))
    rows, local = touched_rows(batch.ids)
    small = table.detach()[rows].requires_grad_()

    def outcome(values: Tensor) -> Tensor:
        with asked_for(auxiliary_losses(model)) as told:
            logits = functional_call(model, {name: values}, (batch.with_ids(local),))
        return torch.cat([logits, told["memory_utilisation"][1].unsqueeze(0)])

    torch.testing.assert_close(outcome(small)[:-1], model(batch))
    assert gradcheck(outcome, small, fast_mode=True)
    assert gradgradcheck(outcome, small, fast_mode=True)


def test_gradients_without_any_behaviours() -> None:
    model, batch = mimn().train(), without_histories(histories(9))
    with asked_for(auxiliary_losses(model)) as told:
        logits = model(batch)
    (logits.sum() + told["memory_utilisation"][1]).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@with_and_without_channels
def test_copied_or_described_and_built_again(top_k: int) -> None:
    model, batch = mimn(top_k, utilisation_weight=0.5), histories(30)
    built = build(describe(model), SCHEMA).double().eval()
    built.load_state_dict(model.state_dict())
    assert describe(built) == describe(model)
    assert torch.equal(built(batch), model(batch))
    assert torch.equal(copy.deepcopy(model)(batch), model(batch))


@with_and_without_channels
def test_in_half_precision(top_k: int) -> None:
    model, batch = mimn(top_k).float().train(), histories(30, doubles=False)
    with torch.autocast("cpu", torch.bfloat16), asked_for(auxiliary_losses(model)) as told:
        logits = model(batch)
    assert logits.isfinite().all()
    (logits.float().sum() + told["memory_utilisation"][1]).backward()


def test_ablations_have_no_such_parameters() -> None:
    names = {name for name, _ in mimn(0, utilisation_weight=0.0).named_parameters()}
    assert not any(part in name for name in names for part in ("transfer", "induction", "attention"))
    assert auxiliary_losses(mimn(utilisation_weight=0.0)) == []


def test_logs_and_options_that_cannot_be() -> None:
    schema = replace(SCHEMA, fields=tuple(f for f in SCHEMA.fields if f.kind != "sequence"))
    with pytest.raises(InputError, match="MIMN needs a history of the kind 'sequence'"):
        MIMN(schema)
    with pytest.raises(InputError, match="top_k at most their number, not 2 and 3"):
        MIMN(SCHEMA, slots=2, top_k=3)
    with pytest.raises(InputError, match="utilisation_weight must be at least 0"):
        MIMN(SCHEMA, utilisation_weight=-1.0)


def test_it_learns() -> None:
    assert auc_after_training(MIMN) > 0.58
