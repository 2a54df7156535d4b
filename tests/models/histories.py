"""Rows with two histories of unequal length: items with their shops, and purchases; some empty, some full."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clickwise.data.log import Batch
from clickwise.models import DIEN
from clickwise.nn.activation_unit import ActivationUnit
from clickwise.nn.auxiliary import asked_for, auxiliary_losses
from clickwise.nn.behaviours import Behaviours
from clickwise.nn.dice import Dice
from clickwise.nn.recurrent import GatedRecurrence
from clickwise.schema import Field, Schema
from clickwise.training import seeded
from tests.models.by_row import randomised

SCHEMA = Schema(
    (
        Field("user", owner="user"),
        Field("seen_items", owner="history", kind="sequence", of="item", vocabulary="item", length=5),
        Field("item", owner="item"),
        Field("shop", owner="item"),
        Field("bought", owner="history", kind="sequence", of="item", length=3),
        Field("seen_shops", owner="history", kind="sequence", of="shop", vocabulary="shop", length=5),
        Field("tags", owner="item", kind="bag", length=2),
        Field("age", owner="user", kind="number"),
    ),
    user="user",
    item="item",
).fitted({"user": 12, "item": 22, "shop": 9, "bought": 22, "tags": 6})


def histories(rows: int, seed: int = 0, longest: int = 5, doubles: bool = True) -> Batch:
    """Rows of ``SCHEMA``; every seventh has no history at all, and none is longer than ``longest``."""
    rng = np.random.default_rng(seed)
    seen, bought = (rng.integers(0, min(length, longest) + 1, rows) for length in (5, 3))
    seen[::7], bought[::7] = 0, 0
    filled = {"seen_items": seen, "seen_shops": seen, "bought": bought}
    parts = []
    for f in SCHEMA.id_fields:
        start, size = SCHEMA.offsets[f.vocabulary], SCHEMA.vocabularies[f.vocabulary]
        ids = rng.integers(start, start + size, (rows, f.length))
        lengths = filled.get(f.name, np.full(rows, f.length))
        parts.append(np.where(np.arange(f.length) < lengths[:, None], ids, 0))
    numbers = rng.normal(size=(rows, 2)).astype(np.float64 if doubles else np.float32)
    zeros = torch.zeros(rows, dtype=torch.int64)
    label = torch.from_numpy(rng.integers(0, 2, rows).astype(np.int32))
    ids = torch.from_numpy(np.concatenate(parts, axis=1).astype(np.int32))
    return Batch(ids, torch.from_numpy(numbers), label, zeros, zeros)


def behaviours_of_row(table: Tensor, group: Behaviours, batch: Batch, row: int) -> list[Tensor]:
    """A row's behaviours in order, the vectors of the group's sequences side by side."""
    found = []
    for position in range(group.length):
        ids = [int(batch.ids[row, slots.start + position]) for slots in group.slots]
        if any(ids):
            found.append(torch.cat([table[value] for value in ids]))
    return found


def candidate_of_row(table: Tensor, group: Behaviours, batch: Batch, row: int) -> Tensor:
    """What a row's behaviours are compared with."""
    return torch.cat([table[int(batch.ids[row, slot])] for slot in group.target_slots])


def unit_of_row(unit: ActivationUnit, query: Tensor, key: Tensor) -> Tensor:
    """The score of one behaviour in evaluation, its whole input laid out."""
    hidden = unit.first.weight @ torch.cat([query, key, query - key, query * key]) + unit.first.bias
    for layer in unit.rest:
        if isinstance(layer, Dice):
            running_mean, running_var = layer.norm.get_buffer("running_mean"), layer.norm.get_buffer("running_var")
            p = torch.sigmoid((hidden - running_mean) / (running_var + 1e-8).sqrt())
            hidden = p * hidden + (1 - p) * layer.alpha * hidden
        else:
            hidden = layer.weight @ hidden + (0.0 if layer.bias is None else layer.bias)
    return hidden[0]


def longer(batch: Batch, slots: int = 3) -> tuple[Schema, Batch]:
    """The same rows in fields with ``slots`` further slots of padding."""
    fields = [replace(f, length=f.length + slots) if f.length > 1 else f for f in SCHEMA.fields]
    parts = []
    for f in SCHEMA.id_fields:
        parts.append(functional.pad(batch.ids[:, SCHEMA.slots(f.name)], (0, slots if f.length > 1 else 0)))
    return replace(SCHEMA, fields=tuple(fields)), batch.with_ids(torch.cat(parts, dim=1))


def without_histories(batch: Batch) -> Batch:
    """The same rows of users who have done nothing yet."""
    ids = batch.ids.clone()
    for f in SCHEMA.id_fields:
        if f.kind == "sequence":
            ids[:, SCHEMA.slots(f.name)] = 0
    return batch.with_ids(ids)


def states_of_user(layer: GatedRecurrence, inputs: Sequence[Tensor], weights: Sequence[Tensor]) -> list[Tensor]:
    """The equations of a recurrent layer, gate by gate, for one user; a weight is the attention to an input."""
    dim = layer.hidden_dim
    parts = (layer.of_input.weight.split(dim), layer.of_input.bias.split(dim), layer.of_state.weight.split(dim))
    (reset, reset_bias, of_reset), *update, (candidate, bias, of_candidate) = zip(*parts, strict=True)
    h, states = torch.zeros(dim, dtype=bias.dtype), []
    for x, a in zip(inputs, weights, strict=True):
        r = torch.sigmoid(reset @ x + reset_bias + of_reset @ h)
        c = torch.tanh(candidate @ x + bias + r * (of_candidate @ h))
        u = torch.ones_like(c)
        for weight, update_bias, of_state in update:
            u = torch.sigmoid(weight @ x + update_bias + of_state @ h)
        u = u if layer.cell == "gru" else a * u
        h = (1 - u) * h + u * c
        states.append(h)
    return states


def dien(evolution: str = "augru", **options: float) -> DIEN:
    """In evaluation, with parameters other than their initial ones."""
    return randomised(DIEN(SCHEMA, 3, evolution, hidden_dims=(5, 4), **options)).double()


def auxiliary_loss(model: DIEN, batch: Batch, seed: int = 0) -> Tensor:
    with seeded(seed), asked_for(auxiliary_losses(model)) as told:
        model(batch)
    return told["next_behaviour"][1]
