"""Fit an encoder on the training rows and encode all rows, one column at a time.

Each encoded column goes into a temporary file of its own, so memory holds one raw column whatever the width of the log.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.data.column_files import ColumnFile, write_column
from clickwise.data.columns import Values
from clickwise.data.encoder import Encoder, in_slots
from clickwise.data.history import Codes, HistoryColumn, Moments, earlier_range, select_events
from clickwise.data.numbers import NumberStatistics, fit_number, read_number, standardise
from clickwise.data.rows import Column, Rows, field_values
from clickwise.data.tail import build_tail, collected_fields, history_fields
from clickwise.data.vocabulary import Vocabulary, as_text, factorise, fit_vocabulary, globalise
from clickwise.schema import Field, Schema

THREADS = 2  # each holds one raw column in memory
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Events:
    """Clicked rows in order of user and time, and what histories need of them.

    Attributes:
        moments: keys of all rows.
        clicked: the clicked rows, in file order.
        order: positions in ``clicked``, sorted by key.
        part: ``int8 [clicked]``, part of each, in sorted order.
        values: of each collected field in the clicked rows.
    """

    moments: Moments
    clicked: IntArray
    order: IntArray
    part: npt.NDArray[np.int8]
    values: dict[str, Values]

    def up_to(self, part: int) -> tuple[IntArray, IntArray]:
        """Events that rows of ``part`` may know: their positions in ``clicked``, and their keys, sorted."""
        chosen = self.order[self.part <= part]
        return chosen, self.moments.key[self.clicked[chosen]]


@dataclass(frozen=True)
class Fitted:
    """The encoder, the encoded columns of all fields that are no histories, and the flat local ids of histories."""

    encoder: Encoder
    columns: dict[str, ColumnFile]
    events: Events | None
    history: dict[str, Codes]


def fit_encoder(
    column: Column,
    schema: Schema,
    rows: Rows,
    part: npt.NDArray[np.int8],
    folder: Path,
    origin: str,
    text: tuple[str, ...],
) -> Fitted:
    """Fit on the rows of part 0 and encode every row; ``folder`` takes the encoded columns."""
    train = part == 0
    events = _events(schema, rows, part) if history_fields(schema) else None
    numbers, columns = _encode_numbers(column, schema, train, folder, origin)

    def encode(name: str) -> tuple[Vocabulary, dict[str, ColumnFile], dict[str, Values]]:
        fields = [spec for spec in schema.id_fields if spec.vocabulary == name and spec.owner != "history"]
        read = [field_values(column, spec, numbers.get(spec.name), origin) for spec in fields]
        vocabulary, encoded = _fit_shared(fields, read, train)
        files, clicked = {}, {}
        for spec, values, flat in zip(fields, read, encoded, strict=True):
            path = folder / f"{schema.fields.index(spec)}.column"
            files[spec.name] = write_column(path, in_slots(flat, values.lengths, spec.length))
            if events is not None and spec.name in collected_fields(schema):
                clicked[spec.name] = values.take(events.clicked)
        return vocabulary, files, clicked

    own = dict.fromkeys(spec.vocabulary for spec in schema.id_fields if spec.owner != "history")
    vocabularies: dict[str, Vocabulary] = {}
    with ThreadPoolExecutor(THREADS) as pool:  # Polars and NumPy release the lock in the steps that take time
        for name, (vocabulary, files, clicked) in zip(own, pool.map(encode, own), strict=True):
            vocabularies[name] = vocabulary
            columns |= files
            if events is not None:
                events.values.update(clicked)
    history: dict[str, Codes] = {}
    if events is not None:
        for name in schema.vocabulary_names():
            if name not in vocabularies:
                vocabularies[name] = _fit_from_history(schema, name, events, train)
        for spec in history_fields(schema):
            history[spec.name] = vocabularies[spec.vocabulary].encode(events.values[spec.of].flat)
    schema = schema.fitted({name: vocabulary.size for name, vocabulary in vocabularies.items()})
    tail = build_tail(schema, rows, events.values) if events is not None else None
    return Fitted(Encoder(schema, vocabularies, numbers, tail, len(rows), text), columns, events, history)


def history_columns(fitted: Fitted, part: int) -> tuple[IntArray, dict[str, HistoryColumn]]:
    """Sorted keys of the events that rows of ``part`` may know, and the history columns over them, with global ids."""
    assert fitted.events is not None
    schema = fitted.encoder.schema
    chosen, keys = fitted.events.up_to(part)
    columns = {}
    for spec in history_fields(schema):
        flat = globalise(fitted.history[spec.name], schema.offsets[spec.vocabulary])
        columns[spec.name] = select_events(flat, fitted.events.values[spec.of].lengths, chosen, spec.length)
    return keys, columns


def _encode_numbers(
    column: Column, schema: Schema, train: npt.NDArray[np.bool_], folder: Path, origin: str
) -> tuple[dict[str, NumberStatistics], dict[str, ColumnFile]]:
    """Statistics of all number fields, and the columns of those that stay numbers."""
    numbers, columns = {}, {}
    for position, spec in enumerate(schema.fields):
        if spec.kind == "number":
            values = read_number(column(spec.column), origin)
            numbers[spec.name] = fit_number(spec, values[train])
            if spec.is_number:
                path = folder / f"{position}.column"
                columns[spec.name] = write_column(path, standardise(values, numbers[spec.name]))
    return numbers, columns


def _events(schema: Schema, rows: Rows, part: npt.NDArray[np.int8]) -> Events:
    moments = Moments.of(rows.user, rows.time)
    clicked = rows.clicked(schema)
    order = np.argsort(moments.key[clicked], kind="stable")
    return Events(moments, clicked, order, part[clicked[order]], {})


def _fit_shared(
    fields: list[Field], read: list[Values], train: npt.NDArray[np.bool_]
) -> tuple[Vocabulary, list[Codes]]:
    """The vocabulary of several fields, and the flat local ids of each."""
    codes, distinct = factorise(_joined([values.flat for values in read]))
    ends = np.cumsum([len(values.flat) for values in read])
    split = np.split(codes, ends[:-1])
    counts = np.zeros(len(distinct) + 1, dtype=np.int64)
    for values, part in zip(read, split, strict=True):
        chosen = train if values.lengths is None else np.repeat(train, values.lengths)
        counts += np.bincount(part[chosen], minlength=len(counts))
    vocabulary, local = fit_vocabulary(distinct, counts[:-1], min(spec.min_count for spec in fields))
    return vocabulary, [local[part] for part in split]


def _fit_from_history(schema: Schema, name: str, events: Events, train: npt.NDArray[np.bool_]) -> Vocabulary:
    """A vocabulary that only histories use: each value counts as often as it stands in histories of training rows."""
    chosen, keys = events.up_to(0)
    start, end = earlier_range(keys, events.moments.key[train], events.moments.first[train])
    fields = [spec for spec in history_fields(schema) if spec.vocabulary == name]
    codes, distinct = factorise(_joined([events.values[spec.of].flat for spec in fields]))
    counts = np.zeros(len(distinct) + 1, dtype=np.int64)
    position = 0
    for spec in fields:
        values = events.values[spec.of]
        own = codes[position : position + len(values.flat)]
        position += len(own)
        column = select_events(own, values.lengths, chosen, spec.length)
        np.add.at(counts, column.flat, column.occurrences(start, end))
    return fit_vocabulary(distinct, counts[:-1], min(spec.min_count for spec in fields))[0]


def _joined(series: list[pl.Series]) -> pl.Series:
    """One after the other; text where any of them is text."""
    if len({part.dtype for part in series}) > 1:
        series = [as_text(part) for part in series]
    return pl.concat([part.alias("value") for part in series])
