"""Book-Crossing: what is wrong is named with its file, line and option."""

from pathlib import Path
from typing import Any

import pytest

from clickwise.data.sources import book_crossing_files, load_source
from clickwise.errors import InputError
from tests.data.sources.book_crossing_dump import BOOKS, RATINGS, USERS, dump, packed


def fails(message: str, root: Path | None, **options: Any) -> None:
    with pytest.raises(InputError, match=message) as error:
        load_source("book-crossing", root, **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("file", "bad", "message"),
    [
        ("ratings", "hello", 'line 3 is \'hello\'; a line there is "user";"isbn";"rating" with a rating of 0 to 10'),
        ("ratings", '"1";"0195153448";"11"', "line 3 is .*11.*; a line there is"),
        ("ratings", '"1";"0195153448";"-1"', "line 3 is .*-1.*; a line there is"),
        ("ratings", '"1";"0195153448";NULL', "line 3 is .*NULL'; a line there is"),
        ("ratings", '"1";"0195153448"', "line 3 is .*0195153448\"'; a line there is"),
        ("ratings", '"one";"0195153448";"1"', "line 3 is .*one.*; a line there is"),
        ("ratings", "1;0195153448;1", "line 3 is '1;0195153448;1'; a line there is"),
        ("users", '"20";"nyc, new york, usa"', 'line 3 is .*nyc.*; a line there is "user";"location";"age"'),
        ("users", '"20";"nyc, new york, usa";18', "line 3 is .*18'; a line there is"),
        ("users", '"1";"nyc, new york, usa";"18"', "user 1 stands twice; keep one of the lines"),
        ("books", '"0195153449";"Title";"Author";"2002";"Publisher"', 'line 3 is .*Title.*; a line there is "isbn"'),
        ("books", BOOKS[0].replace("2002", "MMII"), 'line 3 is .*; a line there is "isbn";"title";"author"'),
        ("books", BOOKS[0][1:], "line 3 is '0195153448.*; a line there is"),
    ],
)
@pytest.mark.parametrize("block", [1, 1 << 24])
def test_a_bad_line_is_named(
    file: str, bad: str, message: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book_crossing_files, "BLOCK_BYTES", block)
    lines = {"ratings": RATINGS, "users": USERS, "books": BOOKS}
    lines[file] = (lines[file][0], bad, *lines[file][1:])
    name = {"ratings": "BX-Book-Ratings.csv", "users": "BX-Users.csv", "books": "BX-Books.csv"}[file]
    fails(f"{name}: {message}", dump(tmp_path, **lines))


def test_lines_are_counted_after_a_record_of_two_lines(tmp_path: Path) -> None:
    users = (USERS[0], USERS[2], "hello")
    fails("BX-Users.csv: line 5 is 'hello'", dump(tmp_path, users=users))


def test_garbage_is_not_gathered_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_crossing_files, "BLOCK_BYTES", 1)
    fails('line 3 is \'"20";"cut x x x', dump(tmp_path, users=(USERS[0], '"20";"cut', *["x"] * 100)))


def test_another_header_and_a_file_without_rows(tmp_path: Path) -> None:
    dump(tmp_path)
    path = tmp_path / "BX-Book-Ratings.csv"
    path.write_text('User-ID,ISBN,Book-Rating\n1,"0195153448",5\n')
    fails('BX-Book-Ratings.csv: line 1 is \'User-ID,ISBN,Book-Rating\'; it must be "User-ID";"ISBN"', tmp_path)
    for text in ('"User-ID";"ISBN";"Book-Rating"\r\n', '"User-ID";"ISBN";"Book-Rating"\r\n\r\n \r\n'):
        path.write_text(text)
        fails("BX-Book-Ratings.csv: holds no rows, only its header; fetch it again from http", tmp_path)
    path.write_text("")
    fails("BX-Book-Ratings.csv: line 1 is ''; it must be", tmp_path)
    dump(tmp_path, ratings=['"1";"0195153448";"0"'])
    fails("book-crossing: the table has no rows", tmp_path)


def test_files_that_are_absent_or_damaged(tmp_path: Path) -> None:
    fails(r"source 'book-crossing': name the folder of its file \(--data-root\); put BX-CSV-Dump.zip of http", None)
    fails("nowhere: no such file or folder; put BX-CSV-Dump.zip", tmp_path / "nowhere")
    fails("holds no BX-Book-Ratings.csv; put BX-CSV-Dump.zip", tmp_path)
    options = {"unpacked": str(tmp_path / "cache")}
    packed(dump(tmp_path / "dump", books=None))
    fails(
        "BX-CSV-Dump.zip: holds no BX-Books.csv; .*, or use books=false, which leaves out", tmp_path / "dump", **options
    )
    packed(dump(tmp_path / "dump"), "BX-CSV-Dump-2.zip")
    fails("holds BX-CSV-Dump-2.zip, BX-CSV-Dump.zip; choose one with the option 'file'", tmp_path / "dump", **options)
    assert len(load_source("book-crossing", tmp_path / "dump", file="BX-CSV-Dump-2.zip", **options)[0]) == 8
    whole = (tmp_path / "dump" / "BX-CSV-Dump-2.zip").read_bytes()
    (tmp_path / "dump" / "BX-CSV-Dump-2.zip").write_bytes(whole[: len(whole) // 2])
    fails("BX-CSV-Dump-2.zip: damaged archive", tmp_path / "dump", file="BX-CSV-Dump-2.zip", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"books": "no"}, "books must be true or false, not 'no'"),
        ({"label": "ratings"}, r"label 'ratings' is unknown; did you mean 'rating'\?"),
        ({"implicit": "clicks"}, r"implicit 'clicks' is unknown; did you mean 'click'\?"),
        ({"click_from": 1}, "click_from must be a whole number between 2 and 10, not 1"),
        ({"click_from": 8.0}, "click_from must be a whole number between 2 and 10, not 8.0"),
        (
            {"label": "rating", "implicit": "click"},
            "label 'rating' has no class for rows without a rating: implicit must",
        ),
        ({"time": "file-order"}, r"time 'file-order' is unknown; did you mean 'file_order'\?"),
        (
            {"session_length": 10},
            "session_length needs to know what came first, and the files have no times; say time=",
        ),
        ({"history_length": 3}, "history_length needs to know what came first"),
        ({"shared_vocabulary": True}, "shared_vocabulary needs to know what came first"),
        ({"session_length": -1, "time": "file_order"}, "session_length must be a whole number of at least 0, not -1"),
        ({"history_length": 0, "time": "file_order"}, "history_length must be a whole number of at least 1, not 0"),
        ({"min_count": 0}, "min_count must be a whole number of at least 1, not 0"),
        ({"book": True}, r"unknown option 'book'; did you mean 'books'\?"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    fails(message, dump(tmp_path), **options)
