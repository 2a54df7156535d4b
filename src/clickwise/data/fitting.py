"""Fit an encoder on the training rows and encode all rows, one column at a time.

Each encoded column goes into a temporary file of its own, so memory holds one raw column whatever the width of the log.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.array_types import CodeArray, IntArray
from clickwise.data.column_files import ColumnFile, write_column
from clickwise.data.columns import Values
from clickwise.data.encoder import Encoder, in_slots
from clickwise.data.events import Collected, Events
from clickwise.data.history import HistoryColumn, Moments, earlier_range, select_events
from clickwise.data.numbers import NumberStatistics, fit_number, read_number, standardise
from clickwise.data.rows import Column, Rows, field_values
from clickwise.data.tail import build_tail, history_fields
from clickwise.data.vocabulary import Vocabulary, as_text, factorise, fit_vocabulary, globalise
from clickwise.schema import Field, Schema

THREADS = 2  # each holds one raw column in memory
PartArray = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Fitted:
    """What is encoded.

    Attributes:
        encoder: fitted on the training rows.
        columns: of all fields that are no histories.
        moments: keys of all rows; None without histories.
        events: by kind.
        history: by history field, the local ids of all its events in file order, and how many each has if not one.
    """

    encoder: Encoder
    columns: dict[str, ColumnFile]
    moments: Moments | None
    events: dict[str, Events]
    history: dict[str, tuple[CodeArray, IntArray | None]]


def fit_encoder(
    column: Column,
    schema: Schema,
    rows: Rows,
    part: PartArray,
    folder: Path,
    origin: str,
    text: tuple[str, ...],
) -> Fitted:
    """Fit on the rows of part 0 and encode every row; ``folder`` takes the encoded columns."""
    train = part == 0
    collected = Collected.of(schema, rows, part) if history_fields(schema) else None
    numbers, columns = _encode_numbers(column, schema, train, folder, origin)

    def encode(name: str) -> tuple[Vocabulary, dict[str, ColumnFile]]:
        fields = [spec for spec in schema.id_fields if spec.vocabulary == name and spec.owner != "history"]
        read = [field_values(column, spec, numbers.get(spec.name), origin) for spec in fields]
        vocabulary, encoded = _fit_shared(fields, read, train)
        files = {}
        for spec, values, flat in zip(fields, read, encoded, strict=True):
            path = folder / f"{schema.fields.index(spec)}.column"
            files[spec.name] = write_column(path, in_slots(flat, values.lengths, spec.length))
            if collected is not None:
                collected.take(schema, spec.name, values)
        return vocabulary, files

    own = dict.fromkeys(spec.vocabulary for spec in schema.id_fields if spec.owner != "history")
    vocabularies: dict[str, Vocabulary] = {}
    with ThreadPoolExecutor(THREADS) as pool:  # Polars and NumPy release the lock in the steps that take time
        for name, (vocabulary, files) in zip(own, pool.map(encode, own), strict=True):
            vocabularies[name] = vocabulary
            columns |= files
    history: dict[str, tuple[CodeArray, IntArray | None]] = {}
    tails: dict[str, pl.DataFrame] = {}
    if collected is not None:
        for name in schema.vocabulary_names():
            if name not in vocabularies:
                vocabularies[name] = _fit_from_history(schema, name, collected, train)
        for spec in history_fields(schema):
            values = collected.values[spec.events][spec.of]
            history[spec.name] = vocabularies[spec.vocabulary].encode(values.flat), values.lengths
        tails = {kind: build_tail(schema, kind, rows, values) for kind, values in collected.values.items()}
    schema = schema.fitted({name: vocabulary.size for name, vocabulary in vocabularies.items()})
    encoder = Encoder(schema, vocabularies, numbers, tails, len(rows), text)
    moments, events = (collected.moments, collected.events) if collected else (None, {})
    return Fitted(encoder, columns, moments, events, history)


def history_columns(fitted: Fitted, part: int) -> list[tuple[IntArray, dict[str, HistoryColumn]]]:
    """For each kind the sorted keys of the events that rows of ``part`` may know, and history columns of global ids."""
    schema, found = fitted.encoder.schema, []
    for kind, events in fitted.events.items():
        assert fitted.moments is not None
        chosen, keys = events.up_to(part, fitted.moments)
        columns = {}
        for spec in history_fields(schema, kind):
            local, lengths = fitted.history[spec.name]
            flat = globalise(local, schema.offsets[spec.vocabulary])
            columns[spec.name] = select_events(flat, lengths, chosen, spec.length)
        found.append((keys, columns))
    return found


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


def _fit_shared(
    fields: list[Field], read: list[Values], train: npt.NDArray[np.bool_]
) -> tuple[Vocabulary, list[CodeArray]]:
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


def _fit_from_history(schema: Schema, name: str, collected: Collected, train: npt.NDArray[np.bool_]) -> Vocabulary:
    """A vocabulary that only histories use: each value counts as often as it stands in histories of training rows."""
    moments, fields = collected.moments, [spec for spec in history_fields(schema) if spec.vocabulary == name]
    codes, distinct = factorise(_joined([collected.values[spec.events][spec.of].flat for spec in fields]))
    counts = np.zeros(len(distinct) + 1, dtype=np.int64)
    position = 0
    for spec in fields:
        values = collected.values[spec.events][spec.of]
        own = codes[position : position + len(values.flat)]
        position += len(own)
        chosen, keys = collected.events[spec.events].up_to(0, moments)
        start, end = earlier_range(keys, moments.key[train], moments.first[train])
        column = select_events(own, values.lengths, chosen, spec.length)
        np.add.at(counts, column.flat, column.occurrences(start, end))
    if schema.collects_label(fields[0]):
        return _of_classes(schema.classes, distinct, counts[:-1])
    return fit_vocabulary(distinct, counts[:-1], min(spec.min_count for spec in fields))[0]


def _of_classes(classes: int, distinct: pl.Series, counts: IntArray) -> Vocabulary:
    """The vocabulary of labels: all classes in their order, whether or not the rows have them."""
    of_class = np.zeros(classes, dtype=np.int64)
    of_class[distinct.to_numpy()] = counts
    return Vocabulary(pl.Series(np.arange(classes)), of_class)


def _joined(series: list[pl.Series]) -> pl.Series:
    """One after the other; text where any of them is text."""
    if len({part.dtype for part in series}) > 1:
        series = [as_text(part) for part in series]
    return pl.concat([part.alias("value") for part in series])
