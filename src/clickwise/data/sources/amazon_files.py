"""The two files of an Amazon product category: its reviews, and the metadata of its items.

Both hold one record a line, plain or in gzip. They are read in blocks of whole lines, so that memory grows with the
columns that are kept and not with the texts of the reviews.
"""

import ast
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from clickwise.data.files import line_blocks, open_text
from clickwise.errors import InputError, one_line

PAGE = "https://jmcauley.ucsd.edu/data/amazon/"
BLOCK_BYTES = 1 << 25
STARS = (1.0, 2.0, 3.0, 4.0, 5.0)
REVIEW_COLUMNS = {"reviewerID": pl.String(), "asin": pl.String(), "overall": pl.Float64(), "unixReviewTime": pl.Int64()}

# Whatever stands in quotes is skipped as one piece, and so is a dict within the record: a title or a description that
# happens to read like a key cannot be taken for one.
_TEXT = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_BEFORE_KEY = rf"""^\s*\{{(?:[^'"{{}}]|{_TEXT}|\{{(?:[^'"{{}}]|{_TEXT})*\}})*?"""
_PATH = rf"""\[(?:[^'"\[\]{{}}]|{_TEXT})*\]"""
ITEM_PATTERN = _BEFORE_KEY + r"""['"]asin['"]\s*:\s*['"]([^'"\\]+)['"]\s*[,}]"""
CATEGORIES_PATTERN = _BEFORE_KEY + rf"""['"]categories['"]\s*:\s*(\[\s*(?:{_PATH}\s*,?\s*)*\])\s*[,}}]"""

Literal = Callable[[str], Any]


def read_reviews(path: Path) -> pl.DataFrame:
    """``reviewerID``, ``asin``, ``overall`` (1 to 5) and ``unixReviewTime`` (seconds), one row a line.

    Raises:
        InputError: an empty or damaged file, or a line that is not a JSON object with these keys.
    """
    named = (pl.col("reviewerID") != "") & (pl.col("asin") != "")
    sound = (named & pl.col("overall").is_in(STARS) & pl.col("unixReviewTime").is_not_null()).fill_null(False)
    tables = []
    for first, block in _blocks(path):
        try:
            table = pl.read_ndjson(io.BytesIO(block), schema=REVIEW_COLUMNS)
        except pl.exceptions.PolarsError as error:
            raise _review_error(path, first, block, one_line(error)) from None
        if not table.select(sound.all()).item():
            raise _review_error(path, first, block, "a key or value is not as it should be")
        tables.append(table)
    return pl.concat(tables, rechunk=True)


def read_categories(path: Path, items: pl.Series, which: int) -> pl.DataFrame:
    """``asin`` and ``category`` of those of ``items`` that the metadata describe; lines of other items are skipped.

    Args:
        path: a Python dict a line, as the official files are written, or a JSON object a line.
        items: the values of ``asin`` to keep.
        which: index of the path in ``categories`` whose last category is taken. Null where that path is empty.

    Raises:
        InputError: an empty or damaged file, a line that cannot be read, or an item with two different categories.
    """
    tables = []
    literal: Literal | None = None
    for first, block in _blocks(path):
        try:
            lines = pl.Series("line", block.decode().split("\n")).str.strip_chars()
        except UnicodeDecodeError as error:
            number = first + block.count(b"\n", 0, error.start)
            raise InputError(f"{path}: line {number} is not UTF-8; convert the file to UTF-8") from None
        literal = literal or _literal_of(lines)
        tables.append(_parse(path, first, lines, items, which, literal))
    table = pl.concat(tables).unique(maintain_order=True)
    if table["asin"].is_duplicated().any():
        item = table.filter(pl.col("asin").is_duplicated())["asin"][0]
        raise InputError(f"{path}: item {item!r} stands twice, with different categories; keep one of its lines")
    return table


def _parse(path: Path, first: int, lines: pl.Series, items: pl.Series, which: int, literal: Literal) -> pl.DataFrame:
    """Two patterns find what is needed in nearly all lines; only the others are parsed as a whole, which is slow."""
    asin = lines.str.extract(ITEM_PATTERN)
    wanted = ((asin.is_in(items.implode()) | asin.is_null()) & (lines != "")).arg_true()
    asin, lines, number = asin.gather(wanted), lines.gather(wanted), wanted + first
    written = lines.str.extract(CATEGORIES_PATTERN)
    distinct = written.drop_nulls().unique()
    found = [_found(text, which, literal) for text in distinct]
    category = written.replace_strict(distinct, pl.Series(found, dtype=pl.String), default=None, return_dtype=pl.String)
    unsure = asin.is_null() | category.is_null() | ~lines.str.ends_with("}")
    sure = pl.DataFrame({"asin": asin, "category": category}).filter(~unsure)
    others = pl.DataFrame({"number": number, "line": lines}).filter(unsure)
    whole = [_parse_line(path, number, line, which, literal) for number, line in others.iter_rows()]
    table = pl.concat([sure, pl.DataFrame(whole, schema=sure.schema, orient="row")])
    return table.filter(pl.col("asin").is_in(items.implode()))


def _found(text: str, which: int, literal: Literal) -> str | None:
    """The category in a list of paths, or None where its line must be parsed as a whole."""
    try:
        return _category(literal(text), which)
    except (ValueError, SyntaxError, TypeError):
        return None


def _parse_line(path: Path, number: int, line: str, which: int, literal: Literal) -> tuple[str, str | None]:
    """Item and category of one line, parsed in full."""
    form = f"a line there is a {'JSON object' if literal is json.loads else 'Python dict'} with 'asin' and 'categories'"
    try:
        record = literal(line)
    except (ValueError, SyntaxError, TypeError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise InputError(f"{path}: line {number} is {line[:80]!r}; {form}")
    if not isinstance(item := record.get("asin"), str) or not item:
        raise InputError(f"{path}: line {number} has no 'asin'; {form}")
    try:
        return item, _category(record.get("categories", []), which)
    except TypeError:
        raise InputError(f"{path}: line {number}: 'categories' must be a list of paths, each a list of names") from None


def _category(paths: Any, which: int) -> str | None:
    """The last category of one of the paths, or None where it is empty."""
    if not isinstance(paths, list) or not all(isinstance(names, list) for names in paths):
        raise TypeError("not a list of paths")
    names = paths[which] if paths else []
    if not all(isinstance(name, str) for name in names):
        raise TypeError("a category that is not text")
    return names[-1] or None if names else None


def _literal_of(lines: pl.Series) -> Literal:
    """How the lines are written: as JSON where the first one is, else as Python."""
    try:
        json.loads(next((line for line in lines if line), ""))
    except ValueError:
        return ast.literal_eval
    return json.loads


def _review_error(path: Path, first: int, block: bytes, reason: str) -> InputError:
    """What is wrong with the first faulty line of a block that could not be read."""
    for number, line in enumerate(block.split(b"\n"), start=first):
        if line.strip() and (fault := _review_fault(line)):
            return InputError(f"{path}: line {number} {fault}")
    return InputError(f"{path}: cannot be read as JSON, in line {first} or soon after: {reason}")


def _review_fault(line: bytes) -> str:
    """What is wrong with a line, or nothing."""
    form = f"a line there is a JSON object with {', '.join(REVIEW_COLUMNS)}"
    try:
        review = json.loads(line)
    except (ValueError, RecursionError):
        review = None
    if not isinstance(review, dict):
        return f"is {line.decode('utf-8', 'replace').strip()[:80]!r}; {form}"
    if absent := [key for key in REVIEW_COLUMNS if review.get(key) in (None, "")]:
        return f"has no {absent[0]!r}; {form}"
    stars, time = review["overall"], review["unixReviewTime"]
    if isinstance(stars, bool) or stars not in STARS:
        return f"has 'overall' {stars!r}; it must be 1, 2, 3, 4 or 5"
    if not isinstance(time, int) or isinstance(time, bool):
        return f"has 'unixReviewTime' {time!r}; it must be a whole number of seconds"
    return ""


def _blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Whole lines, some at a time, with the number of the first one; a file without any is an error."""
    empty = True
    try:
        with open_text(path) as stream:
            for first, block in line_blocks(stream, BLOCK_BYTES):
                if block.strip():
                    empty = False
                    yield first, block
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: damaged gzip file ({error}); fetch it again from {PAGE}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot read it: {error.strerror or error}") from None
    if empty:
        raise InputError(f"{path}: the file is empty; fetch it again from {PAGE}")
