"""Rows of CSV and TSV files that have fewer or more values than there are columns.

The parser fills a short row with nulls, and names no line of a long one or, where not all columns are asked for, lets
it pass. So separators are counted here, which is a few percent of the time of preparing. A file that is asked for all
its columns and of which every last cell holds something cannot hold such rows, and is not read twice.
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np

from clickwise.data.files import SEPARATORS, line_blocks, open_text
from clickwise.errors import InputError

BLOCK_BYTES = 1 << 20
QUOTED_BYTES = 1 << 24  # no cell is as long: a quote that is still open after it was none
SUSPECTS = 1000
KINDS = {separator: kind for kind, separator in SEPARATORS.items()}
QUOTE, LINE_END = ord('"'), ord("\n")


def check_row_widths(files: Iterable[Path], separator: str, width: int) -> None:
    """Raise ``InputError`` for the first line that has another number of values than there are columns.

    A row that does not fit by the count is read once more as CSV, since a quote within a cell without quotes misleads
    the count and not the parser. For the same reason the rest of a file is given up, without an error, where a quote
    stays open.

    Args:
        files: the text files.
        separator: what stands between two values.
        width: number of columns.
    """
    for path in files:
        with open_text(path) as stream:
            for number, block in _whole_rows(stream):
                _check_block(path, number, block, separator, width)


def _whole_rows(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Blocks of whole rows, each with the number of its first line; quoted cells may hold line ends."""
    first, rest = 1, b""
    for number, block in line_blocks(stream, BLOCK_BYTES):
        first, rest = (first, rest + block) if rest else (number, block)
        if rest.count(b'"') % 2 == 0:
            yield first, rest if rest.endswith(b"\n") else rest + b"\n"
            rest = b""
        elif len(rest) > QUOTED_BYTES:
            return


def _check_block(path: Path, number: int, block: bytes, separator: str, width: int) -> None:
    letters = np.frombuffer(block, np.uint8)
    marks, ends = letters == ord(separator), letters == LINE_END
    if b'"' in block:
        outside = ~np.logical_xor.accumulate(letters == QUOTE)
        marks, ends = marks & outside, ends & outside
    both = np.flatnonzero(marks | ends)
    lasts = letters[both[width - 1 :: width]]  # line ends, where all rows are sound
    if len(both) == width * len(lasts) and (lasts == LINE_END).all() and len(lasts) == np.count_nonzero(ends):
        return
    stops = np.flatnonzero(ends)
    counts = np.diff(np.searchsorted(np.flatnonzero(marks), stops), prepend=0) + 1
    for row in np.flatnonzero(counts != width)[:SUSPECTS]:
        start = int(stops[row - 1]) + 1 if row else 0
        values = _values(block[start : int(stops[row])], separator)
        if values is not None and values != width:
            what = f"has {values} value{'s' * (values > 1)}" if values else "is empty"
            line = number + block.count(b"\n", 0, start)
            raise InputError(
                f"{path}: cannot be read as {KINDS[separator]}: line {line} {what}; a row has {width}, one a column"
            )


def _values(row: bytes, separator: str) -> int | None:
    """Number of values of a row, or None where it cannot be told."""
    try:
        return len(next(csv.reader([row.decode("utf-8", "replace").rstrip("\r")], delimiter=separator), []))
    except csv.Error:
        return None
