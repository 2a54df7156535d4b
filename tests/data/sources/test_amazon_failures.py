"""Amazon reviews: what is wrong is named with its file, line and option."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from clickwise.data.sources import load_source
from clickwise.errors import InputError

GOOD = '{"reviewerID": "U1", "asin": "B1", "overall": 5.0, "unixReviewTime": 100}'
ITEM = "{'asin': 'B1', 'categories': [['A', 'B']]}"
NAME = "reviews_Toys_5.json.gz"


def fails(message: str, root: Path | None, **options: Any) -> None:
    with pytest.raises(InputError, match=message) as error:
        load_source("amazon", root, **options)
    assert "\n" not in str(error.value)


def packed(folder: Path, name: str, *lines: str | bytes) -> Path:
    content = b"\n".join(text if isinstance(text, bytes) else text.encode() for text in lines) + b"\n"
    (folder / name).write_bytes(gzip.compress(content))
    return folder


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("hello", "line 3 is 'hello'; a line there is a JSON object with reviewerID, asin, overall, unixReviewTime"),
        ("{'reviewerID': 'U1'}", "line 3 is .*; a line there is a JSON object"),
        ("[1, 2]", "line 3 is '\\[1, 2\\]'; a line there is a JSON object"),
        (GOOD[:40], "line 3 is .*; a line there is a JSON object"),
        (GOOD + GOOD, "line 3 is .*; a line there is a JSON object"),
        (b'{"reviewerID": "\xff"}', "line 3 is .*; a line there is a JSON object"),
        (GOOD.replace('"asin": "B1", ', ""), "line 3 has no 'asin'"),
        (GOOD.replace('"U1"', '""'), "line 3 has no 'reviewerID'"),
        (GOOD.replace("5.0", "null"), "line 3 has no 'overall'"),
        (GOOD.replace('"unixReviewTime"', '"time"'), "line 3 has no 'unixReviewTime'"),
        (GOOD.replace("5.0", "6.0"), "line 3 has 'overall' 6.0; it must be 1, 2, 3, 4 or 5"),
        (GOOD.replace("5.0", "0"), "line 3 has 'overall' 0; it must be"),
        (GOOD.replace("5.0", "3.5"), "line 3 has 'overall' 3.5; it must be"),
        (GOOD.replace("5.0", '"five"'), "line 3 has 'overall' 'five'; it must be"),
        (GOOD.replace("100", "12.5"), "line 3 has 'unixReviewTime' 12.5; it must be a whole number of seconds"),
        (GOOD.replace("100", '"05 7, 2013"'), "line 3 has 'unixReviewTime' '05 7, 2013'; it must be a whole number"),
    ],
)
def test_reviews_that_cannot_be_used(bad: str | bytes, message: str, tmp_path: Path) -> None:
    fails(rf"reviews_Toys_5.json.gz: {message}", packed(tmp_path, NAME, GOOD, "", bad, GOOD, "hello"))


def test_a_line_that_only_a_lenient_parser_accepts(tmp_path: Path) -> None:
    lenient = GOOD.replace("100", '100, "x": NaN')
    fails("cannot be read as JSON, in line 1 or soon after: ", packed(tmp_path, NAME, GOOD, lenient))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("hello", "line 2 is 'hello'; a line there is a Python dict with 'asin' and 'categories'"),
        ("{'asin': 'B1', 'categories': [['A'", "line 2 is .*; a line there is a Python dict"),
        ("{'asin': 'B1', 'categories': [['A']], 'title': 'cut", "line 2 is .*; a line there is a Python dict"),
        ("{'title': 'x'}", "line 2 has no 'asin'"),
        ("{'asin': __import__('os').getcwd(), 'categories': []}", "line 2 is .*; a line there is a Python dict"),
        ("{'asin': 'B1', 'categories': ['A', 'B']}", "line 2: 'categories' must be a list of paths, each a list of"),
        ("{'asin': 'B1', 'categories': [[5]]}", "line 2: 'categories' must be a list of paths"),
        ("{'asin': 'B1', 'categories': [['C']]}", "item 'B1' stands twice, with different categories"),
        (b"{'asin': '\xff'}", "line 2 is not UTF-8"),
    ],
)
def test_metadata_that_cannot_be_used(bad: str | bytes, message: str, tmp_path: Path) -> None:
    packed(tmp_path, NAME, GOOD)
    fails(rf"meta_Toys.json.gz: {message}", packed(tmp_path, "meta_Toys.json.gz", ITEM, bad))


def test_metadata_of_another_category(tmp_path: Path) -> None:
    packed(tmp_path, NAME, GOOD)
    packed(tmp_path, "meta_Toys.json.gz", ITEM.replace("B1", "B2"))
    fails(r"meta_Toys.json.gz: describes none of the items of reviews_Toys_5.json.gz", tmp_path)


@pytest.mark.parametrize("name", [NAME, "meta_Toys.json.gz"])
def test_empty_and_damaged_files(name: str, tmp_path: Path) -> None:
    packed(tmp_path, NAME, *[GOOD] * 100)
    packed(tmp_path, "meta_Toys.json.gz", *[ITEM] * 100)
    content = (tmp_path / name).read_bytes()
    for damaged in (content[: len(content) // 2], content[:-1], content[:20] + b"????" + content[24:]):
        (tmp_path / name).write_bytes(damaged)
        fails(rf"{name}: damaged gzip file \(.*\); fetch it again from https://jmcauley", tmp_path)
    for empty in (b"", b" \n\n", gzip.compress(b"")):
        (tmp_path / name).write_bytes(empty)
        fails(f"{name}: the file is empty; fetch it again", tmp_path)


def test_files_that_are_absent_or_several(tmp_path: Path) -> None:
    where = "download reviews_NAME_5.json.gz and, for categories, meta_NAME.json.gz from https://jmcauley.ucsd.edu"
    fails(rf"name the folder of its files \(--data-root\); {where}", None)
    fails(f"nowhere: no such file or folder; {where}", tmp_path / "nowhere")
    fails(rf"holds no reviews_NAME_5.json\[.gz\]; {where}", tmp_path)
    packed(tmp_path, NAME, GOOD)
    packed(tmp_path, "meta_Toys.json", ITEM)
    fails(
        "reviews_Toy_5.json: no such file for the option 'reviews'; did you mean 'reviews_Toys_5.json.gz'",
        tmp_path,
        reviews="reviews_Toy_5.json",
    )
    fails("meta: no such file for the option 'metadata'", tmp_path, metadata="meta")
    fails("reviews 'x' names a file in a folder, but .* is a file", tmp_path / NAME, reviews="x")
    packed(tmp_path, "meta_Toys.json.gz", ITEM)
    fails("holds meta_Toys.json, meta_Toys.json.gz; choose one with the option 'metadata'", tmp_path)
    packed(tmp_path, "reviews_Books_5.json", GOOD)
    fails("holds reviews_Books_5.json, reviews_Toys_5.json.gz; choose one with the option 'reviews'", tmp_path)


def test_unknown_options(tmp_path: Path) -> None:
    fails(r"label 'star' is unknown; did you mean 'stars'\?", tmp_path, label="star")
    fails(r"category_path 'lst' is unknown; did you mean 'last'\?", tmp_path, category_path="lst")
    fails(r"unknown option 'review'; did you mean 'reviews'\?", tmp_path, review="x")
