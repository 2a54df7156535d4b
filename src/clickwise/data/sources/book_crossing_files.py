"""The three files of Book-Crossing's CSV dump: where they lie, how lines are written, and how their values are cleaned.

Columns stand in quotes with a semicolon between, in latin-1. A quote within a value is written ``\\"``, a value may
hold a semicolon or a line end, and NULL stands without quotes. So no reader of CSV takes the files as they are: here a
column ends where ``";"`` stands, and a line that ends inside a record is joined with the next one.
"""

import html
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from clickwise.data.files import line_blocks
from clickwise.data.sources.packed import Official, find_file
from clickwise.errors import InputError

BLOCK_BYTES = 1 << 24
MOST_LINES = 20  # that one record may take
PAGE = "http://www2.informatik.uni-freiburg.de/~cziegler/BX/"
YEARS = (1450, 2005)  # printed books, and up to a year after the dump of 2004
AGES = (5, 100)


@dataclass(frozen=True)
class RecordForm:
    """How a file is written.

    Attributes:
        name: of the file.
        header: its first line.
        start, end: patterns of the beginning of a record's first line, and of the end of its last one.
        record: pattern of a record, with one named group a column; the first group is never empty.
        form: the record in words, for messages.
        advice: what to do where the file is absent.
    """

    name: str
    header: str
    start: str
    end: str
    record: str
    form: str
    advice: str


_FETCH = f"put BX-CSV-Dump.zip of {PAGE} there, packed or not"
RATINGS = RecordForm(
    "BX-Book-Ratings.csv",
    '"User-ID";"ISBN";"Book-Rating"',
    r'^"[0-9]+";"',
    r'";"[0-9]+"$',
    r'^"(?P<user>[0-9]{1,9})";"(?P<book>.*)";"(?P<rating>10|[0-9])"$',
    '"user";"isbn";"rating" with a rating of 0 to 10',
    _FETCH,
)
USERS = RecordForm(
    "BX-Users.csv",
    '"User-ID";"Location";"Age"',
    r'^"[0-9]+";',
    r'";(?:NULL|"[^";]*")$',
    r'^"(?P<user>[0-9]{1,9})";"(?P<location>.*)";(?:NULL|"(?P<age>[^"]*)")$',
    '"user";"location";"age" with NULL for an age that is not known',
    _FETCH,
)
BOOKS = RecordForm(
    "BX-Books.csv",
    '"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher";"Image-URL-S";"Image-URL-M";"Image-URL-L"',
    r'^"[^"; ]{1,20}";"',
    r';(?:NULL|"[^"]*");(?:NULL|"[^"]*");(?:NULL|"[^"]*")$',
    r'^"(?P<book>[^"]+)";(?:NULL|".*");(?:NULL|"(?P<author>.*)");(?:NULL|"(?P<year>[0-9]*)");'
    r'(?:NULL|"(?P<publisher>.*)");(?:NULL|"[^"]*");(?:NULL|"[^"]*");(?:NULL|"[^"]*")$',
    '"isbn";"title";"author";"year";"publisher" and three links to images',
    f"{_FETCH}, or use books=false, which leaves out authors, years and publishers",
)


def find(form: RecordForm, root: Path | None, archive: str | None, unpacked: str | None) -> Path:
    """A file below ``root``, plain or unpacked once from the archive; errors as for ``packed.find_file``."""
    official = Official("book-crossing", (form.name,), ("BX-CSV-Dump*.zip",), form.advice)
    return find_file(official, root, archive, unpacked)


def read(path: Path, form: RecordForm) -> pl.DataFrame:
    """One row a record in the order of the file, one text column a group of the pattern; null for NULL.

    Raises:
        InputError: another header, no records, or a record in another form, named by its first line.
    """
    tables, rest, number = [], pl.Series("line", [], dtype=pl.String), 2
    with path.open("rb") as stream:
        header = stream.readline(1000).decode("latin-1").rstrip("\r\n")
        if header != form.header:
            raise InputError(f"{path}: line 1 is {header[:80]!r}; it must be {form.header}")
        for _, block in line_blocks(stream, BLOCK_BYTES):
            text = block.decode("latin-1").replace("\r\n", "\n").removesuffix("\n")
            lines = rest.append(pl.Series("line", text.split("\n"), dtype=pl.String))
            starts = _starts(lines, form)
            last = int(starts.arg_true()[-1])
            # The last record may go on in the next block; garbage does so for ever, hence the limit.
            open_end = not _ends(lines[-1:], form)[0] and len(lines) - last < MOST_LINES
            whole = last if open_end else len(lines)
            tables.append(_parse(path, form, number, lines[:whole], starts[:whole]))
            number, rest = number + whole, lines[whole:]
    if len(rest):
        tables.append(_parse(path, form, number, rest, _starts(rest, form)))
    if not sum(map(len, tables)):
        raise InputError(f"{path}: holds no rows, only its header; fetch it again from {PAGE}")
    return pl.concat(tables)


def _starts(lines: pl.Series, form: RecordForm) -> pl.Series:
    """Which lines begin a record: those that look like it, and those after a line that ends one."""
    after_end = _ends(lines, form).shift(1, fill_value=True)
    return lines.str.contains(form.start) | after_end


def _ends(lines: pl.Series, form: RecordForm) -> pl.Series:
    return lines.str.contains(form.end) | (lines.str.strip_chars() == "")


def _parse(path: Path, form: RecordForm, number: int, lines: pl.Series, starts: pl.Series) -> pl.DataFrame:
    """The records in lines of which the first is number ``number`` of the file."""
    numbered = pl.DataFrame({"line": lines, "record": starts.cum_sum()}).with_row_index("number", number)
    if not starts.all():
        together = numbered.group_by("record", maintain_order=True)
        numbered = together.agg(pl.col("line").str.join(" "), pl.col("number").first())
    numbered = numbered.filter(pl.col("line").str.strip_chars() != "")
    columns = numbered["line"].str.extract_groups(form.record).struct.unnest()
    bad = columns.to_series().is_null()
    if bad.any():
        row = numbered.row(int(bad.arg_true()[0]), named=True)
        raise InputError(f"{path}: line {row['number']} is {row['line'][:80]!r}; a line there is {form.form}")
    return columns


def read_ratings(path: Path) -> pl.DataFrame:
    """``user``, ``book`` and ``rating`` (0 to 10), in the order of the file; errors as for ``read``."""
    table = read(path, RATINGS)
    return table.select(pl.col("user").cast(pl.Int32), _isbn(pl.col("book")), pl.col("rating").cast(pl.Int8))


def read_users(path: Path) -> pl.DataFrame:
    """``user``, ``age`` (null where it is absurd), ``city``, ``state`` and ``country``, one row a user.

    Raises:
        InputError: as for ``read``, or a user who stands twice.
    """
    table = read(path, USERS).with_columns(pl.col("user").cast(pl.Int32))
    if (twice := table["user"].is_duplicated()).any():
        raise InputError(f"{path}: user {table['user'].filter(twice)[0]} stands twice; keep one of the lines")
    parts = _unescaped(table["location"]).str.split(",").alias("parts")
    part = pl.col("parts").list
    count = part.len().cast(pl.Int64)
    full = count >= 3
    age = pl.col("age").cast(pl.Int32, strict=False)
    # From the end, since a city may hold commas; with fewer than three parts the country is the one that is left out.
    places = {
        "city": part.head((count - 2).clip(1)).list.join(","),
        "state": part.get(pl.when(full).then(-2).otherwise(1), null_on_oob=True),
        "country": pl.when(full).then(part.get(-1)),
    }
    return table.with_columns(parts).select(
        "user", pl.when(age.is_between(*AGES)).then(age).alias("age"), **{k: _name(v) for k, v in places.items()}
    )


def read_books(path: Path) -> pl.DataFrame:
    """``book``, ``author``, ``year`` (null where it is absurd) and ``publisher``, one row a book.

    Of books whose ISBNs differ in case alone the first one counts. Errors as for ``read``.
    """
    table = read(path, BOOKS)
    table = table.with_columns(_unescaped(table["author"]), _unescaped(table["publisher"]))
    year = pl.col("year").cast(pl.Int32, strict=False)
    return table.select(
        _isbn(pl.col("book")),
        _name(pl.col("author")).alias("author"),
        pl.when(year.is_between(*YEARS)).then(year).cast(pl.Int16).alias("year"),
        _name(pl.col("publisher")).alias("publisher"),
    ).unique("book", keep="first", maintain_order=True)


def _isbn(text: pl.Expr) -> pl.Expr:
    """Letters and digits in capitals; null where there are none but zeros."""
    bare = text.str.replace_all("[^0-9A-Za-z]", "").str.to_uppercase()
    return pl.when(bare.str.contains("[^0]")).then(bare).alias("book")


def _name(text: pl.Expr) -> pl.Expr:
    """In small letters and without quotes and spaces around; null for n/a and what holds neither letter nor digit."""
    bare = text.str.replace_all(r'[\\"\s]+', " ").str.to_lowercase().str.strip_chars(" .,;:-()`")
    return pl.when(bare.str.contains(r"\pL|\pN") & ~bare.is_in(["n/a", "null"])).then(bare)


def _unescaped(texts: pl.Series) -> pl.Series:
    """With HTML entities as the characters that they stand for; distinct texts that may hold one are few."""
    held = texts.filter(texts.str.contains("&", literal=True).fill_null(False)).unique()
    return texts.replace(held, pl.Series([html.unescape(text) for text in held], dtype=pl.String))
