"""A guessed schema prepares as it stands."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clickwise.data.infer import infer_schema
from clickwise.data.prepare import prepare
from clickwise.data.tables import read_table
from clickwise.errors import InputError
from clickwise.schema import Schema


def write(path: Path, frame: pl.DataFrame) -> Path:
    frame.write_csv(path)
    return path


def click_frame(rows: int = 500) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "customer_id": [f"c{value}" for value in rng.integers(0, 40, rows)],
            "ad_id": rng.integers(0, 60, rows),
            "Timestamp": [f"2024-03-{value:02d}T12:00:00Z" for value in rng.integers(1, 29, rows)],
            "user_age": rng.integers(18, 30, rows),
            "price": rng.random(rows) * 10,
            "tags": [("red|big", "small", "red|small|new")[value] for value in rng.integers(0, 3, rows)],
            "odd: name": [("yes", "no")[value] for value in rng.integers(0, 2, rows)],
            "constant": ["same"] * rows,
            "row_id": [10**19 + value for value in range(rows)],
            "clicked": rng.integers(0, 2, rows),
        }
    )


def test_names_and_values_give_roles_owners_and_kinds(tmp_path: Path) -> None:
    path = write(tmp_path / "clicks.csv", click_frame())
    text = infer_schema(path)
    (tmp_path / "clicks.yaml").write_text(text)
    schema = Schema.load(tmp_path / "clicks.yaml")
    assert (schema.label, schema.user, schema.time, schema.item) == ("clicked", "customer_id", "Timestamp", "ad_id")
    assert {field.name: (field.owner, field.kind) for field in schema.fields} == {
        "customer_id": ("user", "category"),
        "ad_id": ("item", "category"),
        "user_age": ("user", "category"),
        "price": ("item", "number"),
        "tags": ("context", "bag"),
        "odd: name": ("context", "category"),
        "history_ad_id": ("history", "sequence"),
    }
    assert schema["tags"].separator == "|"
    assert schema["tags"].length == 3
    assert text.startswith("# Guessed by clickwise")
    log = prepare(read_table(path), schema, "random-per-user", tmp_path / "log")
    assert sum(log.manifest["rows"].values()) == 500


def test_a_plain_table_without_user_and_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frame = pl.DataFrame({"y": rng.integers(0, 2, 300), "a": rng.integers(0, 9, 300), "b": rng.normal(size=300)})
    frame.write_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.yaml").write_text(infer_schema(tmp_path / "t.parquet"))
    schema = Schema.load(tmp_path / "t.yaml")
    assert (schema.label, schema.user, schema.time, schema.item) == ("y", "", "", "")
    prepare(read_table(tmp_path / "t.parquet"), schema, "chronological", tmp_path / "log")


def test_lists_are_bags(tmp_path: Path) -> None:
    frame = pl.DataFrame({"label": [0, 1] * 50, "words": [["a", "b"], ["c"]] * 50})
    frame.write_ndjson(tmp_path / "t.jsonl")
    (tmp_path / "t.yaml").write_text(infer_schema(tmp_path / "t.jsonl"))
    assert Schema.load(tmp_path / "t.yaml")["words"].kind == "bag"


def test_a_table_without_a_label_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", click_frame().drop("clicked").with_columns(clicked=pl.lit(3)))
    with pytest.raises(InputError, match="no column holds just 0 and 1"):
        infer_schema(path)


def test_a_short_row_is_named_and_not_guessed_around(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", click_frame())
    lines = path.read_text().splitlines()
    lines[1] = ",".join(lines[1].split(",")[:4])
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"t.csv: cannot be read as csv: line 2 has 4 values; a row has 10"):
        infer_schema(path)


def with_answers(answers: list[object]) -> pl.DataFrame:
    """The table with these values in place of its clicks, again and again."""
    repeated = [answers[row % len(answers)] for row in range(500)]
    return click_frame().with_columns(clicked=pl.Series(repeated, strict=False)).rename({"clicked": "Did click?"})


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([0, 1, None, 1, 0], "'Did click?' holds 0 and 1, but 100 of its cells are empty; leave those rows out"),
        (["yes", "No"], "'Did click?' holds no and yes; write 1 and 0; 'odd: name' holds no and yes"),
        ([-1, 1], "'Did click?' holds -1 and 1; write 1 and 0"),
        ([0], "'Did click?' holds 0 alone; a label needs clicks and rows without one"),
        (["a\nb"], r"'Did click?' holds 'a\nb' alone"),
        ([0, 1, 2], "'Did click?' holds 3 values; write 1 for a click and 0 for none"),
    ],
)
def test_what_keeps_a_column_from_being_the_label_is_said(tmp_path: Path, answers: list[object], reason: str) -> None:
    path = write(tmp_path / "t.csv", with_answers(answers))
    with pytest.raises(InputError) as caught:
        infer_schema(path)
    assert f"t.csv: no column holds just 0 and 1, so none can be the label: {reason}" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "separator", "cure"),
    [
        ("t.csv", ";", "if ';' separate its names, write commas, or tabs in a file named .tsv"),
        ("t.csv", "\t", "if tabs separate its names, name the file .tsv"),
        ("t.tsv", ",", "if commas separate its names, name the file .csv"),
    ],
)
def test_a_header_of_another_separator_is_named(tmp_path: Path, name: str, separator: str, cure: str) -> None:
    click_frame().write_csv(tmp_path / name, separator=separator)
    with pytest.raises(InputError, match=re.escape(f"{name}: the header is one column, 'customer_id")) as caught:
        infer_schema(tmp_path / name)
    assert cure in str(caught.value)


@pytest.mark.parametrize(("user", "item"), [("Visitor ID", "Ad#"), ("user-id", "Item Id"), ("visitorId", "movieID")])
def test_names_are_known_whatever_their_case_spaces_and_signs(tmp_path: Path, user: str, item: str) -> None:
    path = write(tmp_path / "t.csv", click_frame().rename({"customer_id": user, "ad_id": item}))
    (tmp_path / "t.yaml").write_text(infer_schema(path))
    schema = Schema.load(tmp_path / "t.yaml")
    assert (schema.user, schema.item) == (user, item)
    assert {spec.name: spec.kind for spec in schema.fields}[item] == "category"


def test_of_two_columns_of_0_and_1_the_one_that_speaks_of_clicks(tmp_path: Path) -> None:
    frame = click_frame().rename({"clicked": "was_click"}).with_columns(is_mobile=pl.Series([0, 1] * 250))
    text = infer_schema(write(tmp_path / "t.csv", frame))
    assert "label: \"was_click\"  # ? 1 is a click, 0 is none; 'is_mobile' holds just 0 and 1 too\n" in text


@pytest.mark.parametrize(
    ("column", "times", "fault"),
    [
        (
            "ts",
            ["01/03/2025 00:03"],
            "time column 'ts', data row 1: '01/03/2025 00:03' is not a time; use Unix seconds",
        ),
        ("when", ["31.12.2024"], "time column 'when', data row 1: '31.12.2024' is not a time"),
        ("ts", [*[1_700_000_000] * 49, None], "time column 'ts', data row 50: None is not a time"),
        ("at", ["2024-01-31T10:00:00Z", None], "time column 'at', data row 2: None is not a time"),
    ],
)
def test_a_time_that_cannot_be_read_is_remarked_on(
    tmp_path: Path, column: str, times: list[object], fault: str
) -> None:
    repeated = pl.Series(column, [times[row % len(times)] for row in range(500)])
    path = write(tmp_path / "t.csv", click_frame().drop("Timestamp").with_columns(repeated))
    text = infer_schema(path)
    line = next(line for line in text.splitlines() if line.startswith("time:"))
    assert line.startswith('time: ""  # ? ') and fault in line
    (tmp_path / "t.yaml").write_text(text)
    assert Schema.load(tmp_path / "t.yaml").time == ""
