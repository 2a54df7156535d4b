"""Rows whose users have a session, clicked or not, with labels, and beside it a history of clicks."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from clickwise.data.log import Batch
from clickwise.nn.behaviours import Behaviours, behaviours
from clickwise.nn.dice import Dice
from clickwise.schema import Field, Schema
from tests.models.by_row import mlp_of_row

SCHEMA = Schema(
    (
        Field("user", owner="user"),
        Field("clicked", owner="history", kind="sequence", of="item", vocabulary="item", length=5),
        Field("session_items", owner="history", kind="sequence", of="item", vocabulary="item", length=5, events="all"),
        Field("item", owner="item"),
        Field("shop", owner="item"),
        Field("session_labels", owner="history", kind="sequence", of="label", length=5, events="all"),
        Field("session_shops", owner="history", kind="sequence", of="shop", vocabulary="shop", length=5, events="all"),
        Field("tags", owner="item", kind="bag", length=2),
        Field("age", owner="user", kind="number"),
    ),
    user="user",
    item="item",
).fitted({"user": 12, "item": 22, "shop": 9, "session_labels": 4, "tags": 6})
SESSION: Behaviours = next(group for group in behaviours(SCHEMA) if group.events == "all")


def sessions(rows: int, seed: int = 0, longest: int = 5, doubles: bool = True) -> Batch:
    """Rows of ``SCHEMA``; every seventh has neither session nor clicks, and none is longer than ``longest``."""
    rng = np.random.default_rng(seed)
    length, clicks = rng.integers(0, longest + 1, rows), rng.integers(0, longest + 1, rows)
    length[::7], clicks[::7] = 0, 0
    filled = {f"session_{name}": length for name in ("items", "shops", "labels")} | {"clicked": clicks}
    parts = []
    for f in SCHEMA.id_fields:
        start, size = SCHEMA.offsets[f.vocabulary], SCHEMA.vocabularies[f.vocabulary]
        # A label is known, so its unknown and its missing id never occur.
        ids = rng.integers(start + (2 if f.name == "session_labels" else 0), start + size, (rows, f.length))
        lengths = filled.get(f.name, np.full(rows, f.length))
        parts.append(np.where(np.arange(f.length) < lengths[:, None], ids, 0))
    numbers = rng.normal(size=(rows, 2)).astype(np.float64 if doubles else np.float32)
    zeros = torch.zeros(rows, dtype=torch.int64)
    label = torch.from_numpy(rng.integers(0, 2, rows).astype(np.int32))
    ids = torch.from_numpy(np.concatenate(parts, axis=1).astype(np.int32))
    return Batch(ids, torch.from_numpy(numbers), label, zeros, zeros)


def without_labels() -> tuple[Schema, list[int]]:
    """The schema without the history of labels, and the columns of ``sessions`` that it has."""
    gone = SCHEMA.slots("session_labels")
    schema = replace(SCHEMA, fields=tuple(f for f in SCHEMA.fields if f.name != "session_labels"))
    return schema, [column for column in range(SCHEMA.width) if not gone.start <= column < gone.stop]


def one_row(batch: Batch, row: int) -> Batch:
    return batch.select(torch.tensor([row]))


def label_of(batch: Batch, row: int, position: int) -> int:
    """The class that the id in the history of labels stands for."""
    return int(batch.ids[row, SCHEMA.slots("session_labels").start + position]) - SCHEMA.offsets["session_labels"] - 2


def dice_of_row(dice: Dice, s: Tensor) -> Tensor:
    """In evaluation."""
    mean, variance = dice.norm.get_buffer("running_mean"), dice.norm.get_buffer("running_var")
    p = torch.sigmoid((s - mean) / (variance + 1e-8).sqrt())
    return p * s + (1 - p) * dice.alpha * s


def dice_mlp_of_row(layers: torch.nn.Sequential, hidden: Tensor) -> Tensor:
    for layer in layers:
        hidden = dice_of_row(layer, hidden) if isinstance(layer, Dice) else mlp_of_row([layer], hidden)
    return hidden


def lstm_states_of_user(layer: torch.nn.Module, inputs: list[Tensor]) -> list[Tensor]:
    """The equations of long short-term memory, gate by gate, for one user."""
    dim = layer.hidden_dim
    parts = (layer.of_input.weight.split(dim), layer.of_input.bias.split(dim), layer.of_state.weight.split(dim))
    maps = list(zip(*parts, strict=True))
    h, c, states = torch.zeros(dim).to(inputs[0]) if inputs else None, 0.0, []
    for x in inputs:
        i, f, o, g = (weight @ x + bias + of_state @ h for weight, bias, of_state in maps)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        states.append(h)
    return states
