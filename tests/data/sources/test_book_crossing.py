"""Book-Crossing: a broken dump of the official layout made by hand, options, histories, and the real prefix."""

import logging
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from clickwise.data.loading import ordered_batches
from clickwise.data.opening import load
from clickwise.data.sources import book_crossing_files, load_source
from clickwise.models import LR
from clickwise.schema import Schema
from tests.data.sources.book_crossing_dump import BOOKS, RATINGS, USERS, dump, packed


def names(schema: Schema) -> list[str]:
    return [field.name for field in schema.fields]


def test_the_broken_dump_is_read_as_it_is_meant(tmp_path: Path) -> None:
    table, schema = load_source("book-crossing", dump(tmp_path), implicit="negative")
    assert table.to_dict(as_series=False) == {
        "user": [1, 1, 1, 2, 2, 3, 3, 4, 4, 99],
        "book": [
            *("0195153448", "055356451X", "055356451X", "055356451X", "0735201994"),
            *("9627982032", "NOTABOOK", "078946697X", None, "193169656X"),
        ],
        "label": [0, 1, 1, 0, 0, 1, 0, 0, 1, 1],
        "age": [None, None, None, 18, 18, None, None, None, None, None],
        "city": [*["nyc"] * 3, *["\u00e5rhus"] * 2, *["cernusco s"] * 2, *["i\u0307zmir"] * 2, None],
        "state": [*["new york"] * 3, None, None, "milan", "milan", None, None, None],
        "country": [*["usa"] * 3, *["denmark"] * 2, *["italy"] * 2, *["turkey"] * 2, None],
        "author": [
            *("mark p. o. morford", *["tami hoag"] * 3, "john peterman", None, None),
            *("michael teitelbaum", None, "elaine ella corvidae"),
        ],
        "year": [2002, None, None, None, None, 1995, None, 2000, None, None],
        "publisher": [
            *("oxford university press", "bantam", "bantam", "bantam", "john wiley & sons inc"),
            *(None, None, "dk publishing inc", None, None),
        ],
    }
    assert names(schema) == ["user", "age", "city", "state", "country", "book", "author", "year", "publisher"]
    assert (schema.user, schema.item, schema.time, schema.label) == ("user", "book", "", "label")


def test_places_and_ages(tmp_path: Path) -> None:
    users = book_crossing_files.read_users(dump(tmp_path) / "BX-Users.csv")
    rows = {row["user"]: row for row in users.iter_rows(named=True)}
    expected = {
        5: (None, "mexico, city, mexico", "city", "mexico"),
        6: (33, "lawrenceville", None, None),
        7: (5, "st. louis", "missouri", None),
        8: (100, "washington", "tyne & wear", "united kingdom"),
        9: (None, None, None, None),
        10: (None, "a b ; c ; 1 ;, tel-aviv", None, "israel"),
    }
    for user, values in expected.items():
        assert tuple(rows[user][name] for name in ("age", "city", "state", "country")) == values


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        ({}, [1, 1, 0, 0, 1, 0, 1, 1]),
        ({"click_from": 9}, [0, 1, 0, 0, 1, 0, 0, 0]),
        ({"implicit": "negative"}, [0, 1, 1, 0, 0, 1, 0, 0, 1, 1]),
        ({"implicit": "click"}, [1, 1, 1, 0, 0, 1, 1, 0, 1, 1]),
        ({"label": "rating"}, [7, 9, 6, 0, 8, 4, 7, 7]),
    ],
)
def test_labels(options: dict[str, Any], labels: list[int], tmp_path: Path) -> None:
    table, schema = load_source("book-crossing", dump(tmp_path), **options)
    assert table["label"].to_list() == labels
    classes = (10, 7) if options.get("label") == "rating" else (2, 1)
    assert (schema.classes, schema.click_from) == classes
    assert "rating" not in table.columns


def test_rows_that_users_or_books_do_not_describe_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        table, _ = load_source("book-crossing", dump(tmp_path), implicit="click")
    assert len(table) == len(RATINGS)
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'BX-Users.csv'}: lacks the user of 1 of 10 ratings; its values are missing",
        f"{tmp_path / 'BX-Books.csv'}: lacks the book of 2 of 10 ratings; its values are missing",
    ]


def test_order_of_the_file_is_time_only_where_that_is_said(tmp_path: Path) -> None:
    dump(tmp_path)
    table, schema = load_source("book-crossing", tmp_path, time="file_order", session_length=4)
    assert table["time"].to_list() == [1, 2, 3, 4, 5, 7, 8, 9]
    looking_back = ["history_books", "history_authors", "session_books", "session_authors", "session_labels"]
    assert names(schema)[5:10] == looking_back
    assert [schema[name].events for name in looking_back] == ["clicks", "clicks", "all", "all", "all"]
    assert [schema[name].length for name in looking_back] == [5, 5, 4, 4, 4]
    assert [schema[name].vocabulary for name in looking_back] == looking_back
    assert (schema.time, schema.collects_label(schema["session_labels"])) == ("time", True)
    _, shared = load_source(
        "book-crossing", tmp_path, time="file_order", session_length=2, history_length=3, shared_vocabulary=True
    )
    assert [shared[name].vocabulary for name in looking_back[:4]] == ["book", "author"] * 2
    assert (shared["history_books"].length, shared["session_books"].length) == (3, 2)


def test_without_books(tmp_path: Path) -> None:
    root = dump(tmp_path, books=None)
    table, schema = load_source("book-crossing", root, books=False, time="file_order", session_length=3)
    assert {"author", "year", "publisher"}.isdisjoint(table.columns)
    user = ["user", "age", "city", "state", "country"]
    assert names(schema) == [*user, "history_books", "session_books", "session_labels", "book"]


@pytest.mark.parametrize("block", [1, 40, 200])
def test_blocks_and_line_ends_do_not_change_what_is_read(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = load_source("book-crossing", dump(tmp_path / "windows"), implicit="click")
    unix = dump(tmp_path / "unix", (*RATINGS, "", " "), [USERS[0], "", *USERS[1:]], end="\n")
    monkeypatch.setattr(book_crossing_files, "BLOCK_BYTES", block)
    assert load_source("book-crossing", tmp_path / "windows", implicit="click")[0].equals(expected)
    assert load_source("book-crossing", unix, implicit="click")[0].equals(expected)


def test_a_last_record_without_a_line_end(tmp_path: Path) -> None:
    dump(tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes().removesuffix(b"\r\n"))
    assert len(book_crossing_files.read_users(tmp_path / "BX-Users.csv")) == len(USERS)
    assert len(book_crossing_files.read_books(tmp_path / "BX-Books.csv")) == len(BOOKS) - 1
    assert len(book_crossing_files.read_ratings(tmp_path / "BX-Book-Ratings.csv")) == len(RATINGS)


def test_the_official_archive(tmp_path: Path) -> None:
    expected, _ = load_source("book-crossing", dump(tmp_path / "plain"))
    packed(dump(tmp_path / "packed"))
    cache = str(tmp_path / "cache")
    for root in (tmp_path / "packed", tmp_path / "packed" / "BX-CSV-Dump.zip"):
        assert load_source("book-crossing", root, unpacked=cache)[0].equals(expected)
    dump(tmp_path / "packed" / "book-crossing")
    (tmp_path / "packed" / "BX-CSV-Dump.zip").unlink()
    assert load_source("book-crossing", tmp_path / "packed")[0].equals(expected)


def drawn(rows: int) -> list[str]:
    """Ratings of users one after the other, as in the real file."""
    rng = np.random.default_rng(0)
    user = np.sort(rng.integers(1, 9, rows))
    return [
        f'"{u}";"{b:09d}{"xX"[c]}";"{r}"'
        for u, b, c, r in zip(
            user, rng.integers(1, 12, rows), rng.integers(0, 2, rows), rng.integers(0, 11, rows), strict=True
        )
    ]


def test_sessions_hold_all_earlier_rows_of_the_user_and_their_labels(tmp_path: Path) -> None:
    options: dict[str, Any] = {"books": False, "time": "file_order", "session_length": 3, "history_length": 2}
    root = dump(tmp_path / "dump", drawn(200))
    table, _ = load_source("book-crossing", root, **options)
    log = load("book-crossing", root, split="chronological-per-user", cache=tmp_path / "cache", **options)
    schema, vocabularies = log.schema, log.encoder.vocabularies
    for part in log:
        for row, ids in zip(part.row, part.ids, strict=True):
            before = table[: int(row)].filter(pl.col("user") == table["user"][int(row)])
            for field, column, rows in (
                ("session_books", "book", before[-3:]),
                ("history_books", "book", before.filter(pl.col("label") == 1)[-2:]),
                ("session_labels", "label", before[-3:]),
            ):
                held = ids[schema.slots(field)]
                held = held[held > 0] - schema.offsets[schema[field].vocabulary] - 2
                if column == "label":
                    assert held.tolist() == rows["label"].to_list()
                    continue
                values = vocabularies[schema[field].vocabulary].values.to_list()
                known = [values[k] if k >= 0 else None for k in held]
                assert all(a == b for a, b in zip(known, rows[column].to_list(), strict=True) if a is not None)
                assert any(a is not None for a in known) or not len(rows) or part is not log.train


def test_a_split_by_time_leaves_users_out(tmp_path: Path) -> None:
    root = dump(tmp_path / "dump", drawn(400))
    train, _, test = load("book-crossing", root, books=False, time="file_order", cache=tmp_path / "cache")
    assert len(np.intersect1d(train.user, test.user)) == 0
    train, _, test = load(
        "book-crossing", root, books=False, split="chronological-per-user", cache=tmp_path / "cache", time="file_order"
    )
    assert set(test.user.tolist()) <= set(train.user.tolist())


def test_the_real_prefix(shared_data: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "unpacked")
    table, _ = load_source("book-crossing", shared_data, books=False, implicit="negative", unpacked=cache, click_from=7)
    assert (len(table), table["user"].n_unique()) == (199_999, 17_793)
    assert round(table["label"].mean(), 3) == 0.297
    assert table["book"].drop_nulls().n_unique() == 106_898  # 106,951 as they are written, one of them of zeros
    assert len(table) - table.group_by("user", "book").len().height == 13
    explicit, _ = load_source("book-crossing", shared_data, books=False, unpacked=cache)
    assert (len(explicit), round(len(explicit) / len(table), 3)) == (79_269, 0.396)
    known = table.drop_nulls("book").group_by("user", maintain_order=True).agg("book")["book"].to_list()
    in_order = [a <= b for books in known for a, b in pairwise(books)]
    assert np.mean(in_order) > 0.99  # the order of the file is that of ISBNs
    users = book_crossing_files.read_users(next(Path(cache).glob("*BX-Users.csv")))
    assert len(users) == 278_858
    assert users["age"].drop_nulls().is_between(5, 100).all()
    assert users.filter(pl.col("user") == 275_081).rows() == [(275_081, None, "cernusco s", "milan", "italy")]


def test_lr_takes_steps_on_the_real_prefix(shared_data: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"books": False, "time": "file_order", "session_length": 10}
    log = load(
        *("book-crossing", shared_data),
        split="chronological-per-user",
        cache=tmp_path / "cache",
        unpacked=str(tmp_path / "unpacked"),
        **options,
    )
    torch.manual_seed(0)
    model = LR(log.schema)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    batch = next(ordered_batches(log.train, 2048))
    losses = []
    for _ in range(3):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(batch), batch.label.float())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > losses[1] > losses[2]
