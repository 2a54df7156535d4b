"""The files of a raw table, checked before they are parsed: their kind, their header line, their encoding."""

import csv
import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO

from clickwise.errors import InputError
from clickwise.folders import refuse_as_table

KINDS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
SEPARATORS = {"csv": ",", "tsv": "\t"}
UNREADABLE = (OSError, EOFError, zlib.error)  # the two last ones of damaged gzip files


def list_files(path: Path) -> list[Path]:
    """The file itself, or the files of a folder in order of their names; hidden ones are left out."""
    if not os.path.exists(path):  # which, unlike the path's own method, takes a name too long for one that is absent
        raise InputError(f"{path}: no such file or folder")
    if not path.is_dir():
        return [path]
    refuse_as_table(path)
    files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith((".", "_")))
    if not files:
        raise InputError(f"{path}: the folder holds no files")
    return files


def kind_of(path: Path, of_folder: bool = False) -> str:
    """``csv``, ``tsv``, ``jsonl`` or ``parquet``, by the suffix.

    Args:
        path: of the file.
        of_folder: it is read because its folder was named, which the error says.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    gzipped = suffixes[-1:] == [".gz"]
    kind = KINDS.get((suffixes[:-1] if gzipped else suffixes)[-1:][0] if len(suffixes) > gzipped else "")
    if kind is None or (gzipped and kind == "parquet"):
        stray = "; every file of a folder is read, so move it elsewhere" if of_folder else ""
        raise InputError(
            f"{path}: unknown kind of file{stray}; known: .csv, .tsv, .jsonl, .ndjson, .json (also .gz), .parquet"
        )
    return kind


def is_gzip(path: Path) -> bool:
    """By the first bytes and not the name, since browsers unpack what they fetch and keep the name."""
    with path.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def open_text(path: Path) -> IO[bytes]:
    """The bytes of a text file, unpacked where it is in gzip."""
    return gzip.open(path) if is_gzip(path) else path.open("rb")  # type: ignore[return-value]


def line_blocks(stream: IO[bytes], size: int, first: int = 1) -> Iterator[tuple[int, bytes]]:
    """Whole lines, some ``size`` bytes of them at a time, with the number of the first one.

    Args:
        stream: stands at the beginning of a line.
        size: bytes of a block, short of its last line.
        first: number of the line at which the stream stands.
    """
    while block := stream.read(size) + stream.readline():
        yield first, block
        first += block.count(b"\n")


def _first_line(path: Path) -> str:
    try:
        with open_text(path) as stream:
            return stream.readline().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: line 1 is not UTF-8; convert the file to UTF-8") from None
    except UNREADABLE as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def check_headers(files: list[Path], separator: str) -> None:
    """Raise where a header line is empty, repeats a name, or differs from that of the first file."""
    first: list[str] = []
    for file in files:
        names = _split(_first_line(file), separator, file)
        if not any(names):
            raise InputError(f"{file}: the header line is empty; the first line must name the columns")
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise InputError(f"{file}: column {twice!r} stands twice in the header; column names are unique")
        if first and names != first:
            raise InputError(
                f"{file}: its columns differ from those of {files[0]}; files of a folder share their columns"
            )
        if len(names) == 1:
            _check_separated(names[0], separator, file)
        first = names


def _check_separated(name: str, separator: str, file: Path) -> None:
    """Raise where the only column of a file looks like several, since a log has two at least."""
    others = {"\t": ("tabs", "name the file .tsv"), ",": ("commas", "name the file .csv")}
    for other in ("\t", ";", "|", ","):
        if other != separator and other in name:
            what, cure = others.get(other, (repr(other), "write commas, or tabs in a file named .tsv"))
            raise InputError(f"{file}: the header is one column, {name[:80]!r}; if {what} separate its names, {cure}")


def _split(line: str, separator: str, file: Path) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error as error:
        raise InputError(
            f"{file}: its header line cannot be read ({error}); lines end in a line feed, and column names are short"
        ) from None


def check_objects(files: list[Path]) -> None:
    """Raise where a file does not begin with a JSON object."""
    for file in files:
        if not _first_line(file).lstrip().startswith("{"):
            raise InputError(f"{file}: line 1 is not a JSON object; write one object a line")


def has_rows(files: Sequence[Path], skip: bool) -> bool:
    """Whether a line of any text file holds something, the header line aside where there is one to ``skip``."""
    for file in files:
        with open_text(file) as stream:
            if any(line.strip() for line in islice(stream, int(skip), None)):
                return True
    return False


def first_undecodable(files: Sequence[Path]) -> str | None:
    """Text file and line that is not UTF-8, or None where there is none before a file ends or is damaged."""
    for file in files:
        number = 0
        try:
            with open_text(file) as stream:
                for line in stream:
                    number += 1
                    line.decode("utf-8")
        except UnicodeDecodeError:
            return f"{file}: line {number}"
        except UNREADABLE:
            return None
    return None
