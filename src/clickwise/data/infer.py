"""Guess a schema from the names and first rows of a file, as YAML that tells its reader what to check."""

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from clickwise.data.roles import ITEMS, USERS, guess_label, guess_time, named
from clickwise.data.tables import POLARS_ERRORS, RawTable, read_table
from clickwise.data.tell_tale import tells_much
from clickwise.errors import InputError

SAMPLE = 100_000
USER_WORDS = ("user", "u", "visitor", "customer", "member", "age", "gender", "sex", "occupation")
ITEM_WORDS = ("item", "ad", "movie", "product", "campaign", "brand", "category", "genre", "genres", "price", "title")
SEPARATORS = ("|", ";")
FEW_VALUES = 50
HISTORY_LENGTH = 20


@dataclass(frozen=True)
class Guess:
    """A field, as the text of its YAML mapping, and the remark beside it."""

    text: str
    remark: str

    def asking(self, more: str) -> "Guess":
        """The same with one more thing to check."""
        return Guess(self.text, f"? {self.remark.removeprefix('? ')}; {more}")


def infer_schema(path: Path | str) -> str:
    """Commented YAML for the table at ``path``: a schema to correct, which also prepares as it stands on a sane file.

    Raises:
        InputError: the file cannot be read, or no column can be the label.
    """
    table = read_table(path)
    sample = _sample(table)
    distinct = {name: _distinct(sample[name]) for name in sample.columns}
    label, check_label = guess_label(sample, table.name)
    user = named(sample.columns, USERS, label)
    time, check_time = guess_time(sample, label, user)
    item = named(sample.columns, ITEMS, label, user, time)
    guesses = []
    for name in sample.columns:
        if name not in (label, time):
            found = _field(name, sample[name], distinct[name], user, item)
            asked = tells_much(sample[name], sample[label]) if found else ""
            guesses += [guess.asking(asked) if asked else guess for guess in found]
    if user and time and item:
        text = f"{{name: history_{_plain(item)}, owner: history, kind: sequence, of: {_quoted(item)}, "
        text += f"length: {HISTORY_LENGTH}}}"
        remark = f"last clicked items, strictly earlier rows only; 'vocabulary: {_plain(item)}' would share embeddings"
        guesses.append(Guess(text, remark))
    if not guesses:
        raise InputError(
            f"{table.name}: no column besides label and time can be a field; add what describes user or item"
        )
    lines = [
        f"# Guessed by clickwise from the first {len(sample)} rows of {Path(path).name}.",
        "# Check every line marked with '?'.",
        f"label: {_quoted(label)}  # {check_label}",
        f"user: {_quoted(user)}  # ? column that identifies the user; empty: every row is a user of its own",
        f"time: {_quoted(time)}  # {check_time}",
        f"item: {_quoted(item)}  # ? the field below that identifies the item; empty: none",
        "fields:",
        "  # owner: user, item or context (what the value describes); kind: category, bag, sequence or number",
    ]
    return "\n".join(lines + [f"  - {guess.text}  # {guess.remark}" for guess in guesses]) + "\n"


def _sample(table: RawTable) -> pl.DataFrame:
    try:
        sample = table.scan().head(SAMPLE).collect()
    except POLARS_ERRORS as error:
        raise table.explained(error) from None
    if sample[sample.columns[-1]].null_count():  # else no row of the sample is short
        table.check_widths()
    return sample


def _distinct(values: pl.Series) -> int:
    return 0 if isinstance(values.dtype, pl.List | pl.Struct | pl.Array) else values.n_unique()


def _field(name: str, values: pl.Series, distinct: int, user: str, item: str) -> list[Guess]:
    """One field for a column, or none where it can tell a model nothing."""
    owner = _owner(name, user, item)
    head = f"{{name: {_quoted(name)}, owner: {owner}, "
    rows = len(values)
    if isinstance(values.dtype, pl.Struct | pl.Null):
        return []
    if isinstance(values.dtype, pl.List | pl.Array):
        return [
            Guess(head + f"kind: bag, length: {_longest(values)}}}", "? a list; 'sequence' where its order matters")
        ]
    if name not in (user, item) and distinct <= 1:
        return []
    if separator := _separator(values):
        length = _longest(values.str.split(separator))
        text = head + f"kind: bag, separator: {_quoted(separator)}, length: {length}}}"
        return [Guess(text, "? several values in one cell; 'sequence' where their order matters")]
    identifies = name in (user, item) or name.lower().endswith("id")
    if name not in (user, item) and distinct == rows > FEW_VALUES and (identifies or values.dtype == pl.String):
        return []  # it numbers the rows
    measures = values.dtype.is_integer() and distinct > FEW_VALUES and not identifies
    if measures or (values.dtype.is_float() and not values.is_infinite().any()):
        return [Guess(head + "kind: number, transform: standardise}", f"? {distinct} values in {rows} rows")]
    if values.dtype.is_temporal():
        return []
    rare = ", min_count: 2" if distinct > rows // 20 and rows >= 1000 else ""
    return [Guess(head + f"kind: category{rare}}}", f"{distinct} values in {rows} rows")]


def _owner(name: str, user: str, item: str) -> str:
    first = _plain(name).lower().split("_")[0]
    if name == user or (name != item and first in USER_WORDS):
        return "user"
    return "item" if name == item or first in ITEM_WORDS else "context"


def _separator(values: pl.Series) -> str:
    """The separator that stands in at least a tenth of the cells of a text column."""
    if values.dtype != pl.String:
        return ""
    known = values.drop_nulls()
    for separator in SEPARATORS:
        if len(known) and known.str.contains(separator, literal=True).sum() >= max(1, len(known) // 10):
            return separator
    return ""


def _longest(lists: pl.Series) -> int:
    """Slots that hold all values of all but one row in a hundred."""
    return max(1, min(50, int(lists.list.len().quantile(0.99) or 1)))


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def _quoted(text: str) -> str:
    """A JSON string, which is a YAML string whatever its letters; plain where that is safe."""
    return json.dumps(text, ensure_ascii=False)
