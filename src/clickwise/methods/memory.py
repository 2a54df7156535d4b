"""The labelled rows of known users that a personal method adapts to."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clickwise.array_types import CodeArray, IntArray
from clickwise.data.log import Batch, ClickLog
from clickwise.schema import Field, Schema


class Memory(nn.Module):
    """Support rows by user id. Part of the state of a method, so that a model folder predicts as the method did.

    Users that the vocabulary does not know share one id and so are not remembered; ``adapt`` serves them.

    Args:
        schema: fitted schema.
        field: the category field by which users are told apart, whatever log a row comes from.
        size: rows kept of a user at most: those remembered last.
        shuffled: give a user the rows of another one, half the list of users away.
    """

    key: Tensor
    ids: Tensor
    numbers: Tensor
    label: Tensor
    time: Tensor

    def __init__(self, schema: Schema, field: Field, size: int, shuffled: bool = False) -> None:
        super().__init__()
        self.column = schema.slots(field.name).start
        self.size = size
        self.shuffled = shuffled
        self._users: CodeArray | None = None  # the distinct users, once a stranger is asked for
        self.known_from = schema.first_value(field.vocabulary)
        self.register_buffer("key", torch.zeros(0, dtype=torch.int32))
        self.register_buffer("ids", torch.zeros(0, schema.width, dtype=torch.int32))
        self.register_buffer("numbers", torch.zeros(0, schema.number_width))
        self.register_buffer("label", torch.zeros(0, dtype=torch.int32))
        self.register_buffer("time", torch.zeros(0, dtype=torch.int64))

    def __len__(self) -> int:
        return len(self.key)

    def clear(self) -> None:
        """Forget all rows."""
        for name, buffer in self.named_buffers():
            setattr(self, name, buffer[:0])
        self._users = None

    def add(self, log: ClickLog) -> None:
        """Remember the rows of a log; they count as later than those remembered before."""
        log.require_labels("adapting")
        rows = np.flatnonzero(log.ids[:, self.column] >= self.known_from)
        rows = rows[np.lexsort((log.time[rows], log.ids[rows, self.column]))]
        rows = rows[_last_of_each(torch.from_numpy(log.ids[rows, self.column]), self.size).numpy()]
        fresh = {
            "key": log.ids[rows, self.column],
            "ids": log.ids[rows],
            "numbers": log.numbers[rows],
            "label": log.label[rows],
            "time": log.time[rows],
        }
        joined = {
            name: torch.cat([buffer, torch.from_numpy(np.ascontiguousarray(fresh[name])).to(buffer)])
            for name, buffer in self.named_buffers()
        }
        kept = _last_of_each(joined["key"], self.size)
        for name, values in joined.items():
            setattr(self, name, values.index_select(0, kept))
        self._users = None

    def rows(self, places: Tensor) -> Batch:
        """The remembered rows at these places."""
        with torch.inference_mode(False):  # what adapts to them differentiates what it computes from them
            return Batch(self.ids, self.numbers, self.label, self.key.long(), self.time).select(places)

    def latest(self, count: int) -> Batch | None:
        """The latest remembered rows of anybody; None where nothing is remembered."""
        return self.rows(torch.argsort(self.time, stable=True)[-count:]) if len(self) else None

    def of(self, user: int) -> Batch | None:
        """The remembered rows of a user id, as views; None where there are none."""
        start, stop = bounds(self._keys(), self._donor(user))
        if start == stop:
            return None
        part = slice(start, stop)
        return Batch(self.ids[part], self.numbers[part], self.label[part], self.key[part].long(), self.time[part])

    def sizes(self, log: ClickLog) -> IntArray:
        """How many rows are remembered of the user of each row of a log, ``[rows]``."""
        keys, users = self._keys(), log.ids[:, self.column]
        found: IntArray = np.searchsorted(keys, users, side="right") - np.searchsorted(keys, users)
        return found

    def _donor(self, user: int) -> int:
        """The user whose rows are support of ``user``."""
        if not self.shuffled:
            return user
        if self._users is None:
            self._users = np.unique(self._keys())
        return stranger(self._users, user)

    def _keys(self) -> np.ndarray:
        return self.key.numpy() if self.key.device.type == "cpu" else self.key.cpu().numpy()

    def _load_from_state_dict(self, state: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Take over however many rows were saved."""
        for name, buffer in self.named_buffers():
            if prefix + name in state:
                setattr(self, name, buffer.new_empty(state[prefix + name].shape))
        self._users = None
        super()._load_from_state_dict(state, prefix, *rest)


def by_key(key: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Every distinct value of ``key [rows]`` with the places where it stands."""
    order = torch.argsort(key, stable=True)
    values, counts = torch.unique_consecutive(key[order], return_counts=True)
    yield from zip(values.tolist(), order.split(counts.tolist()), strict=True)


def bounds(keys: np.ndarray, key: int) -> tuple[int, int]:
    """Where the entries of a key begin and end in sorted keys."""
    # Of the keys' own type, for which numpy need not convert all of them.
    start, stop = np.searchsorted(keys, np.array([key, key + 1], dtype=keys.dtype))
    return int(start), int(stop)


def stranger(users: CodeArray, user: int) -> int:
    """The user half the sorted list of users away; the user itself where it is not in the list."""
    place = int(np.searchsorted(users, user))
    known = place < len(users) and users[place] == user
    return int(users[(place + len(users) // 2) % len(users)]) if known else user


def _last_of_each(key: Tensor, size: int) -> Tensor:
    """Places of the last ``size`` entries of each key, sorted by key and otherwise in order."""
    order = torch.argsort(key, stable=True)
    counts = torch.unique_consecutive(key[order], return_counts=True)[1]
    ends = counts.cumsum(0).repeat_interleave(counts)
    return order[ends - torch.arange(len(order), device=key.device) <= size]
