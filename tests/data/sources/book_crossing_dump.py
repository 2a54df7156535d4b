"""A small dump in Book-Crossing's official layout, with all that is broken in the real one."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

USERS_HEADER = '"User-ID";"Location";"Age"'
RATINGS_HEADER = '"User-ID";"ISBN";"Book-Rating"'
BOOKS_HEADER = (
    '"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher";"Image-URL-S";"Image-URL-M";"Image-URL-L"'
)
USERS = (
    '"1";"nyc, new york, usa";NULL',
    '"2";"\u00e5rhus, \\"n/a\\", denmark";"18"',
    '"3";"cernusco s\n, milan, italy";NULL',
    '"4";"&#304;zmir, n/a, turkey";"244"',
    '"5";"mexico, city, mexico, city, mexico";"4"',
    '"6";"lawrenceville";"33"',
    '"7";"St. Louis, missouri";"5"',
    '"8";"washington, tyne & wear, united kingdom";"100"',
    '"9";", , ";"0"',
    '"10";"a \\"b\\"; c";"1";, tel-aviv, \\"n/a\\"), israel.";"101"',
)


def book(isbn: str, title: str, author: str, year: str, publisher: str) -> str:
    """A line of ``BX-Books.csv``; author and publisher come with their quotes or as NULL."""
    links = ";".join(f'"http://images.amazon.com/images/P/{isbn}.01.{size}.jpg"' for size in ("THUMB", "M", "L"))
    return f'"{isbn}";"{title}";{author};"{year}";{publisher};{links}'


BOOKS = (
    book("0195153448", "Classical Mythology", '"Mark P. O. Morford"', "2002", '"Oxford University Press"'),
    book("078946697X", 'DK Readers (Level 4)\\"', '"Michael Teitelbaum"', "2000", '"DK Publishing Inc"'),
    book("0735201994", 'The Real \\"J. Peterman\\" &amp; Life', '"John  Peterman"', "0", '"John Wiley &amp; Sons Inc"'),
    book("055356451x", 'Night; "Sins";', '"TAMI HOAG"', "2050", '"Bantam"'),
    book("055356451X", "Night Sins", '"another"', "1995", '"another"'),
    book("9627982032", "The Edge\r\nof two lines", "NULL", "1995", "NULL"),
    book("193169656X", "Quoted; author", '"Elaine \\"Ella\\" Corvidae"', "1449", '"N/A"'),
)
RATINGS = (
    '"1";"0195153448";"0"',
    '"1";"055356451X";"8"',
    '"1";"055356451X";"10"',
    '"2";"055356451x";"7"',
    '"2";"0-7352-0199.4";"1"',
    '"3";"9627982032";"9"',
    '"3";"NOT A BOOK";"0"',
    '"4";" 078946697X\\"";"5"',
    '"4";"???";"8"',
    '"99";"193169656X";"8"',
)


def write(folder: Path, name: str, header: str, lines: Sequence[str], end: str = "\r\n") -> None:
    text = "".join(line + end for line in (header, *lines))
    (folder / name).write_bytes(text.encode("latin-1"))


def dump(
    folder: Path,
    ratings: Sequence[str] = RATINGS,
    users: Sequence[str] = USERS,
    books: Sequence[str] | None = BOOKS,
    end: str = "\r\n",
) -> Path:
    """The three files in a folder, with the line ends of the official ones."""
    folder.mkdir(exist_ok=True)
    write(folder, "BX-Book-Ratings.csv", RATINGS_HEADER, ratings, end)
    write(folder, "BX-Users.csv", USERS_HEADER, users, end)
    if books is not None:
        write(folder, "BX-Books.csv", BOOKS_HEADER, books, end)
    return folder


def packed(folder: Path, name: str = "BX-CSV-Dump.zip") -> Path:
    """The files of a folder, moved into the official archive beside them."""
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.glob("BX-*.csv")):
            archive.write(path, path.name)
            path.unlink()
    return folder
