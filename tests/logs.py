"""Small encoded logs in memory whose truth is planted, with every kind of field."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from clickwise.data.loading import ordered_batches
from clickwise.data.log import Batch, ClickLog
from clickwise.schema import Field, Schema

USERS, ITEMS, TAGS = 12, 10, 6
FIELDS = (
    Field("user", owner="user"),
    Field("item", owner="item"),
    Field("tags", owner="item", kind="bag", length=4, separator="|"),
    Field("clicked", owner="history", kind="sequence", of="item", vocabulary="item", length=3),
    Field("age", owner="user", kind="number"),
)
SIZES = {"user": 2 + USERS, "item": 2 + ITEMS, "tags": 2 + TAGS}


@dataclass(frozen=True)
class Parts:
    """The three parts of one log."""

    train: ClickLog
    valid: ClickLog
    test: ClickLog


def mixed_schema(classes: int = 2) -> Schema:
    """A category of user and item each, a bag, a history and a number."""
    return Schema(FIELDS, user="user", time="time", item="item", classes=classes).fitted(SIZES)


def make_logs(rows: int = 2400, seed: int = 0, classes: int = 2, truth: str = "additive") -> Parts:
    """Rows of ``mixed_schema``, three fifths of them for training.

    ``additive``: user, item, tags and number add up. ``pairwise``: a click depends on whether user and item are of the
    same group, and on neither alone.
    """
    schema, rng = mixed_schema(classes), np.random.default_rng(seed)
    user, item = rng.integers(0, USERS, rows), rng.integers(0, ITEMS, rows)
    tags = _some(rng, rows, TAGS, 4, at_least=1)
    clicked = _some(rng, rows, ITEMS, 3, at_least=0)
    age = rng.normal(size=rows).astype(np.float32)
    label = _labels(rng, user, item, tags, age, classes, truth)
    columns = (("user", user[:, None]), ("item", item[:, None]), ("tags", tags), ("clicked", clicked))
    ids = [np.where(v < 0, 0, v + schema.offsets[schema[name].vocabulary] + 2) for name, v in columns]
    log = ClickLog(
        schema=schema,
        ids=np.concatenate(ids, axis=1).astype(np.int32),
        numbers=np.stack([age, np.zeros_like(age)], axis=1),
        label=label,
        user=user,
        time=np.arange(rows),
        row=np.arange(rows) + 1000,
        earlier=np.zeros(rows, dtype=np.int32),
        counts=np.zeros(schema.size, dtype=np.int64),
    )
    train = slice(0, rows * 3 // 5)
    log = replace(log, counts=np.bincount(log.ids[train].ravel(), minlength=schema.size))
    return Parts(log.take(train), log.take(slice(rows * 3 // 5, rows * 4 // 5)), log.take(slice(rows * 4 // 5, rows)))


def _some(rng: np.random.Generator, rows: int, values: int, length: int, at_least: int) -> npt.NDArray[np.int64]:
    """Distinct values in random order, ``[rows, length]``; -1 after the last one."""
    drawn = rng.random((rows, values)).argsort(1)[:, :length]
    return np.where(np.arange(length) < rng.integers(at_least, length + 1, rows)[:, None], drawn, -1)


def _labels(
    rng: np.random.Generator,
    user: npt.NDArray[np.int64],
    item: npt.NDArray[np.int64],
    tags: npt.NDArray[np.int64],
    age: npt.NDArray[np.float32],
    classes: int,
    truth: str,
) -> npt.NDArray[np.int32]:
    if truth == "pairwise":
        score = np.where((user % 2) == (item % 2), 1.5, -1.5)
    else:
        of_user, of_item, of_tag = (np.linspace(-1.8, 1.8, count) for count in (USERS, ITEMS, TAGS))
        tag = np.where(tags >= 0, of_tag[tags], 0).sum(1) / (tags >= 0).sum(1)
        score = of_user[user] + of_item[item] + tag + 0.5 * age
    scores = np.linspace(-0.5, 0.5, classes) * score[:, None]
    return (scores + rng.gumbel(size=scores.shape)).argmax(1).astype(np.int32)


def first_batch(log: ClickLog, rows: int = 64) -> Batch:
    """The first rows of a log."""
    return next(ordered_batches(log, rows))


def with_unknown_ids(log: ClickLog) -> ClickLog:
    """The same rows with every user, item and tag never seen before."""
    ids = log.ids.copy()
    for f in log.schema.id_fields:
        slots = ids[:, log.schema.slots(f.name)]
        slots[slots > 0] = log.schema.offsets[f.vocabulary]
    return replace(log, ids=ids)


def with_shuffled_tags(log: ClickLog, seed: int = 0) -> ClickLog:
    """The same rows, the values of each bag in another order."""
    ids, slots = log.ids.copy(), log.schema.slots("tags")
    order = np.random.default_rng(seed).random(ids[:, slots].shape).argsort(1)
    ids[:, slots] = np.take_along_axis(ids[:, slots], order, axis=1)
    return replace(log, ids=ids)


def with_more_padding(log: ClickLog, slots: int = 2) -> ClickLog:
    """The same rows with ``slots`` further padding slots behind every bag and sequence."""
    fields = [replace(f, length=f.length + slots) if f.length > 1 else f for f in log.schema.fields]
    parts = []
    for f in log.schema.id_fields:
        part = log.ids[:, log.schema.slots(f.name)]
        parts.append(np.pad(part, ((0, 0), (0, slots if f.length > 1 else 0))))
    return replace(log, schema=replace(log.schema, fields=tuple(fields)), ids=np.concatenate(parts, axis=1))


def assert_same_bits(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    """Two state dicts are equal to the last bit."""
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), f"{name} differs"
