"""DIEN against its formulas, user by user and step by step."""

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
from clickwise.models import DIEN
from clickwise.models.dien import EVOLUTIONS
from clickwise.nn.activation_unit import fields_beside
from clickwise.nn.auxiliary import asked_for, auxiliary_losses
from clickwise.nn.tables import id_tables, touched_rows
from clickwise.training import seeded
from tests.models.by_row import mlp_of_row, vectors_of_row
from tests.models.histories import (
    SCHEMA,
    auxiliary_loss,
    behaviours_of_row,
    candidate_of_row,
    dien,
    histories,
    longer,
    states_of_user,
    without_histories,
)
from tests.models.synthetic_log import auc_after_training

every_evolution = pytest.mark.parametrize("evolution", EVOLUTIONS)


def logits_of_rows(model: DIEN, batch: Batch) -> Tensor:
    table, logits = model.embedding.slots.table.weight, []
    beside = fields_beside(SCHEMA, model.groups, model.embedding.fields)
    for row in range(len(batch)):
        fields = vectors_of_row(model.embedding, SCHEMA, batch, row)
        inputs = [fields[place] for place in beside]
        for group, interest in zip(model.groups, model.interests, strict=True):
            mine, query = behaviours_of_row(table, group, batch, row), candidate_of_row(table, group, batch, row)
            states = states_of_user(interest.extractor, mine, mine)
            last = torch.zeros_like(query)
            if mine:
                weights = list(torch.stack([h @ interest.attention.weight @ query for h in states]).softmax(0))
                if model.evolution == "aigru":
                    states = [weight * h for weight, h in zip(weights, states, strict=True)]
                last = states_of_user(interest.evolution, states, weights)[-1]
            inputs.append(last)
        logits.append(mlp_of_row(model.mlp.layers, torch.cat(inputs))[0])
    return torch.stack(logits)


@every_evolution
def test_logits(evolution: str) -> None:
    model, batch = dien(evolution), histories(30)
    torch.testing.assert_close(model(batch), logits_of_rows(model, batch))


@every_evolution
def test_slots_of_padding_change_nothing(evolution: str) -> None:
    """Histories as they are, in a log whose fields could hold more; not in the auxiliary loss either."""
    model, batch = dien(evolution), histories(30)
    schema, wide = longer(batch)
    other = DIEN(schema, 3, evolution, hidden_dims=(5, 4)).double().eval()
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(other(wide), model(batch))
    torch.testing.assert_close(auxiliary_loss(other, wide), auxiliary_loss(model, batch))


def test_nothing_is_computed_for_padding() -> None:
    model, batch = dien(), histories(30)
    seen: list[int] = []
    for interest in model.interests:
        interest.extractor.register_forward_hook(lambda _, inputs, found: seen.append(sum(map(len, found.states))))
    model(batch)
    assert seen == [int((batch.ids[:, group.slots[0]] > 0).sum()) for group in model.groups]


def test_no_user_has_two_behaviours() -> None:
    model = dien()
    for batch in (histories(9, longest=1), without_histories(histories(9))):
        assert auxiliary_loss(model, batch).item() == 0
        torch.testing.assert_close(model(batch), logits_of_rows(model, batch))
        with asked_for(auxiliary_losses(model)) as told:
            logits = model.train()(batch)
        (logits.sum() + told["next_behaviour"][1]).backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
        model.eval()


@every_evolution
@pytest.mark.parametrize("row", [0, 1, 2])
def test_one_row(evolution: str, row: int) -> None:
    model, batch = dien(evolution), histories(3)
    alone = batch.select(torch.tensor([row]))
    torch.testing.assert_close(model(alone), model(batch)[row : row + 1])


@every_evolution
def test_derivatives_of_both_orders_on_touched_rows(evolution: str) -> None:
    """Of the logits and of the auxiliary loss."""
    model, batch = dien(evolution), histories(4, longest=3)
    name, table = next(iter(id_tables(model, SCHEMA.size).items()))
    rows, local = touched_rows(batch.ids)
    small = table.detach()[rows].requires_grad_()

    def outcome(values: Tensor) -> Tensor:
        with seeded(0), asked_for(auxiliary_losses(model)) as told:
            logits = functional_call(model, {name: values}, (batch.with_ids(local),))
        return torch.cat([logits, told["next_behaviour"][1].unsqueeze(0)])

    torch.testing.assert_close(outcome(small)[:-1], model(batch))
    torch.testing.assert_close(outcome(small)[-1], auxiliary_loss(model, batch))
    assert gradcheck(outcome, small, fast_mode=True)
    assert gradgradcheck(outcome, small, fast_mode=True)


@every_evolution
def test_copied_or_described_and_built_again(evolution: str) -> None:
    model, batch = dien(evolution, auxiliary_weight=0.5), histories(30)
    built = build(describe(model), SCHEMA).double().eval()
    built.load_state_dict(model.state_dict())
    assert describe(built) == describe(model)
    assert torch.equal(built(batch), model(batch))
    assert torch.equal(copy.deepcopy(model)(batch), model(batch))


@every_evolution
def test_in_half_precision(evolution: str) -> None:
    model, batch = dien(evolution).float().train(), histories(30, doubles=False)
    with torch.autocast("cpu", torch.bfloat16), asked_for(auxiliary_losses(model)) as told:
        logits = model(batch)
    assert logits.isfinite().all()
    (logits.float().sum() + told["next_behaviour"][1]).backward()


def test_logs_and_evolutions_that_cannot_be() -> None:
    with pytest.raises(InputError, match="evolution 'augur' is unknown; did you mean 'augru'"):
        DIEN(SCHEMA, evolution="augur")
    schema = replace(SCHEMA, fields=tuple(f for f in SCHEMA.fields if f.kind != "sequence"))
    with pytest.raises(InputError, match="DIEN needs a history of the kind 'sequence'"):
        DIEN(schema)


@every_evolution
def test_it_learns(evolution: str) -> None:
    assert auc_after_training(DIEN, evolution=evolution) > 0.58
