"""``Encoder``: what preparing learned from the training rows, and the encoding of any further raw rows with it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.array_types import CodeArray
from clickwise.data.columns import Values, needed_columns, read_extra, resolve
from clickwise.data.history import pad_windows
from clickwise.data.numbers import NumberStatistics, read_number, standardise
from clickwise.data.rows import Rows, field_values, read_rows
from clickwise.data.tables import POLARS_ERRORS, RawTable, table_of
from clickwise.data.tail import collected_fields, event_kinds, histories
from clickwise.data.vocabulary import MISSING, UNKNOWN, Vocabulary, globalise
from clickwise.errors import InputError, one_line
from clickwise.files import name_of_file, write_json
from clickwise.schema import Schema

if TYPE_CHECKING:
    from clickwise.data.log import ClickLog

TAIL_FILES = {"clicks": "history.parquet", "all": "interactions.parquet"}


@dataclass(frozen=True, eq=False)
class Encoder:
    """Fitted state.

    Attributes:
        schema: the fitted schema.
        vocabularies: by name.
        numbers: statistics of number fields, by field name.
        tails: by kind of events, each user's last ones with their raw values (see ``build_tail``); as many kinds as
            history fields collect from.
        rows: rows of the log it was fitted on; rows of a table without time come after them.
        text: columns that were text; they are read as text from later files too, even where they look like numbers.
    """

    schema: Schema
    vocabularies: Mapping[str, Vocabulary]
    numbers: Mapping[str, NumberStatistics]
    tails: Mapping[str, pl.DataFrame]
    rows: int
    text: tuple[str, ...] = ()

    def save(self, folder: Path) -> None:
        """Write into ``folder``, which is created."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, vocabulary in self.vocabularies.items():
            vocabulary.save(folder / _vocabulary_file(name))
        state = {
            "rows": self.rows,
            "text": list(self.text),
            "numbers": {name: statistics.to_dict() for name, statistics in self.numbers.items()},
        }
        write_json(folder / "numbers.json", state)
        for kind, tail in self.tails.items():
            tail.write_parquet(folder / TAIL_FILES[kind])

    @classmethod
    def load(cls, folder: Path, schema: Schema) -> "Encoder":
        """Read what ``save`` wrote.

        Raises:
            InputError: a file is missing or damaged, or the vocabularies are not those of ``schema``.
        """
        vocabularies = {name: Vocabulary.load(folder / _vocabulary_file(name)) for name in schema.vocabulary_names()}
        for name, vocabulary in vocabularies.items():
            if schema.vocabularies.get(name) != vocabulary.size:
                raise InputError(
                    f"{folder}: vocabulary {name!r} has {vocabulary.size} ids, the schema says "
                    f"{schema.vocabularies.get(name)}; the folder belongs to another schema"
                )
        try:
            state = json.loads((folder / "numbers.json").read_text(encoding="utf-8"))
            numbers = {name: NumberStatistics.from_dict(values) for name, values in state["numbers"].items()}
            tails = {kind: pl.read_parquet(folder / TAIL_FILES[kind]) for kind in event_kinds(schema)}
            return cls(schema, vocabularies, numbers, tails, int(state["rows"]), tuple(state["text"]))
        except (
            OSError,
            ValueError,
            LookupError,
            AttributeError,
            TypeError,
            RecursionError,
            pl.exceptions.PolarsError,
        ) as error:
            raise InputError(f"{folder}: the encoder is damaged: {one_line(error)}") from None

    def encode_table(self, source: RawTable | pl.DataFrame | Path | str, require_label: bool = True) -> "ClickLog":
        """Encode raw rows in file order; unseen users, items and values get the unknown id.

        Histories are made of the saved events and, where the table has labels, of its own, always strictly earlier
        ones. User codes number the users of this table. Kept columns that the table lacks are left out of ``extras``.
        Where no label is required, one that is missing is 0, and a row whose user is missing is of an unknown one.
        What needs labels takes no rows of which one has none.

        Raises:
            InputError: a column is missing or holds values that the schema does not allow.
        """
        from clickwise.data.log import ClickLog

        table = table_of(source)
        labelled = require_label or self.schema.label in table.columns
        resolve(self.schema, table.columns, table.name, labelled)
        kept = [name for name in self.schema.keep if name in table.columns]
        columns = list(dict.fromkeys([*needed_columns(self.schema, labelled), *kept]))
        try:
            frame = table.load(columns, self.text).collect()
        except POLARS_ERRORS as error:
            raise table.explained(error) from None
        rows = read_rows(
            frame.get_column, frame.height, self.schema, table.name, labelled, self.rows, complete=require_label
        )
        ids, earlier = self._ids(frame, rows, table.name)
        return ClickLog(
            schema=self.schema,
            ids=ids,
            numbers=self._numbers(frame, table.name),
            label=rows.label,
            labelled=rows.labelled is None,
            user=rows.user,
            time=rows.time,
            row=np.arange(frame.height),
            earlier=earlier,
            counts=self.counts(),
            users=rows.users,
            extras={name: read_extra(frame[name], table.name) for name in kept},
        )

    def counts(self) -> npt.NDArray[np.int64]:
        """How often training rows hold each value, ``int64 [schema.size]``.

        Here 0 for padding, unknown and missing ids, and without histories where they share a vocabulary: the counts
        of the prepared log are complete.
        """
        counts = np.zeros(self.schema.size, dtype=np.int64)
        for name, vocabulary in self.vocabularies.items():
            end = self.schema.offsets[name] + vocabulary.size
            counts[end - len(vocabulary.counts) : end] = vocabulary.counts
        return counts

    def _ids(self, frame: pl.DataFrame, rows: Rows, origin: str) -> tuple[CodeArray, npt.NDArray[np.int32]]:
        ids = np.zeros((frame.height, self.schema.width), dtype=np.int32)
        collected: dict[str, Values] = {}
        wanted = {name for kind in event_kinds(self.schema) for name in collected_fields(self.schema, kind)}
        for spec in self.schema.id_fields:
            if spec.owner == "history":
                continue
            values = field_values(frame.get_column, spec, self.numbers.get(spec.name), origin)
            local = self.vocabularies[spec.vocabulary].encode(values.flat)
            if spec.column == self.schema.user:  # never missing in training, which leaves the missing id untrained
                local[local == MISSING] = UNKNOWN
            flat = globalise(local, self.schema.offsets[spec.vocabulary])
            ids[:, self.schema.slots(spec.name)] = in_slots(flat, values.lengths, spec.length)
            if spec.name in wanted:
                collected[spec.name] = values
        if not self.schema.user:
            return ids, np.zeros(frame.height, dtype=np.int32)
        blocks, earlier = histories(self.schema, self.vocabularies, self.tails, rows, collected)
        for name, block in blocks.items():
            ids[:, self.schema.slots(name)] = block
        return ids, earlier

    def _numbers(self, frame: pl.DataFrame, origin: str) -> npt.NDArray[np.float32]:
        pairs = [
            standardise(read_number(frame[spec.column], origin), self.numbers[spec.name])
            for spec in self.schema.number_fields
        ]
        return np.concatenate(pairs, axis=1) if pairs else np.zeros((frame.height, 0), dtype=np.float32)


def in_slots(flat: CodeArray, lengths: npt.NDArray[np.int64] | None, length: int) -> CodeArray:
    """``int32 [rows, length]`` for the values of a field, padding after."""
    if lengths is None:
        return flat[:, None]
    ends = np.cumsum(lengths)
    return pad_windows(flat, ends - lengths, ends, length)


def _vocabulary_file(name: str) -> str:
    return f"vocabulary {name_of_file(name)}.parquet"
