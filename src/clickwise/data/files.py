"""The files of a raw table, checked before they are parsed: their kind, their header line, their encoding."""

import csv
import gzip
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import IO

from clickwise.errors import InputError

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


def list_files(path: Path) -> list[Path]:
    """The file itself, or the files of a folder in order of their names; hidden ones are left out."""
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith((".", "_")))
    if not files:
        raise InputError(f"{path}: the folder holds no files")
    return files


def kind_of(path: Path) -> str:
    """``csv``, ``tsv``, ``jsonl`` or ``parquet``, by the suffix."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    gzipped = suffixes[-1:] == [".gz"]
    kind = KINDS.get((suffixes[:-1] if gzipped else suffixes)[-1:][0] if len(suffixes) > gzipped else "")
    if kind is None or (gzipped and kind == "parquet"):
        raise InputError(
            f"{path}: unknown kind of file; known: .csv, .tsv, .jsonl, .ndjson, .json (also .gz), .parquet"
        )
    return kind


def _open(path: Path) -> IO[bytes]:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return path.open("rb")


def _first_line(path: Path) -> str:
    try:
        with _open(path) as stream:
            return stream.readline().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: line 1 is not UTF-8; convert the file to UTF-8") from None
    except (OSError, EOFError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def check_headers(files: list[Path], separator: str) -> None:
    """Raise where a header line is empty, repeats a name, or differs from that of the first file."""
    first: list[str] = []
    for file in files:
        names = next(csv.reader([_first_line(file)], delimiter=separator), [])
        if not any(names):
            raise InputError(f"{file}: the header line is empty; the first line must name the columns")
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise InputError(f"{file}: column {twice!r} stands twice in the header; column names are unique")
        if first and names != first:
            raise InputError(
                f"{file}: its columns differ from those of {files[0]}; files of a folder share their columns"
            )
        first = names


def check_objects(files: list[Path]) -> None:
    """Raise where a file does not begin with a JSON object."""
    for file in files:
        if not _first_line(file).lstrip().startswith("{"):
            raise InputError(f"{file}: line 1 is not a JSON object; write one object a line")


def has_rows(files: Sequence[Path], skip: bool) -> bool:
    """Whether a line of any text file holds something, the header line aside where there is one to ``skip``."""
    for file in files:
        with _open(file) as stream:
            if any(line.strip() for line in islice(stream, int(skip), None)):
                return True
    return False


def first_undecodable(files: Sequence[Path]) -> str | None:
    """Text file and line that is not UTF-8, or None."""
    for file in files:
        with _open(file) as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError:
                    return f"{file}: line {number}"
    return None


def one_line(error: Exception) -> str:
    """The first paragraph of an error, on one line."""
    return " ".join(str(error).split("\n\n")[0].split())[:300]
