"""The end of every user's history, kept with a model so that histories of later rows need no other file."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.array_types import CodeArray, IntArray
from clickwise.data.columns import Values
from clickwise.data.history import Moments, earlier_range, last_of_each_user, select_events
from clickwise.data.rows import Rows
from clickwise.data.vocabulary import Vocabulary, globalise, match_type
from clickwise.schema import Field, Schema


def history_fields(schema: Schema, kind: str = "") -> tuple[Field, ...]:
    """Fields that are built from earlier rows: those of one kind of events, or all."""
    return tuple(spec for spec in schema.fields if spec.owner == "history" and kind in ("", spec.events))


def event_kinds(schema: Schema) -> tuple[str, ...]:
    """The kinds of events that histories of the schema collect from."""
    return tuple(dict.fromkeys(spec.events for spec in history_fields(schema)))


def collected_fields(schema: Schema, kind: str) -> tuple[str, ...]:
    """Names of what histories of one kind of events collect: fields, and the label where they collect that."""
    return tuple(dict.fromkeys(spec.of for spec in history_fields(schema, kind)))


def collects_labels(schema: Schema, kind: str) -> bool:
    """Whether histories of one kind of events collect labels."""
    return any(schema.collects_label(spec) for spec in history_fields(schema, kind))


def build_tail(schema: Schema, kind: str, rows: Rows, values: Mapping[str, Values]) -> pl.DataFrame:
    """Raw values of each user's last events, as many as the longest history holds, in order of user code and time.

    Args:
        schema: of the log.
        kind: of the events, as in ``Field.events``.
        rows: of the log.
        values: of everything that histories of these events collect, in the rows that are events.

    Returns:
        Columns ``user``, ``time`` and ``value:<field>``, a list where the field is a bag or a sequence.
    """
    assert rows.users is not None  # a schema with history fields names a user column
    events = rows.events(schema, kind)
    order = np.lexsort((rows.time[events], rows.user[events]))
    longest = max(spec.length for spec in history_fields(schema, kind))
    kept = order[last_of_each_user(rows.user[events][order], longest)]
    columns = {"user": rows.users.gather(rows.user[events[kept]]), "time": pl.Series(rows.time[events[kept]])}
    collected = {name: values[name].take(kept) for name in collected_fields(schema, kind)}
    return pl.DataFrame(columns | {f"value:{name}": _as_series(part) for name, part in collected.items()})


def histories(
    schema: Schema,
    vocabularies: Mapping[str, Vocabulary],
    tails: Mapping[str, pl.DataFrame],
    rows: Rows,
    values: Mapping[str, Values],
) -> tuple[dict[str, CodeArray], npt.NDArray[np.int32]]:
    """History blocks of new rows, from the tails and from the rows' own events, each strictly earlier.

    An event that stands both in a tail and in the rows (same user, time and values) counts once.

    Args:
        schema: fitted schema.
        vocabularies: by name.
        tails: what ``build_tail`` kept, by kind of events.
        rows: the new rows.
        values: of each collected field in all of them.

    Returns:
        ``int32 [rows, length]`` for each history field, and ``int32 [rows]`` the number of earlier rows of the same
        user that are known: those of this table and the events of a tail.
    """
    blocks: dict[str, CodeArray] = {}
    earlier = np.zeros(len(rows), dtype=np.int32)
    for kind in event_kinds(schema) or ("clicks",):  # without histories the rows themselves are counted
        found, known = _histories_of(kind, schema, vocabularies, tails.get(kind), rows, values)
        blocks |= found
        earlier = np.maximum(earlier, known)
    return blocks, earlier


def _histories_of(
    kind: str,
    schema: Schema,
    vocabularies: Mapping[str, Vocabulary],
    tail: pl.DataFrame | None,
    rows: Rows,
    values: Mapping[str, Values],
) -> tuple[dict[str, CodeArray], npt.NDArray[np.int32]]:
    """As ``histories``, for one kind of events."""
    events = rows.events(schema, kind)
    own = {name: values[name].take(events) for name in collected_fields(schema, kind) if name in values}
    if collects_labels(schema, kind):
        own[schema.label] = rows.labels(events)
    old_user, old_time, old = _old_events(tail, rows, events, own)
    moments = Moments.of(np.concatenate([rows.user, old_user]), np.concatenate([rows.time, old_time]))
    count = len(rows)
    key, first, old_key = moments.key[:count], moments.first[:count], moments.key[count:]
    event_key = np.concatenate([old_key, key[events]])
    order = np.argsort(event_key, kind="stable")
    start, end = earlier_range(event_key[order], key, first)
    blocks = {}
    for spec in history_fields(schema, kind):
        vocabulary, offset = vocabularies[spec.vocabulary], schema.offsets[spec.vocabulary]
        parts = [part[spec.of] for part in (old, own) if spec.of in part]
        flat = np.concatenate([vocabulary.encode(part.flat) for part in parts])
        lengths = None if parts[0].lengths is None else np.concatenate([part.lengths for part in parts])
        blocks[spec.name] = select_events(globalise(flat, offset), lengths, order, spec.length).block(start, end)
    low, high = earlier_range(np.sort(np.concatenate([key, old_key])), key, first)
    return blocks, (high - low).astype(np.int32)


def _old_events(
    tail: pl.DataFrame | None, rows: Rows, events: IntArray, own: Mapping[str, Values]
) -> tuple[IntArray, IntArray, dict[str, Values]]:
    """User code, time and values of the tail's events for the users of the rows, less those among the rows' events."""
    if tail is None or rows.users is None:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), {}
    users = pl.DataFrame({"user": match_type(rows.users, tail["user"].dtype), "code": np.arange(len(rows.users))})
    known = tail.join(users.filter(pl.col("user").is_not_null()), on="user", how="inner", maintain_order="left")
    of_tail = {name: _as_values(known[f"value:{name}"]) for name in own}
    signs = _signs(known["code"].to_numpy(), known["time"].to_numpy(), of_tail)
    again = _signs(rows.user[events], rows.time[events], own)
    fresh = signs.with_row_index("index").join(again, on=signs.columns, how="anti", nulls_equal=True)["index"].sort()
    kept = fresh.cast(pl.Int64).to_numpy()
    return (
        known["code"].to_numpy()[kept].astype(np.int64),
        known["time"].to_numpy()[kept].astype(np.int64),
        {name: of_tail[name].take(kept) for name in own},
    )


def _signs(user: IntArray, time: IntArray, values: Mapping[str, Values]) -> pl.DataFrame:
    columns: dict[str, pl.Series] = {"user": pl.Series(user, dtype=pl.Int64), "time": pl.Series(time, dtype=pl.Int64)}
    for name, part in values.items():
        series = _as_series(part)
        nested = isinstance(series.dtype, pl.List)
        columns[f"value:{name}"] = (
            series.list.eval(pl.element().cast(pl.String).fill_null("")).list.join("\x1f")
            if nested
            else series.cast(pl.String)
        )
    return pl.DataFrame(columns)


def _as_series(values: Values) -> pl.Series:
    """One value or list a row; an empty list becomes null."""
    if values.lengths is None:
        return values.flat
    row = np.repeat(np.arange(values.rows), values.lengths)
    lists = pl.DataFrame({"row": row, "value": values.flat}).group_by("row", maintain_order=True).agg("value")
    every = pl.DataFrame({"row": np.arange(values.rows)}).join(lists, on="row", how="left", maintain_order="left")
    return every["value"]


def _as_values(series: pl.Series) -> Values:
    if not isinstance(series.dtype, pl.List):
        return Values(series)
    flat = series.explode(empty_as_null=False, keep_nulls=False)
    return Values(flat, series.list.len().fill_null(0).cast(pl.Int64).to_numpy())
