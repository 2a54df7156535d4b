"""Amazon reviews: official layouts made by hand, damaged ones, and the counts of a real file."""

import ast
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clickwise.data.prepare import prepare
from clickwise.data.sources import amazon_files, load_source
from clickwise.data.tables import from_frame

REVIEWS = [
    {"reviewerID": "U1", "asin": "B1", "helpful": [0, 0], "reviewText": "\u00e9 \n {", "overall": 5.0, "time": 100},
    {"reviewerID": "U2", "asin": "B2", "helpful": [1, 2], "reviewText": "", "overall": 3.0, "time": 200},
    {"reviewerID": "U1", "asin": "B3", "helpful": [0, 0], "reviewText": "x", "overall": 4.0, "time": 300},
    {"reviewerID": "U1", "asin": "B1", "helpful": [0, 0], "reviewText": "x", "overall": 1.0, "time": 400},
]
ITEMS: list[dict[str, Any]] = [
    {"asin": "B1", "description": "it's 'asin': 'B9', {[", "categories": [["Electronics", "Men's", "Cables"]]},
    {"categories": [["Electronics", 'GPS \\ "Maps"\'s'], ["Other", "Last"]], "price": 1.5, "asin": "B2"},
    {"asin": "B3", "salesRank": {"categories": 1}, "categories": [["Electronics"]], "related": {"asin": ["B7"]}},
    {"asin": "B9", "categories": [["Not", "Reviewed"]]},
]


def line(review: dict[str, Any]) -> str:
    return json.dumps({"unixReviewTime" if key == "time" else key: value for key, value in review.items()})


def write(folder: Path, name: str, lines: list[str]) -> Path:
    content = "".join(f"{text}\n" for text in lines).encode()
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """A folder in the official layout: strict JSON for reviews, Python dicts for items."""
    write(tmp_path, "reviews_Toys_5.json.gz", [line(review) for review in REVIEWS])
    return write(tmp_path, "meta_Toys.json.gz", [repr(item) for item in ITEMS])


def test_official_layout(official: Path) -> None:
    table, _ = load_source("amazon", official)
    assert table.to_dict(as_series=False) == {
        "user": ["U1", "U2", "U1", "U1"],
        "item": ["B1", "B2", "B3", "B1"],
        "time": [100, 200, 300, 400],
        "label": [1, 0, 1, 0],
        "category": ["Cables", 'GPS \\ "Maps"\'s', "Electronics", "Cables"],
    }


def test_schema_has_the_features_of_the_paper_and_not_the_rating(official: Path) -> None:
    table, schema = load_source("amazon", official)
    names = "user history_categories history_items item category season"
    assert [field.name for field in schema.fields] == names.split()
    assert (schema.user, schema.item, schema.time, schema.classes) == ("user", "item", "time", 2)
    # 192,403 users + twice 63,001 items + twice 639 categories + 4 seasons are the paper's 319,687 features but for 2
    assert schema.vocabulary_names() == tuple(names.split())
    assert 192_403 + 2 * 63_001 + 2 * 639 + 4 == 319_687
    assert {schema["history_items"].length, schema["history_categories"].length} == {5}
    assert "overall" not in table.columns


def test_options(official: Path) -> None:
    table, schema = load_source(
        "amazon", official, label="stars", shared_vocabulary=True, history_length=3, category_path="last"
    )
    assert table["label"].to_list() == [4, 2, 3, 0]
    assert (schema.classes, schema.click_from) == (5, 3)
    assert table["category"].to_list() == ["Cables", "Last", "Electronics", "Cables"]
    assert (schema["history_items"].vocabulary, schema["history_categories"].vocabulary) == ("item", "category")
    assert (schema["history_items"].length, schema["history_categories"].length) == (3, 3)


def test_histories_hold_earlier_positive_reviews(official: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    drawn = zip(rng.integers(0, 4, 80), rng.integers(1, 4, 80), rng.integers(1, 6, 80), range(80), strict=True)
    reviews = [{"reviewerID": f"U{u}", "asin": f"B{i}", "overall": float(s), "time": t} for u, i, s, t in drawn]
    write(official, "reviews_Toys_5.json.gz", [line(review) for review in reviews])
    table, schema = load_source("amazon", official, history_length=3)
    log = prepare(from_frame(table, "amazon"), schema, "chronological", tmp_path / "log")
    ids = {int(row): ids for part in log for row, ids in zip(part.row, part.ids, strict=True)}
    for field, column in (("history_items", "item"), ("history_categories", "category")):
        name_of: dict[int, str] = {}
        for row, review in enumerate(table.iter_rows(named=True)):
            before = table[:row].filter(user=review["user"], label=1)[column].to_list()[-3:]
            history = ids[row][schema.slots(field)]
            named = [name_of.setdefault(code, name) for code, name in zip(history[history > 0], before, strict=True)]
            assert named == before


def test_without_metadata_there_are_no_categories(official: Path) -> None:
    (official / "meta_Toys.json.gz").unlink()
    table, schema = load_source("amazon", official)
    assert table.columns == ["user", "item", "time", "label"]
    assert [field.name for field in schema.fields] == ["user", "history_items", "item", "season"]


def test_root_may_be_the_reviews_and_files_may_be_unpacked_and_named_otherwise(official: Path, tmp_path: Path) -> None:
    expected, _ = load_source("amazon", official)
    plain = tmp_path / "plain"
    plain.mkdir()
    write(plain, "reviews_Toys_5.json", ["", *map(line, REVIEWS), " "])
    write(plain, "meta_Toys.json", [json.dumps(item) + "\r" for item in ITEMS])  # strict JSON, from Windows
    (plain / "mine").write_bytes((official / "reviews_Toys_5.json.gz").read_bytes())
    (plain / "goods").write_bytes((official / "meta_Toys.json.gz").read_bytes())
    for root in (plain, plain / "reviews_Toys_5.json", official / "reviews_Toys_5.json.gz"):
        assert load_source("amazon", root)[0].equals(expected)
    assert load_source("amazon", plain, reviews="mine", metadata="goods")[0].equals(expected)
    assert load_source("amazon", plain, reviews="mine")[0].equals(expected.drop("category"))


def test_an_item_that_the_metadata_do_not_describe_has_no_category(official: Path) -> None:
    kept = [repr(ITEMS[0]), "", "{'asin': 'B3', 'categories': [['']]}", "{'asin': 'B9', 'categories': 5}"]
    write(official, "meta_Toys.json.gz", kept)
    assert load_source("amazon", official)[0]["category"].to_list() == ["Cables", None, None, "Cables"]


@pytest.mark.parametrize("block", [1, 100, 300])
def test_blocks_do_not_change_what_is_read(block: int, official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = load_source("amazon", official)
    monkeypatch.setattr(amazon_files, "BLOCK_BYTES", block)
    assert load_source("amazon", official)[0].equals(expected)


TRICKY = st.text("asincategories'\"\\:,[]{} \u00e9\n", max_size=12)
NAMES = st.lists(st.lists(TRICKY, min_size=1, max_size=3), max_size=3)
ENTRIES = {
    "description": TRICKY,
    "title": st.sampled_from(["'asin': 'B2', ", "'categories': [['x']], ", '", "asin": "B2", "', "asin", "\\"]),
    "related": st.dictionaries(st.sampled_from(["asin", "categories", "also_viewed"]), st.lists(TRICKY, max_size=2)),
    "salesRank": st.dictionaries(TRICKY, st.integers(0, 9), max_size=2),
    "price": st.floats(0, 9),
}


@st.composite
def described(draw: st.DrawFn) -> dict[str, Any]:
    """An item with keys in any order and texts that look like keys."""
    chosen = draw(st.lists(st.sampled_from(sorted(ENTRIES)), unique=True))
    entries = {name: draw(ENTRIES[name]) for name in chosen}
    entries |= {"asin": draw(st.sampled_from(["B1", "B2", "B'3", "B\\4"])), "categories": draw(NAMES)}
    return {name: entries[name] for name in draw(st.permutations(sorted(entries)))}


@pytest.mark.parametrize("form", [repr, json.dumps])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(item=described(), which=st.sampled_from([0, -1]))
def test_patterns_find_what_a_full_parse_finds(form: Any, item: dict[str, Any], which: int, tmp_path: Path) -> None:
    text = form(item)
    record = ast.literal_eval(text) if form is repr else json.loads(text)
    names = record["categories"][which] if record["categories"] else []
    expected = [(record["asin"], names[-1] or None if names else None)]
    path = write(tmp_path, "meta.json", [text]) / "meta.json"
    assert amazon_files.read_categories(path, pl.Series([record["asin"], "B0"]), which).rows() == expected


def test_nearly_all_lines_are_read_without_a_full_parse(official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a full parse")

    monkeypatch.setattr(amazon_files, "_parse_line", refuse)
    assert load_source("amazon", official)[0]["category"].null_count() == 0


def test_counts_of_the_real_file(shared_data: Path) -> None:
    table, schema = load_source("amazon", shared_data)
    assert len(table) == 10_261
    assert (table["user"].n_unique(), table["item"].n_unique()) == (1_429, 900)
    assert table["label"].mean() == pytest.approx(0.879, abs=0.0005)
    assert table.group_by("user").len()["len"].min() == 5
    assert table.null_count().sum_horizontal().item() == 0
    assert "category" not in table.columns
    assert schema.width == 8
    assert table["time"].is_between(1_000_000_000, 1_410_000_000).all()
