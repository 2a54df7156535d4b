"""Users whose taste follows from their profile, and a model that sees who they are but not their profile."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from torch import Tensor

from clickwise.data.log import Batch, ClickLog
from clickwise.models import Model
from clickwise.nn.embedding import FieldEmbedding
from clickwise.schema import Field, Schema

KNOWN, NEW, ITEMS, AGES, GENDERS = 200, 80, 12, 6, 2
ROWS = 40
SIZES = {"user": 2 + KNOWN, "age": 2 + AGES, "gender": 2 + GENDERS, "item": 2 + ITEMS}


class Dot(Model):
    """The product of the user's vector and the item's."""

    recipe: ClassVar[Mapping[str, Any]] = {"learning_rate": 0.02, "batch_size": 250}

    def __init__(self, schema: Schema, embedding_dim: int = 4, initial_deviation: float = 0.3) -> None:
        super().__init__(schema)
        self.embedding_dim = embedding_dim
        self.initial_deviation = initial_deviation
        self.embedding = FieldEmbedding(schema, embedding_dim, initial_deviation)

    def forward(self, batch: Batch) -> Tensor:
        vectors = self.embedding(batch)
        return (vectors[:, 0] * vectors[:, 3]).sum(1)


@dataclass(frozen=True)
class Planted:
    """Rows of known users, and of users whom the vocabulary does not know."""

    train: ClickLog
    valid: ClickLog
    new: ClickLog

    def batch_of_new(self, number: int, rows: int = 4) -> ClickLog:
        """The rows of each new user from ``number * rows`` on; all of the rest for the last of three."""
        rank = self.new.time
        last = number == 2
        return self.new.take(np.flatnonzero((rank >= number * rows) & (last | (rank < (number + 1) * rows))))


def planted(seed: int = 0, own: float = 0.5) -> Planted:
    """A user's taste is a vector that age and gender decide, and ``own`` times one that nothing tells."""
    rng = np.random.default_rng(seed)
    people = KNOWN + NEW
    age, gender = rng.integers(0, AGES, people), rng.integers(0, GENDERS, people)
    taste = rng.normal(size=(AGES, 2))[age] + rng.normal(size=(GENDERS, 2))[gender] + own * rng.normal(size=(people, 2))
    user, rank = np.repeat(np.arange(people), ROWS), np.tile(np.arange(ROWS), people)
    item = rng.integers(0, ITEMS, len(user))
    odds = (taste[user] * rng.normal(size=(ITEMS, 2))[item]).sum(1)
    label = (rng.random(len(user)) < 1 / (1 + np.exp(-odds))).astype(np.int32)
    fields = (Field("user", "user"), Field("age", "user"), Field("gender", "user"), Field("item", "item"))
    schema = Schema(fields, user="user", time="time", item="item").fitted(SIZES)
    values = np.stack([np.where(user < KNOWN, user, -2), age[user], gender[user], item], axis=1)
    ids = values + np.array([schema.offsets[f.name] + 2 for f in fields])
    log = _log(schema, ids, label, user, rank)
    known = user < KNOWN
    train, valid = np.flatnonzero(known & (rank < 34)), np.flatnonzero(known & (rank >= 34))
    log = replace(log, counts=np.bincount(log.ids[train].ravel(), minlength=schema.size))
    return Planted(log.take(train), log.take(valid), log.take(np.flatnonzero(~known)))


def _log(
    schema: Schema,
    ids: npt.NDArray[np.int64],
    label: npt.NDArray[np.int32],
    user: npt.NDArray[np.int64],
    time: npt.NDArray[np.int64],
) -> ClickLog:
    rows = len(label)
    return ClickLog(
        schema, ids.astype(np.int32), np.zeros((rows, 0), np.float32), label, user, time, np.arange(rows),
        np.zeros(rows, np.int32), np.zeros(schema.size, np.int64),
    )  # fmt: skip
