"""Text files of a published layout: columns and types are known and not guessed, and every line has all columns.

Files of this kind are large, so nothing here holds more than a block of one in memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from clickwise.data.files import SEPARATORS, line_blocks
from clickwise.errors import InputError

BLOCK_BYTES = 1 << 22
LINE, COLUMN = "\0line", "\0column"  # names that no file has
Rule = tuple[pl.Expr, str]


@dataclass(frozen=True)
class Layout:
    """How the lines of a file are written.

    Attributes:
        kind: ``csv`` or ``tsv``; a quote is a character like any other.
        dtypes: columns of the file, in order: Int64 or String.
        header: whether the first line names the columns.
        derived: further columns, computed from those of the file. An expression that raises marks a file as faulty.
        rules: by column, what must hold of its text and what that is in words; whole numbers need none.
    """

    kind: str
    dtypes: Mapping[str, pl.DataType]
    header: bool
    derived: Mapping[str, pl.Expr] = field(default_factory=dict)
    rules: Mapping[str, Rule] = field(default_factory=dict)

    @property
    def all_dtypes(self) -> dict[str, pl.DataType]:
        """Names and types of the columns, the derived ones included."""
        rows = pl.LazyFrame(schema=dict(self.dtypes)).with_columns(**self.derived)
        return dict(rows.collect_schema())

    @property
    def separator(self) -> str:
        """What stands between two columns."""
        return SEPARATORS[self.kind]

    def scan(self, files: Sequence[Path]) -> pl.LazyFrame:
        """All rows, lazily."""
        return self._scan(files, self.dtypes).with_columns(**self.derived)

    def check_start(self, path: Path) -> None:
        """Raise ``InputError`` where the first line does not fit, or where no row follows the header."""
        with path.open("rb") as stream:
            first, second = (stream.readline().decode("latin-1").rstrip("\r\n") for _ in range(2))
        if not first or (self.header and not second):
            raise InputError(f"{path}: the file has no rows of data")
        names = first.split(self.separator)
        if self.header and names != list(self.dtypes):
            raise InputError(f"{path}: line 1 is {first[:80]!r}; it must name these columns: {', '.join(self.dtypes)}")
        self._check_lines(path, 1, first)

    def check_widths(self, files: Sequence[Path]) -> None:
        """Raise ``InputError`` for the first line that has not as many columns as the layout; fast over sound files.

        Separators are counted by blocks of lines. Faults that cancel out within a block go with a line that is too
        long, and those the parser refuses.
        """
        mark, between = ord(self.separator), len(self.dtypes) - 1
        for path in files:
            for number, block in _blocks(path):
                separators = np.count_nonzero(np.frombuffer(block, np.uint8) == mark)
                if separators != between * (block.count(b"\n") + 1):
                    self._check_lines(path, number, block.decode("latin-1"))

    def fault(self, files: Sequence[Path]) -> InputError | None:
        """What is wrong with the first faulty line of files that could not be parsed; None where none is found."""
        for path in files:
            for number, block in _blocks(path):
                self._check_lines(path, number, block.decode("latin-1"))
            rules = {name: self._rule(name) for name in self.dtypes}
            first = pl.coalesce(
                pl.when(~holds.fill_null(False)).then(pl.lit(name)) for name, (holds, _) in rules.items()
            )
            text = self._scan([path], dict.fromkeys(self.dtypes, pl.String()))
            rows = text.with_row_index(LINE, 1 + self.header).with_columns(first.alias(COLUMN))
            for row in rows.filter(pl.col(COLUMN).is_not_null()).head(1).collect().iter_rows(named=True):
                name = row[COLUMN]
                return InputError(f"{path}: line {row[LINE]}: {name!r} is {row[name]!r}; it must be {rules[name][1]}")
        return None

    def _scan(self, files: Sequence[Path], dtypes: Mapping[str, pl.DataType]) -> pl.LazyFrame:
        return pl.scan_csv(
            list(files), separator=self.separator, has_header=self.header, schema=dict(dtypes), quote_char=None
        )

    def _rule(self, name: str) -> Rule:
        if name in self.rules:
            return self.rules[name]
        if self.dtypes[name] == pl.String:
            return pl.lit(True), "text"
        cell = pl.col(name)
        return cell.is_null() | cell.cast(self.dtypes[name], strict=False).is_not_null(), "a whole number, or empty"

    def _check_lines(self, path: Path, number: int, block: str) -> None:
        lines = pl.Series(block.split("\n"))
        columns = lines.str.count_matches(self.separator, literal=True) + 1
        bad = (columns != len(self.dtypes)).arg_true()
        if len(bad):
            kind = {"tsv": "tab", "csv": "comma"}[self.kind]
            raise InputError(
                f"{path}: line {number + bad[0]} has {columns[bad[0]]} {kind}-separated columns; "
                f"a line there has {len(self.dtypes)}"
            )


def _blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Whole lines, some at a time and without the last line end, with the number of the first one."""
    with path.open("rb") as stream:
        for number, block in line_blocks(stream, BLOCK_BYTES):
            yield number, block.removesuffix(b"\n")
