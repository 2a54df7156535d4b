"""A guessed schema prepares as it stands."""

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
