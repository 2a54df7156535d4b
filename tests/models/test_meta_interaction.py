"""MetaInteraction against its formulas, session by session and item by item."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call
from torch.nn import functional

import clickwise as cw
from clickwise.configuration import build, describe
from clickwise.data.log import Batch
from clickwise.errors import InputError
from clickwise.methods.supervised import Supervised
from clickwise.metrics.pointwise import auc
from clickwise.models import DNN, MetaInteraction
from clickwise.models.gated import UserDependentGating
from clickwise.nn.activation_unit import behaviour_vectors, fields_beside, real_behaviours
from clickwise.nn.auxiliary import asked_for, auxiliary_losses
from clickwise.nn.next_behaviour import behaviour_ids, next_behaviour_loss
from clickwise.nn.recurrent import Steps
from clickwise.nn.tables import id_tables, touched_rows
from clickwise.prediction import predict
from clickwise.schema import Schema
from clickwise.training import fit, seeded
from tests.logs import first_batch
from tests.models.by_row import randomised, vectors_of_row
from tests.models.histories import behaviours_of_row, candidate_of_row, unit_of_row
from tests.models.sessions import (
    SCHEMA,
    SESSION,
    dice_mlp_of_row,
    label_of,
    lstm_states_of_user,
    one_row,
    sessions,
    without_labels,
)
from tests.models.synthetic_log import auc_after_training

ABLATIONS = [(True, True), (False, True), (True, False)]
every_ablation = pytest.mark.parametrize(("attention", "recurrent"), ABLATIONS)


def meta_interaction(
    attention: bool = True, recurrent: bool = True, schema: Schema = SCHEMA, **options: Any
) -> MetaInteraction:
    """In evaluation, with parameters and running means other than their initial ones."""
    with seeded(0):
        options = {"attention_hidden_dims": (6, 4), "hidden_dims": (5, 4), **options}
        model = MetaInteraction(schema, 3, attention, recurrent, **options).double()
        rows = sessions(200, seed=1)
        model(rows.with_ids(rows.ids[:, : schema.width]))
    labels, model.labels = model.labels, None  # what stands for the classes is fixed
    model = randomised(model)
    model.labels = labels
    return model


def told(model: MetaInteraction, batch: Batch, seed: int = 0) -> dict[str, tuple[float, Tensor]]:
    with seeded(seed), asked_for(auxiliary_losses(model)) as found:
        model(batch)
    return found


def states_of_row(model: MetaInteraction, batch: Batch, row: int) -> tuple[list[Tensor], list[Tensor]]:
    """A session's items, their labels beside them where the model reads those, and the states after them."""
    table = model.embedding.slots.table.weight
    items = behaviours_of_row(table, SESSION, batch, row)
    if model.read_labels:
        of_labels = table[batch.ids[row, SCHEMA.slots("session_labels")].long()]
        items = [torch.cat([item, label]) for item, label in zip(items, of_labels, strict=False)]
    return items, [] if model.recurrence is None else lstm_states_of_user(model.recurrence, items)


def logits_of_rows(model: MetaInteraction, batch: Batch) -> Tensor:
    logits = []
    beside = fields_beside(SCHEMA, [SESSION], model.embedding.fields)
    for row in range(len(batch)):
        fields = vectors_of_row(model.embedding, SCHEMA, batch, row)
        inputs = [fields[place] for place in beside]
        items, states = states_of_row(model, batch, row)
        query = candidate_of_row(model.embedding.slots.table.weight, SESSION, batch, row)
        state = torch.zeros_like(query)
        query = functional.pad(query, (0, model.label_dim))
        if model.unit is not None:
            weights = [unit_of_row(model.unit, query, item) for item in items]
            inputs.append(sum((w * item for w, item in zip(weights, items, strict=True)), torch.zeros_like(query)))
        if model.recurrence is not None:
            inputs.append(states[-1] if states else state)
        logits.append(dice_mlp_of_row(model.mlp.layers, torch.cat(inputs))[0])
    return torch.stack(logits)


@every_ablation
def test_logits(attention: bool, recurrent: bool) -> None:
    batch = sessions(30)
    for read_labels in (False, True):
        model = meta_interaction(attention, recurrent, read_labels=read_labels)
        torch.testing.assert_close(model(batch), logits_of_rows(model, batch))


def test_which_item_of_a_session_was_clicked_is_read_where_labels_are() -> None:
    """The mean over a session's labels, which the network has in either case, stays the same."""
    batch = sessions(60)
    length = batch.ids[:, SCHEMA.slots("session_items")].ne(0).sum(1)
    labels, ids = SCHEMA.slots("session_labels"), batch.ids.clone()
    for row, end in enumerate(length.tolist()):
        ids[row, labels.start : labels.start + end] = ids[row, labels.start : labels.start + end].flip(0)
    other = batch.with_ids(ids)
    shown, read = meta_interaction(), meta_interaction(read_labels=True)
    torch.testing.assert_close(shown(other), shown(batch))
    assert (read(other) - read(batch)).abs().max() > 1e-4


def test_labels_that_are_not_there_cannot_be_read() -> None:
    with pytest.raises(
        InputError, match="read_labels needs a history of labels of 5 slots and events 'all' beside 'se"
    ):
        meta_interaction(schema=without_labels()[0], read_labels=True)


@pytest.mark.parametrize("read_labels", [False, True])
@pytest.mark.parametrize("click_from", [1, 2])
def test_each_state_is_asked_whether_the_item_that_follows_is_clicked(click_from: int, read_labels: bool) -> None:
    schema = replace(
        SCHEMA, classes=3, click_from=click_from, vocabularies={**SCHEMA.vocabularies, "session_labels": 5}
    )
    model, batch, expected = meta_interaction(schema=schema, read_labels=read_labels), sessions(60), []
    for row in range(len(batch)):
        items, states = states_of_row(model, batch, row)
        for t in range(1, len(items)):
            p = torch.sigmoid(states[t - 1] @ items[t][: len(states[t - 1])])
            clicked = label_of(batch, row, t) >= click_from
            expected.append(-torch.log(p) if clicked else -torch.log(1 - p))
    torch.testing.assert_close(told(model, batch)["session"][1], torch.stack(expected).mean())


def test_without_labels_each_state_is_asked_which_item_follows() -> None:
    schema, columns = without_labels()
    model, batch = meta_interaction(schema=schema), sessions(60)
    batch = batch.with_ids(batch.ids[:, columns])
    steps = Steps.of(real_behaviours(model.session, batch.ids))
    items = behaviour_vectors(model.session, model.embedding.slots(batch), steps.row, steps.position)
    assert model.recurrence is not None
    states = torch.cat(model.recurrence(items, steps.sizes).states)
    with seeded(3):
        expected = next_behaviour_loss(states, items, behaviour_ids(model.session, batch.ids, steps), steps)
    torch.testing.assert_close(told(model, batch, seed=3)["session"][1], expected)


def test_squares_of_weights_of_attention_and_mlp() -> None:
    for model in (meta_interaction(), meta_interaction(attention=False)):
        kept = [p for name, p in model.named_parameters() if p.dim() == 2 and name.split(".")[0] in ("unit", "mlp")]
        expected = sum(functional.mse_loss(p, torch.zeros_like(p), reduction="sum") for p in kept) / 2
        weight, value = told(model, sessions(9))["l2"]
        assert weight == model.l2_weight
        torch.testing.assert_close(value, torch.as_tensor(expected))


@every_ablation
def test_an_ablation_has_no_such_parameters(attention: bool, recurrent: bool) -> None:
    model = meta_interaction(attention, recurrent)
    branches = {name.split(".")[0] for name in model.interaction_parameters()}
    assert branches == {name for name, there in (("unit", attention), ("recurrence", recurrent)) if there}
    others = {name.split(".")[0] for name, _ in model.named_parameters()} - branches
    assert others == {"embedding", "mlp"} | ({"labels"} if recurrent else set())
    assert set(told(model, sessions(9))) == {"l2"} | ({"session"} if recurrent else set())


def test_losses_that_weigh_nothing_are_not_there() -> None:
    model = meta_interaction(auxiliary_weight=0.0, l2_weight=0.0)
    assert auxiliary_losses(model) == [] and model.labels is None
    torch.testing.assert_close(model(sessions(30)), meta_interaction()(sessions(30)))


def longer(batch: Batch) -> tuple[Schema, Batch]:
    parts = [
        functional.pad(batch.ids[:, SCHEMA.slots(f.name)], (0, 3 if f.length > 1 else 0)) for f in SCHEMA.id_fields
    ]
    fields = tuple(replace(f, length=f.length + 3) if f.length > 1 else f for f in SCHEMA.fields)
    return replace(SCHEMA, fields=fields), batch.with_ids(torch.cat(parts, dim=1))


def test_slots_of_padding_change_nothing() -> None:
    model, batch = meta_interaction(), sessions(30)
    schema, wide = longer(batch)
    other = MetaInteraction(schema, 3, attention_hidden_dims=(6, 4), hidden_dims=(5, 4)).double().eval()
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(other(wide), model(batch))
    torch.testing.assert_close(told(other, wide)["session"], told(model, batch)["session"])


@every_ablation
def test_no_session_has_two_items(attention: bool, recurrent: bool) -> None:
    model = meta_interaction(attention, recurrent)
    for longest in (0, 1):
        batch = sessions(9, longest=longest)
        torch.testing.assert_close(model(batch), logits_of_rows(model, batch))
        with asked_for(auxiliary_losses(model)) as found:
            logits = model.train()(batch)
        (logits.sum() + sum(value for _, value in found.values())).backward()
        assert not recurrent or found["session"][1].item() == 0
        assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
        model.eval()


@pytest.mark.parametrize("row", [0, 1, 2])
def test_one_row(row: int) -> None:
    model, batch = meta_interaction(), sessions(3)
    torch.testing.assert_close(model(one_row(batch, row)), model(batch)[row : row + 1])
    assert model.train()(one_row(batch, row)).isfinite().all()


@every_ablation
def test_derivatives_of_both_orders_on_touched_rows(attention: bool, recurrent: bool) -> None:
    """Of the logits and of the further losses, by the vectors of ids and by what local training moves."""
    model, batch = meta_interaction(attention, recurrent), sessions(6, longest=3)
    tables = id_tables(model, SCHEMA.size)
    rows, local = touched_rows(batch.ids)
    small = {name: table.detach()[rows] for name, table in tables.items()}
    names = ["embedding.slots.table.weight", *model.interaction_parameters()]
    given = [small.get(name, model.get_parameter(name).detach()).clone().requires_grad_() for name in names]

    def outcome(*moved: Tensor) -> Tensor:
        with seeded(0), asked_for(auxiliary_losses(model)) as found:
            logits = functional_call(model, {**small, **dict(zip(names, moved, strict=True))}, (batch.with_ids(local),))
        return torch.cat([logits, *(value.unsqueeze(0) for _, value in found.values())])

    torch.testing.assert_close(outcome(*given)[: len(batch)], model(batch))
    if recurrent:
        torch.testing.assert_close(outcome(*given)[len(batch)], told(model, batch)["session"][1])
    assert gradcheck(outcome, given, fast_mode=True)
    assert gradgradcheck(outcome, given, fast_mode=True)


@every_ablation
def test_copied_or_described_and_built_again(attention: bool, recurrent: bool) -> None:
    model, batch = meta_interaction(attention, recurrent, l2_weight=0.5), sessions(30)
    built = build(describe(model), SCHEMA).double().eval()
    built.load_state_dict(model.state_dict())
    assert describe(built) == describe(model)
    assert torch.equal(built(batch), model(batch))
    assert torch.equal(copy.deepcopy(model)(batch), model(batch))


def test_in_half_precision() -> None:
    model, batch = meta_interaction().float().train(), sessions(30, doubles=False)
    with torch.autocast("cpu", torch.bfloat16), asked_for(auxiliary_losses(model)) as found:
        logits = model(batch)
    assert logits.isfinite().all()
    (logits.float().sum() + sum(value for _, value in found.values())).backward()


def test_it_can_be_gated() -> None:
    gated = UserDependentGating(meta_interaction(), "lhuc").double().eval()
    torch.testing.assert_close(gated(sessions(30)), meta_interaction()(sessions(30)))


def test_logs_and_weights_that_cannot_be() -> None:
    schema = replace(SCHEMA, fields=tuple(f for f in SCHEMA.fields if f.kind != "sequence"))
    with pytest.raises(InputError, match="MetaInteraction needs a history of the kind 'sequence'"):
        MetaInteraction(schema)
    with pytest.raises(InputError, match="l2_weight must be at least 0"):
        MetaInteraction(SCHEMA, l2_weight=-1.0)


@pytest.mark.parametrize("row_sparse", [False, True])
def test_its_states_learn_to_tell_what_is_clicked(row_sparse: bool) -> None:
    """On rows that training does not see; knowing nothing costs the logarithm of two."""
    train, valid, _ = cw.load("synthetic", impressions=6000, users=200, items=80, session_length=8)
    with seeded(0):
        model = MetaInteraction(train.schema, 8, hidden_dims=(8,), initial_deviation=0.1, dropout=0.0)
    batch = first_batch(valid, 500)
    assert model.session.events == "all"
    before = told(model, batch)["session"][1].item()
    assert model.labels is not None
    labels = model.labels(batch.ids)
    method = Supervised(model, batch_size=200, learning_rate=0.01, row_sparse=row_sparse)
    fit(method, train, epochs=2, progress=False, device="cpu")
    assert torch.equal(model.labels(batch.ids), labels)
    assert abs(before - 0.693) < 0.01
    assert told(model, batch)["session"][1].item() < before - 0.02


@every_ablation
def test_it_learns(attention: bool, recurrent: bool) -> None:
    assert auc_after_training(MetaInteraction, attention=attention, recurrent=recurrent) > 0.58


def test_what_was_clicked_in_a_session_tells_where_interests_have_drifted_to() -> None:
    """On a log where nothing else makes a session worth reading."""
    log = cw.load(
        "synthetic", users=250, items=30, impressions=30_000, session_length=12, drift=8.0, personality=0.0,
        recency=0.0, heterogeneity=0.0, noise=0.0, click_rate=0.4,
    )  # fmt: skip
    found = {}
    for name, kind, options in (
        ("without sessions", DNN, {}),
        ("as published", MetaInteraction, {}),
        ("with labels", MetaInteraction, {"read_labels": True}),
    ):
        with seeded(0):
            model = kind(log.schema, embedding_dim=8, hidden_dims=(32,), **options)
        method = Supervised(model, learning_rate=0.01, batch_size=200)
        fit(method, log.train, log.valid, epochs=6, progress=False, device="cpu")
        found[name] = auc(log.test.label, predict(method, log.test))
    assert found["with labels"] > max(found["without sessions"], found["as published"]) + 0.008, found
