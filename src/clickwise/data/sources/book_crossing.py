"""Book-Crossing (2004): 1,149,780 ratings of books by 105,283 of 278,858 users, from the official CSV dump.

A row is a line of ``BX-Book-Ratings.csv``, in the order of the file; a user's repeated ratings of one book all stay.
Ratings run from 1 to 10. A rating of 0 is none: the user has to do with the book, and what they think of it is not
known. Most rows are of this kind, so what becomes of them is an option and decides what a label means:

    ``implicit="drop"``: whether a user who rates a book likes it. The default, since nothing is made up.
    ``implicit="negative"``: whether a user who has to do with a book rates it, and highly. All rows are kept, as in the
        count of the recurrent meta-learning paper; much of it can be told from the user's habit of rating at all.
    ``implicit="click"``: whether a user does *not* dislike a book. Few labels are 0, and those alone are ratings.

There are no times. The file goes through users by number, and through the books of a user almost always by ISBN, whose
digits stand for language and publisher: so its order says nothing of what came first, and neighbours in it are alike.
What needs an order (histories and sessions) is only to be had where ``time="file_order"`` says that this order is meant
to be one. A split by time puts whole users into the test part, whoever they are; one per user does not.
"""

import logging
from pathlib import Path

import polars as pl

from clickwise.checks import require_choice, require_flag, require_whole
from clickwise.data.sources.book_crossing_files import (
    BOOKS,
    RATINGS,
    USERS,
    find,
    read_books,
    read_ratings,
    read_users,
)
from clickwise.errors import InputError
from clickwise.schema import Events, Field, Schema

logger = logging.getLogger(__name__)

OWNER = "source 'book-crossing'"
LABELS = ("binary", "rating")
IMPLICIT = ("drop", "negative", "click")
TIMES = ("none", "file_order")
HISTORY_LENGTH = 5
AGE_BUCKETS = 10
EVENTS: dict[str, Events] = {"history": "clicks", "session": "all"}


def load(
    root: Path | None = None,
    books: bool = True,
    label: str = "binary",
    click_from: int = 8,
    implicit: str = "drop",
    time: str = "none",
    history_length: int = HISTORY_LENGTH,
    session_length: int = 0,
    shared_vocabulary: bool = False,
    min_count: int = 1,
    file: str | None = None,
    unpacked: str | None = None,
) -> tuple[pl.DataFrame, Schema]:
    """The ratings, with what the dump tells of users and books; who or what it does not describe has missing values.

    Args:
        root: folder that holds ``BX-CSV-Dump.zip`` or its three files, or has a folder ``book-crossing`` that does.
        books: whether to read ``BX-Books.csv``: authors, years and publishers. In the official dump one rating in ten
            is of an ISBN that it lacks.
        label: ``binary``, or ``rating`` (classes 0 to 9 for ratings 1 to 10; implicit rows must be dropped).
        click_from: the lowest rating that counts as a click; 8 of 10 is as 4 of 5 stars.
        implicit: what becomes of rows without a rating: ``drop``, ``negative`` (label 0) or ``click`` (label 1).
        time: ``none``, or ``file_order``: the number of the row stands in for time, although it says little of it.
        history_length: with ``file_order``: slots of the histories of clicked books and of their authors.
        session_length: with ``file_order``: slots of the session, which are the last rows before, clicked or not, as
            books, authors and labels; 0 for none.
        shared_vocabulary: whether histories and sessions share ids and embeddings with the target book and author.
        min_count: values seen less often in the training rows are one unknown value; 1 keeps all.
        file: name of the archive in ``root``, where it holds several or has a name of its own.
        unpacked: folder that receives the files of an archive, once; None for the user's cache.

    Raises:
        InputError: an option that cannot be used, a file that is absent or damaged, or a line of another form.
    """
    _check(books, label, click_from, implicit, shared_vocabulary)
    ordered = _ordered(time, history_length, session_length, shared_vocabulary)
    paths = {kind: find(kind, root, file, unpacked) for kind in (RATINGS, USERS, *((BOOKS,) if books else ()))}
    table = read_ratings(paths[RATINGS]).with_columns(time=pl.int_range(pl.len(), dtype=pl.Int64))
    given = pl.col("rating") > 0
    if implicit == "drop":
        table = table.filter(given)
    explicit = pl.col("rating") - 1 if label == "rating" else pl.col("rating") >= click_from
    labels = pl.when(given).then(explicit.cast(pl.Int8)).otherwise(pl.lit(implicit == "click").cast(pl.Int8))
    table = table.select("user", "book", *(("time",) if ordered else ()), label=labels)
    table = _described(table, read_users(paths[USERS]), "user", paths[USERS])
    if books:
        table = _described(table, read_books(paths[BOOKS]), "book", paths[BOOKS])
    lengths = (history_length, session_length) if ordered else (0, 0)
    return table, _schema(label, click_from, books, ordered, lengths, shared_vocabulary, min_count)


def _check(books: bool, label: str, click_from: int, implicit: str, shared_vocabulary: bool) -> None:
    for option, value in (("books", books), ("shared_vocabulary", shared_vocabulary)):
        require_flag(OWNER, option, value)
    require_choice(OWNER, "label", label, LABELS)
    require_choice(OWNER, "implicit", implicit, IMPLICIT)
    require_whole(OWNER, "click_from", click_from, 2, 10)
    if label == "rating" and implicit != "drop":
        raise InputError(
            f"{OWNER}: label 'rating' has no class for rows without a rating: implicit must be 'drop', not {implicit!r}"
        )


def _ordered(time: str, history_length: int, session_length: int, shared_vocabulary: bool) -> bool:
    """Whether the order of the file is one of time, which all that looks back needs."""
    require_choice(OWNER, "time", time, TIMES)
    require_whole(OWNER, "history_length", history_length, 1)
    require_whole(OWNER, "session_length", session_length, 0)
    for option, given in (
        ("history_length", history_length != HISTORY_LENGTH),
        ("session_length", session_length != 0),
        ("shared_vocabulary", shared_vocabulary),
    ):
        if given and time == "none":
            raise InputError(
                f"{OWNER}: {option} needs to know what came first, and the files have no times; "
                "say time=file_order if the order of the file shall stand in for it"
            )
    return time == "file_order"


def _described(table: pl.DataFrame, described: pl.DataFrame, key: str, path: Path) -> pl.DataFrame:
    """The columns of ``described`` beside each row; rows of a key that it lacks stay, and are counted."""
    absent = len(table) - int(table[key].is_in(described[key].implode()).sum())
    if absent:
        logger.warning("%s: lacks the %s of %d of %d ratings; its values are missing", path, key, absent, len(table))
    return table.join(described, on=key, how="left", maintain_order="left")


def _schema(
    label: str,
    click_from: int,
    books: bool,
    ordered: bool,
    lengths: tuple[int, int],
    shared_vocabulary: bool,
    min_count: int,
) -> Schema:
    collected = {"books": "book", **({"authors": "author"} if books else {})}
    fields = [
        Field("user", "user", min_count=min_count),
        Field("age", "user", "number", transform="quantile", buckets=AGE_BUCKETS),
        *(Field(place, "user", min_count=min_count) for place in ("city", "state", "country")),
    ]
    for prefix, length in zip(("history", "session"), lengths, strict=True):
        for plural, of in collected.items() if length else ():
            name, events = f"{prefix}_{plural}", EVENTS[prefix]
            vocabulary = of if shared_vocabulary else name
            field = Field(name, "history", "sequence", vocabulary, length, of=of, events=events, min_count=min_count)
            fields.append(field)
    if lengths[1]:
        fields.append(Field("session_labels", "history", "sequence", length=lengths[1], of="label", events="all"))
    fields.append(Field("book", "item", min_count=min_count))
    fields += [Field(name, "item", min_count=min_count) for name in ("author", "year", "publisher")[: 3 * books]]
    classes, first_click = (10, click_from - 1) if label == "rating" else (2, 1)
    return Schema(
        tuple(fields), user="user", time="time" if ordered else "", item="book", classes=classes, click_from=first_click
    )
