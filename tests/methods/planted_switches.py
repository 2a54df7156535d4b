"""A log whose users each have a hidden switch that their earlier labels reveal, and a small network with a state."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from clickwise.data.log import Batch, ClickLog
from clickwise.models.model import Model
from clickwise.nn.auxiliary import AuxiliaryLoss
from clickwise.nn.embedding import SlotEmbedding
from clickwise.nn.long_short_term import LongShortTerm
from clickwise.nn.mlp import MLP
from clickwise.nn.recurrent import Steps
from clickwise.schema import Field, Schema
from tests.logs import Parts

USERS, ITEMS, STRENGTH = 40, 10, 2.5
FIELDS = (
    Field("user", owner="user"),
    Field("group", owner="user"),
    Field("item", owner="item"),
    Field("parity", owner="item"),
    Field("clicked", owner="history", kind="sequence", of="item", vocabulary="item", length=3),
)


class SmallSession(Model):
    """The vector of the item's parity and the last state of a layer of long short-term memory through an MLP."""

    recipe: ClassVar[Mapping[str, Any]] = {"learning_rate": 0.02, "batch_size": 100}

    def __init__(
        self, schema: Schema, hidden_dims: Sequence[int] = (8,), auxiliary_weight: float = 0.0, seed: int = 0
    ) -> None:
        super().__init__(schema)
        self.hidden_dims = tuple(hidden_dims)
        self.auxiliary_weight = auxiliary_weight
        self.seed = seed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.slots = SlotEmbedding(schema, 4, deviation=0.3)
            self.recurrence = LongShortTerm(4, 4)
            self.unit = nn.Linear(4, 8)
            self.mlp = MLP(12, hidden_dims, schema.outputs)
        self.auxiliary = AuxiliaryLoss("size", auxiliary_weight) if auxiliary_weight else None

    def interaction_parameters(self) -> list[str]:
        return [name for name, _ in self.named_parameters() if name.split(".")[0] in ("recurrence", "unit")]

    def forward(self, batch: Batch) -> Tensor:
        vectors, clicked = self.slots(batch), self.schema.slots("clicked")
        steps = Steps.of(batch.ids[:, clicked].ne(0))
        read = self.recurrence(vectors[:, clicked][steps.row, steps.position], steps.sizes)
        last = read.last.new_zeros(len(batch), 4).index_copy(0, steps.rows, read.last)
        item = vectors[:, self.schema.slots("parity").start]
        if self.auxiliary is not None and self.auxiliary.asked:
            self.auxiliary.tell(last.square().mean())
        # Eight units of the item that local steps can turn round, and the state.
        return self.shape_logits(self.mlp(torch.cat([self.unit(item).tanh(), last], 1), batch))


def switches(rows: int = 2000, seed: int = 0, strength: float = STRENGTH, visit: int | None = None) -> Parts:
    """Half the users like even items, half odd ones; the network reads no user, so that adapting alone can tell.

    With ``visit`` a user's switch is thrown anew after so many of the user's rows: interests that drift.
    """
    rng = np.random.default_rng(seed)
    schema = Schema(FIELDS, user="user", time="time", item="item").fitted(
        {"user": 2 + USERS, "group": 4, "item": 2 + ITEMS, "parity": 4}
    )
    user, item = rng.integers(0, USERS, rows), rng.integers(0, ITEMS, rows)
    kind = rng.permutation(np.arange(USERS) % 2)
    thrown = np.zeros(rows, dtype=np.int64)
    if visit is not None:
        order = np.argsort(user, kind="stable")
        rank = np.empty(rows, dtype=np.int64)
        rank[order] = np.arange(rows) - np.searchsorted(user[order], user[order])
        thrown = np.random.default_rng(seed + 1).integers(0, 2, (USERS, rows))[user, rank // visit]
    odds = strength * np.where((kind[user] + thrown) % 2 == item % 2, 1, -1)
    label = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int32)
    clicked = np.where(rng.random((rows, 3)) < 0.8, rng.integers(0, ITEMS, (rows, 3)), -1)
    clicked = -np.sort(-clicked, axis=1)
    columns = (
        ("user", user[:, None]), ("group", user[:, None] % 2), ("item", item[:, None]), ("parity", item[:, None] % 2),
        ("clicked", clicked),
    )  # fmt: skip
    ids = [np.where(v < 0, 0, v + schema.offsets[schema[name].vocabulary] + 2) for name, v in columns]
    log = ClickLog(
        schema=schema,
        ids=np.concatenate(ids, axis=1).astype(np.int32),
        numbers=np.zeros((rows, 0), dtype=np.float32),
        label=label,
        user=user,
        time=np.arange(rows) // 2,
        row=np.arange(rows),
        earlier=np.zeros(rows, dtype=np.int32),
        counts=np.zeros(schema.size, dtype=np.int64),
    )
    log = replace(log, counts=np.bincount(log.ids.ravel(), minlength=schema.size))
    cuts = (0, rows // 2, rows * 3 // 4, rows)
    first, second, third = (log.take(slice(cuts[at], cuts[at + 1])) for at in range(3))
    return Parts(first, second, third)
