"""The end of every user's history, kept with a model so that histories of later rows need no other file."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.data.columns import Values
from clickwise.data.history import Moments, earlier_range, last_of_each_user, select_events
from clickwise.data.rows import Rows
from clickwise.data.vocabulary import Codes, Vocabulary, globalise, match_type
from clickwise.schema import Field, Schema

IntArray = npt.NDArray[np.int64]


def history_fields(schema: Schema) -> tuple[Field, ...]:
    """Fields that are built from earlier clicks."""
    return tuple(spec for spec in schema.fields if spec.owner == "history")


def collected_fields(schema: Schema) -> tuple[str, ...]:
    """Names of the fields whose values histories collect."""
    return tuple(dict.fromkeys(spec.of for spec in history_fields(schema)))


def build_tail(schema: Schema, rows: Rows, values: Mapping[str, Values]) -> pl.DataFrame:
    """Raw values of each user's last clicks, as many as the longest history holds, in order of user code and time.

    Args:
        schema: of the log.
        rows: of the log.
        values: for each collected field its values in the clicked rows.

    Returns:
        Columns ``user``, ``time`` and ``value:<field>``, a list where the field is a bag or a sequence.
    """
    assert rows.users is not None  # a schema with history fields names a user column
    clicked = rows.clicked(schema)
    order = np.lexsort((rows.time[clicked], rows.user[clicked]))
    longest = max(spec.length for spec in history_fields(schema))
    kept = order[last_of_each_user(rows.user[clicked][order], longest)]
    columns = {"user": rows.users.gather(rows.user[clicked[kept]]), "time": pl.Series(rows.time[clicked[kept]])}
    return pl.DataFrame(columns | {f"value:{name}": _as_series(values[name].take(kept)) for name in values})


def histories(
    schema: Schema,
    vocabularies: Mapping[str, Vocabulary],
    tail: pl.DataFrame | None,
    rows: Rows,
    values: Mapping[str, Values],
    labelled: bool,
) -> tuple[dict[str, Codes], npt.NDArray[np.int32]]:
    """History blocks of new rows, from the tail and from the rows' own clicks, each strictly earlier.

    A click that stands both in the tail and in the rows (same user, time and values) counts once.

    Returns:
        ``int32 [rows, length]`` for each history field, and ``int32 [rows]`` the number of earlier rows of the same
        user that are known: those of this table and the clicks of the tail.
    """
    clicked = rows.clicked(schema) if labelled else np.empty(0, dtype=np.int64)
    own = {name: values[name].take(clicked) for name in collected_fields(schema)}
    old_user, old_time, old = _old_events(tail, rows, clicked, own)
    moments = Moments.of(np.concatenate([rows.user, old_user]), np.concatenate([rows.time, old_time]))
    count = len(rows)
    key, first, old_key = moments.key[:count], moments.first[:count], moments.key[count:]
    event_key = np.concatenate([old_key, key[clicked]])
    order = np.argsort(event_key, kind="stable")
    start, end = earlier_range(event_key[order], key, first)
    blocks = {}
    for spec in history_fields(schema):
        vocabulary, offset = vocabularies[spec.vocabulary], schema.offsets[spec.vocabulary]
        parts = [part[spec.of] for part in (old, own) if spec.of in part]
        flat = np.concatenate([vocabulary.encode(part.flat) for part in parts])
        lengths = None if parts[0].lengths is None else np.concatenate([part.lengths for part in parts])
        blocks[spec.name] = select_events(globalise(flat, offset), lengths, order, spec.length).block(start, end)
    low, high = earlier_range(np.sort(np.concatenate([key, old_key])), key, first)
    return blocks, (high - low).astype(np.int32)


def _old_events(
    tail: pl.DataFrame | None, rows: Rows, clicked: IntArray, own: Mapping[str, Values]
) -> tuple[IntArray, IntArray, dict[str, Values]]:
    """User code, time and values of the tail's events for the users of the rows, less those among the rows' clicks."""
    if tail is None or rows.users is None:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), {}
    users = pl.DataFrame({"user": match_type(rows.users, tail["user"].dtype), "code": np.arange(len(rows.users))})
    known = tail.join(users.filter(pl.col("user").is_not_null()), on="user", how="inner", maintain_order="left")
    of_tail = {name: _as_values(known[f"value:{name}"]) for name in own}
    signs = _signs(known["code"].to_numpy(), known["time"].to_numpy(), of_tail)
    again = _signs(rows.user[clicked], rows.time[clicked], own)
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
