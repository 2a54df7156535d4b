"""Vectors of newcomers that warm up, batch by batch, by gradient steps on nothing but themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor

from clickwise.array_types import IntArray
from clickwise.data.loading import ordered_batches
from clickwise.data.log import ClickLog
from clickwise.data.tasks import raw_users
from clickwise.errors import InputError, nearest
from clickwise.losses import cross_entropy
from clickwise.methods.method import to_probability
from clickwise.methods.unseen import require_rows, require_schema

if TYPE_CHECKING:
    from clickwise.methods.meta_embedding import MetaEmbedding

STARTS = ("generator", "unknown", "random")
RANDOM_DEVIATION = 0.01
BATCH = 10_000


@dataclass(frozen=True, eq=False)
class AdaptedEmbeddings:
    """A ``MetaEmbedding`` with vectors of their own for some users or items.

    Whoever stands in rows that were adapted to has such a vector, known to the vocabulary or not. Of the others, those
    with an unknown id get the vector that theirs would start from, and the rest what the model has learned.

    Attributes:
        method: the method; it is not changed.
        steps, learning_rate, start, seed: as in ``MetaEmbedding.adapt``.
        places: raw value of each user, or id of each item: number of its vector.
        own: the vectors, ``[vectors, dim]``.
    """

    method: "MetaEmbedding"
    steps: int
    learning_rate: float
    start: str = "generator"
    seed: int = 0
    places: Mapping[object, int] = field(default_factory=dict)
    own: Tensor | None = None

    def __post_init__(self) -> None:
        if self.start not in STARTS:
            raise InputError(f"start {self.start!r} is unknown{nearest(self.start, STARTS)}")
        if self.steps < 0 or self.learning_rate < 0:
            raise InputError("steps and learning_rate must be at least 0")

    def update(self, log: ClickLog) -> "AdaptedEmbeddings":
        """These vectors after gradient steps on further labelled rows; whoever is new among them gets a vector first.

        Args:
            log: the rows; of no rows nothing follows.

        Raises:
            InputError: rows of another schema than the method's, without labels, or of unknown items.
        """
        if not len(log):
            return self
        require_rows(self.method, log, "adapting")
        code, names = self._bearers(log)
        present, first, member = np.unique(code, return_index=True, return_inverse=True)
        raw = [names[int(each)] for each in present]
        fresh = np.array([name not in self.places for name in raw])
        places = dict(self.places)
        places |= {raw[at]: len(places) + number for number, at in enumerate(np.flatnonzero(fresh))}
        with torch.no_grad():
            starts = self._starts(log, first[fresh], code)
            vectors = starts if self.own is None else torch.cat([self.own, starts])
        which = np.array([places[name] for name in raw], dtype=np.int64)[member]
        for _ in range(self.steps):
            vectors = vectors - self.learning_rate * self._gradient(log, vectors, which)
        return replace(self, places=places, own=vectors)

    def predict(self, log: ClickLog) -> npt.NDArray[np.float32]:
        """Probabilities ``[rows]`` or ``[rows, classes]`` of rows of anybody.

        Raises:
            InputError: rows of another schema than the method's.
        """
        require_schema(self.method, log)
        code, names = self._bearers(log, asked=True)
        present, member = np.unique(code, return_inverse=True)
        which = np.array([self.places.get(names[int(each)], -1) for each in present], dtype=np.int64)[member]
        vectors = self.method.vectors
        known = vectors.rows[:0] if self.own is None else self.own
        parts: list[npt.NDArray[np.float32]] = []
        with torch.no_grad():
            strangers = np.flatnonzero((which < 0) & (log.ids[:, vectors.column] == vectors.unknown))
            for start in range(0, len(log), BATCH):
                stop = min(start + BATCH, len(log))
                new = strangers[(strangers >= start) & (strangers < stop)]
                place = which[start:stop].copy()
                place[new - start] = len(known) + np.arange(len(new))
                table = torch.cat([known, self._starts(log, new, code)])
                batch = next(ordered_batches(log.take(slice(start, stop)), BATCH)).to(table.device)
                logits = vectors.logits(batch, table, torch.from_numpy(place).to(table.device))
                parts.append(to_probability(logits).cpu().numpy())
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)

    def _bearers(self, log: ClickLog, asked: bool = False) -> tuple[IntArray, pl.Series]:
        """Code of the bearer of each row's id, and the name of each code, by which logs share bearers.

        Unknown items have no names; where they are only asked about, all of them are one whom nothing is known of.
        """
        method = self.method
        if method.schema.user_field is not None and method.field == method.schema.user_field.name:
            return log.user, raw_users(log)
        ids = log.ids[:, method.vectors.column].astype(np.int64)
        if not asked and (ids < method.schema.first_value(method.schema[method.field].vocabulary)).any():
            raise InputError(
                f"field {method.field!r}: unknown ids cannot be told apart, so nothing can be adapted to them; give "
                "rows of ids that the vocabulary knows"
            )
        return ids, pl.Series(np.arange(method.schema.size))

    def _starts(self, log: ClickLog, rows: IntArray, code: IntArray) -> Tensor:
        """What the vectors of these rows' ids start from, ``[rows, dim]``; random ones follow from code and seed."""
        table = self.method.vectors.rows
        if self.start == "generator":
            parts = [self.method.generator(batch.to(table.device)) for batch in ordered_batches(log.take(rows), BATCH)]
            return torch.cat(parts) if parts else table[:0]
        if self.start == "unknown":
            return table[self.method.vectors.unknown].expand(len(rows), -1)
        # Drawn in order of code, so that a bearer's start is the same in every part of a log.
        drawn = np.random.default_rng(self.seed).normal(0, RANDOM_DEVIATION, (int(code.max()) + 1, table.shape[1]))
        return torch.from_numpy(drawn[code[rows]]).to(table)

    def _gradient(self, log: ClickLog, vectors: Tensor, which: IntArray) -> Tensor:
        """Gradient of the mean loss of each vector's rows in that vector, ``[vectors, dim]``."""
        vectors = vectors.detach().requires_grad_()
        share = 1.0 / np.bincount(which, minlength=len(vectors)).clip(1)
        total = torch.zeros_like(vectors)
        with torch.inference_mode(False), torch.enable_grad():
            for start in range(0, len(log), BATCH):
                batch = next(ordered_batches(log.take(slice(start, start + BATCH)), BATCH)).to(vectors.device)
                place = torch.from_numpy(which[start : start + BATCH]).to(vectors.device)
                logits = self.method.vectors.logits(batch, vectors, place)
                weight = torch.from_numpy(share[which[start : start + BATCH]]).to(vectors)
                loss = (cross_entropy(logits, batch.label) * weight).sum()
                total += torch.autograd.grad(loss, vectors)[0]
        return total
