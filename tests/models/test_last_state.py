"""GRU4Rec and LSTM4Rec against their formulas, user by user and step by step; and DNN, which has no states."""

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
from clickwise.models import DNN, GRU4Rec, LSTM4Rec
from clickwise.models.last_state import LastState
from clickwise.nn.activation_unit import fields_beside
from clickwise.nn.long_short_term import LongShortTerm
from clickwise.nn.recurrent import GatedRecurrence
from clickwise.nn.tables import id_tables, touched_rows
from clickwise.training import seeded
from tests.models.by_row import mlp_of_row, randomised, vectors_of_row
from tests.models.histories import SCHEMA, behaviours_of_row, histories, longer, states_of_user, without_histories
from tests.models.sessions import lstm_states_of_user, one_row
from tests.models.synthetic_log import auc_after_training

either = pytest.mark.parametrize("kind", [GRU4Rec, LSTM4Rec])


def make(kind: type[LastState]) -> LastState:
    """In evaluation, with parameters other than their initial ones."""
    with seeded(0):
        return randomised(kind(SCHEMA, 3, state_dim=4, hidden_dims=(5, 4))).double()


def logits_of_rows(model: LastState, batch: Batch) -> Tensor:
    table, logits = model.embedding.slots.table.weight, []
    beside = fields_beside(SCHEMA, model.groups, model.embedding.fields)
    for row in range(len(batch)):
        fields = vectors_of_row(model.embedding, SCHEMA, batch, row)
        inputs = [fields[place] for place in beside]
        for group, layer in zip(model.groups, model.recurrences, strict=True):
            mine = behaviours_of_row(table, group, batch, row)
            if isinstance(layer, GatedRecurrence):
                states = states_of_user(layer, mine, mine)
            else:
                states = lstm_states_of_user(layer, mine)
            inputs.append(states[-1] if states else torch.zeros(4).to(table))
        logits.append(mlp_of_row(model.mlp.layers, torch.cat(inputs))[0])
    return torch.stack(logits)


@either
def test_logits(kind: type[LastState]) -> None:
    model, batch = make(kind), histories(30)
    for rows in (batch, without_histories(batch)):
        torch.testing.assert_close(model(rows), logits_of_rows(model, rows))


def test_layers() -> None:
    assert all(isinstance(layer, GatedRecurrence) and layer.cell == "gru" for layer in make(GRU4Rec).recurrences)
    assert all(isinstance(layer, LongShortTerm) for layer in make(LSTM4Rec).recurrences)


@either
def test_slots_of_padding_change_nothing(kind: type[LastState]) -> None:
    model, batch = make(kind), histories(30)
    schema, wide = longer(batch)
    other = kind(schema, 3, state_dim=4, hidden_dims=(5, 4)).double().eval()
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(other(wide), model(batch))


@either
@pytest.mark.parametrize("row", [0, 1, 2])
def test_one_row(kind: type[LastState], row: int) -> None:
    model, batch = make(kind), histories(3)
    torch.testing.assert_close(model(one_row(batch, row)), model(batch)[row : row + 1])


@either
def test_derivatives_of_both_orders_on_touched_rows(kind: type[LastState]) -> None:
    model, batch = make(kind), histories(6, longest=3)
    name, table = next(iter(id_tables(model, SCHEMA.size).items()))
    rows, local = touched_rows(batch.ids)
    small = table.detach()[rows].requires_grad_()

    def logits(values: Tensor) -> Tensor:
        found: Tensor = functional_call(model, {name: values}, (batch.with_ids(local),))
        return found

    torch.testing.assert_close(logits(small), model(batch))
    assert gradcheck(logits, small, fast_mode=True)
    assert gradgradcheck(logits, small, fast_mode=True)


@either
def test_copied_or_described_and_built_again(kind: type[LastState]) -> None:
    model, batch = make(kind), histories(30)
    built = build(describe(model), SCHEMA).double().eval()
    built.load_state_dict(model.state_dict())
    assert type(built) is kind and describe(built) == describe(model)
    assert torch.equal(built(batch), model(batch))
    assert torch.equal(copy.deepcopy(model)(batch), model(batch))


@either
def test_in_half_precision(kind: type[LastState]) -> None:
    model, batch = make(kind).float().train(), histories(30, doubles=False)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(batch)
    assert logits.isfinite().all()
    logits.float().sum().backward()


@either
def test_a_log_without_behaviours(kind: type[LastState]) -> None:
    schema = replace(SCHEMA, fields=tuple(f for f in SCHEMA.fields if f.kind != "sequence"))
    with pytest.raises(InputError, match=f"{kind.__name__} needs a history of the kind 'sequence'"):
        kind(schema)


def test_logits_of_the_network_without_states() -> None:
    with seeded(0):
        model = randomised(DNN(SCHEMA, 3, hidden_dims=(5, 4))).double()
    batch = histories(30)
    rows = [torch.cat(vectors_of_row(model.embedding, SCHEMA, batch, row)) for row in range(len(batch))]
    torch.testing.assert_close(model(batch), torch.stack([mlp_of_row(model.mlp.layers, row)[0] for row in rows]))


@pytest.mark.parametrize("kind", [DNN, GRU4Rec, LSTM4Rec])
def test_it_learns(kind: type[LastState]) -> None:
    assert auc_after_training(kind) > 0.58
