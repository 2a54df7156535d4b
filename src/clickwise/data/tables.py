"""Where raw rows come from: a file, a folder of files of one kind, or what a named source hands over."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from clickwise.data.files import (
    SEPARATORS,
    UNREADABLE,
    check_headers,
    check_objects,
    first_undecodable,
    has_rows,
    kind_of,
    list_files,
)
from clickwise.data.layout import Layout
from clickwise.data.row_widths import check_row_widths
from clickwise.errors import InputError, one_line

INFERRED_ROWS = 10_000
SHORT = "\0short"  # a name that no file has: whether the last cell is null, as in a row that is too short
POLARS_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)  # the latter on some damaged Parquet files


@dataclass(frozen=True)
class RawTable:
    """Rows as the user has them.

    Attributes:
        name: how errors call the table: its path, or the name of its source.
        kind: ``csv``, ``tsv``, ``jsonl``, ``parquet`` or ``frame``.
        files: the files, in the order of their rows; empty for a frame.
        header: column names of text files that have no header line.
        frame: the rows, for ``kind == "frame"``.
        dtypes: column names, and their types: guessed from the first rows, or those of the layout.
        layout: how the files of a public data set are written.
    """

    name: str
    kind: str
    files: tuple[Path, ...] = ()
    header: tuple[str, ...] = ()
    frame: pl.DataFrame | None = None
    dtypes: Mapping[str, pl.DataType] = field(default_factory=dict)
    layout: Layout | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names in file order."""
        return tuple(self.dtypes)

    def scan(self, text: Collection[str] = (), inferred_rows: int | None = INFERRED_ROWS) -> pl.LazyFrame:
        """All rows, lazily. The columns in ``text`` are read as text, whatever they look like."""
        if self.frame is not None:
            return self.frame.lazy()
        if self.layout is not None:
            return self.layout.scan(self.files)
        if self.kind == "parquet":
            return pl.scan_parquet(list(self.files))
        if self.kind == "jsonl":
            return pl.scan_ndjson(list(self.files), infer_schema_length=inferred_rows)
        settled = (
            self.dtypes if inferred_rows == INFERRED_ROWS else {}
        )  # so that the first rows are guessed at once only
        overrides = {**settled, **{name: pl.String() for name in self._text_columns(text)}}
        return pl.scan_csv(
            list(self.files),
            separator=SEPARATORS[self.kind],
            has_header=not self.header,
            new_columns=list(self.header) or None,
            schema_overrides=overrides,
            infer_schema_length=0 if settled else inferred_rows,
        )

    def load(self, columns: Sequence[str], text: Collection[str] = (), spool: Path | None = None) -> pl.LazyFrame:
        """The named columns in a form that is cheap to read one column at a time.

        Text files are parsed once: into the Parquet file ``spool``, as a stream, or into memory without one. A
        column whose first rows look like numbers and whose later rows do not is read again as what all rows allow.
        """
        if self.kind in ("frame", "parquet"):
            return self.scan().select(columns)
        if self.layout is not None:
            self.layout.check_widths(self.files)
        try:
            return self._parse(columns, text, spool)
        except pl.exceptions.PolarsError as error:
            if "No space left" in str(error):
                raise
            if self.layout is not None:
                raise self.explained(error) from None
        try:
            return self._parse(columns, text, spool, inferred=None)
        except pl.exceptions.PolarsError as error:
            raise self.explained(error) from None

    def checksum(self) -> str:
        """SHA-256 over names and contents: equal for equal tables."""
        digest = hashlib.sha256(repr((self.kind, self.header)).encode())
        if self.layout is not None:
            digest.update("".join(f"{name} = {of}\n" for name, of in self.layout.derived.items()).encode())
        if self.frame is not None:
            digest.update(repr(list(self.frame.schema.items())).encode())
            digest.update(self.frame.hash_rows(seed=0).to_numpy().tobytes())
        for path in self.files:
            digest.update((self.name if self.layout else path.name).encode() + b"\0")
            with path.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
        return digest.hexdigest()

    def check_widths(self) -> None:
        """Raise ``InputError`` for the first row of a text file that has not one value a column."""
        if self.kind in SEPARATORS and self.layout is None:  # which has a check of its own
            check_row_widths(self.files, SEPARATORS[self.kind], len(self.columns))

    def _parse(
        self, columns: Sequence[str], text: Collection[str], spool: Path | None, inferred: int | None = INFERRED_ROWS
    ) -> pl.LazyFrame:
        last = self.columns[-1]
        text = text if last in columns else {*text, last}  # so that what nobody asks for cannot fail
        rows = self.scan(text, inferred).select(*columns, pl.col(last).is_null().alias(SHORT))
        if spool is None:
            parsed = rows.collect().lazy()
        else:
            rows.sink_parquet(spool, compression="uncompressed")
            parsed = pl.scan_parquet(spool)
        if set(self.columns) - set(columns) or parsed.select(pl.col(SHORT).any()).collect().item():
            self.check_widths()
        return parsed.select(columns)

    def _text_columns(self, text: Collection[str]) -> list[str]:
        """Truth values stay text too, so that they compare as they are written."""
        return [name for name, dtype in self.dtypes.items() if name in text or dtype == pl.Boolean]

    def explained(self, error: BaseException) -> BaseException:
        """The line that says why the rows cannot be read; a full disk is no fault of theirs and stays as it is."""
        if "No space left" in str(error):
            return error
        if self.kind != "parquet" and (place := first_undecodable(self.files)):
            return InputError(f"{place} is not UTF-8; convert the file to UTF-8")
        if self.layout is not None and (fault := self.layout.fault(self.files)):
            return fault
        try:
            self.check_widths()
        except InputError as fault:
            return fault
        except UNREADABLE:
            pass  # then the parser says it
        return InputError(f"{self.name}: cannot be read as {self.kind}: {one_line(error)}")


def read_table(path: Path | str, columns: Sequence[str] | None = None) -> RawTable:
    """The raw table in a file (CSV, TSV, JSON lines, or Parquet), or in a folder of files of one kind.

    Args:
        path: ends in .csv, .tsv, .jsonl, .ndjson, .json (one object a line) or .parquet; text kinds also in .gz.
        columns: column names, for CSV and TSV files without a header line.

    Raises:
        InputError: the file is missing, empty, without rows, of an unknown kind, or not readable as its kind.
    """
    path = Path(path)
    files = list_files(path)
    kinds = {kind_of(file, of_folder=path.is_dir()) for file in files}
    if len(kinds) > 1:
        raise InputError(f"{path}: the folder mixes {' and '.join(sorted(kinds))} files; keep one kind in a folder")
    kind = kinds.pop()
    for file in files:
        if file.stat().st_size == 0:
            raise InputError(f"{file}: the file is empty")
    if kind in SEPARATORS and columns is None:
        check_headers(files, SEPARATORS[kind])
    if kind == "jsonl":
        check_objects(files)
    table = RawTable(str(path), kind, tuple(files), tuple(columns or ()))
    try:
        dtypes = table.scan().collect_schema()
        rows = (
            table.scan().head(1).collect().height
            if kind == "parquet"
            else has_rows(files, skip=kind in SEPARATORS and not columns)
        )
    except (*POLARS_ERRORS, *UNREADABLE) as error:
        raise table.explained(error) from None
    if not rows:
        raise InputError(f"{path}: the file has no rows of data, only a header")
    return RawTable(str(path), kind, tuple(files), tuple(columns or ()), None, dict(dtypes))


def from_frame(frame: pl.DataFrame, name: str) -> RawTable:
    """The raw table that a named source or a user has built in memory."""
    if not frame.height:
        raise InputError(f"{name}: the table has no rows")
    return RawTable(name, "frame", frame=frame, dtypes=dict(frame.schema))


def table_of(source: RawTable | pl.DataFrame | Path | str) -> RawTable:
    """The raw table that a user hands over: as it is, a frame, or a file or folder.

    Raises:
        InputError: there are no rows, or no such file.
    """
    if isinstance(source, RawTable):
        return source
    return from_frame(source, "the frame") if isinstance(source, pl.DataFrame) else read_table(source)


def of_layout(layout: Layout, path: Path, name: str) -> RawTable:
    """The raw table in a text file of a known layout, which is read when it is prepared.

    Args:
        layout: how the lines of the file are written.
        path: the file.
        name: how errors call the table.

    Raises:
        InputError: the file has no rows, or its first line is of another layout.
    """
    layout.check_start(path)
    return RawTable(name, layout.kind, (path,), dtypes=layout.all_dtypes, layout=layout)
