"""Generated logs of the two shapes of the MetaSelector paper (section 5.1), of as few users as a benchmark needs."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.fields import zipf
from clickwise.data.log import ClickLog
from clickwise.schema import Field, Schema

SPECIAL_IDS = 2  # each vocabulary begins with its unknown and its missing id
SUPPORT_ROWS = (32, 128)
QUERY_ROWS = (16, 32)


@dataclass(frozen=True)
class Shape:
    """Fields of a log: values of each single one, and of item and tags that histories of five repeat."""

    singles: dict[str, int]
    items: int
    tags: int


SHAPES = {
    14_025: Shape({"user": 6_023, "gender": 2, "age": 7, "occupation": 21, "hour": 4, "weekday": 7}, 3_952, 18),
    319_687: Shape({"user": 192_387, "weekday": 7}, 63_001, 639),
}


def shape_schema(ids: int) -> Schema:
    """22 slots for 14,025 ids as in MovieLens, 18 for 319,687 as in Amazon; tables of exactly ``ids`` rows."""
    shape = SHAPES[ids]
    fields = [Field(name, owner="user" if name == "user" else "context") for name in shape.singles]
    fields += [
        Field("item", owner="item"),
        Field("tags", owner="item", kind="bag", length=5),
        Field("items_before", owner="history", kind="sequence", of="item", length=5),
        Field("tags_before", owner="history", kind="sequence", of="tags", length=5),
    ]
    sizes = {**shape.singles, **{f.name: shape.items if "item" in f.name else shape.tags for f in fields[-4:]}}
    schema = Schema(tuple(fields), user="user", time="time", item="item")
    return schema.fitted({name: size + SPECIAL_IDS for name, size in sizes.items()})


def user_logs(ids: int, users: int, seed: int = 0) -> tuple[ClickLog, ClickLog]:
    """Rows to adapt to and rows to be judged on: 32 to 128 and 16 to 32 of each user, values by a Zipf law."""
    generator, schema, shape = np.random.default_rng(seed), shape_schema(ids), SHAPES[ids]
    support = generator.integers(SUPPORT_ROWS[0], SUPPORT_ROWS[1] + 1, users)
    query = generator.integers(QUERY_ROWS[0], QUERY_ROWS[1] + 1, users)
    user = np.repeat(np.arange(users), support + query)
    rows = len(user)
    place = np.arange(rows) - np.repeat(np.cumsum(support + query) - support - query, support + query)
    values = {name: zipf(generator, size, rows) for name, size in shape.singles.items()}
    values["user"] = generator.permutation(shape.singles["user"])[:users][user].astype(np.int32)
    item = zipf(generator, shape.items, rows)
    tag_of = generator.integers(0, shape.tags, shape.items, dtype=np.int32)
    before = np.arange(rows)[:, None] - np.arange(1, 6)
    known = place[:, None] >= np.arange(1, 6)
    values |= {"item": item, "tags": (tag_of[item][:, None] + np.arange(5)).astype(np.int32) % np.int32(shape.tags)}
    values |= {"items_before": item[before], "tags_before": tag_of[item][before]}
    columns = []
    for f in schema.id_fields:
        column = values[f.name].reshape(rows, f.length) + schema.offsets[f.vocabulary] + SPECIAL_IDS
        columns.append(np.where(known, column, 0) if f.owner == "history" else column)
    encoded = np.concatenate(columns, axis=1).astype(np.int32)
    log = _as_log(schema, encoded, user, place, generator)
    fresh = place >= support[user]
    return log.take(np.flatnonzero(~fresh)), log.take(np.flatnonzero(fresh))


def _as_log(
    schema: Schema,
    ids: npt.NDArray[np.int32],
    user: npt.NDArray[np.int64],
    time: npt.NDArray[np.int64],
    generator: np.random.Generator,
) -> ClickLog:
    return ClickLog(
        schema=schema,
        ids=ids,
        numbers=np.zeros((len(ids), 0), dtype=np.float32),
        label=generator.integers(0, 2, len(ids), dtype=np.int32),
        user=user,
        time=time,
        row=np.arange(len(ids)),
        earlier=np.zeros(len(ids), dtype=np.int32),
        counts=np.bincount(ids.reshape(-1), minlength=schema.size),
    )
