"""Files, tables and schemas that cannot be used: one line that says which and where, status 2, nothing written."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.commands import SCHEMA, clicks, listing, refused, write_table


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's cache, away from the real one; a refused command leaves nothing in it."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    yield folder


def with_cell(column: str, row: int, value: Any) -> pl.DataFrame:
    """The table with one cell changed, rows counted from 1."""
    values = [str(cell) for cell in clicks()[column]]
    values[row - 1] = value
    return clicks().with_columns(pl.Series(column, values))


TABLES = {
    "label not 0 or 1": (with_cell("tapped", 7, "2"), ["clicks.csv", "'tapped'", "data row 7", "0 or 1"]),
    "label of text": (with_cell("tapped", 7, "yes"), ["clicks.csv", "'tapped'", "data row 7", "'yes'", "0 or 1"]),
    "label NaN": (with_cell("tapped", 7, "NaN"), ["clicks.csv", "'tapped'", "data row 7", "0 or 1"]),
    "label empty": (with_cell("tapped", 7, None), ["clicks.csv", "'tapped'", "data row 7", "0 or 1"]),
    "time": (with_cell("seen_at", 9, "tomorrow"), ["clicks.csv", "'seen_at'", "data row 9", "'tomorrow'", "Unix"]),
    "user": (with_cell("visitor", 3, None), ["clicks.csv", "'visitor'", "data row 3", "missing"]),
    "number": (with_cell("price", 4, "dear"), ["clicks.csv", "'price'", "data row 4", "'dear'", "number"]),
    "missing column": (clicks().drop("price"), ["clicks.csv", "'price'", "field 'price'"]),
    "column of another name": (clicks().rename({"article": "articles"}), ["'article'", "did you mean 'articles'?"]),
    "no label": (clicks().drop("tapped"), ["clicks.csv", "'tapped'", "label"]),
    "one class": (clicks().with_columns(tapped=0), ["clicks.csv", "every label is 0", "one class"]),
    "no rows": (clicks().head(0), ["clicks.csv", "no rows"]),
    "too few rows": (clicks().head(3), ["split 'chronological'"]),
}


@pytest.mark.parametrize("case", TABLES)
@pytest.mark.parametrize("command", ["prepare", "compare"])
def test_bad_tables(tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str], command: str, case: str) -> None:
    table, named = TABLES[case]
    file, yaml = write_table(tmp_path, table)
    before = listing(tmp_path)
    line = refused(capsys, command, file, "--schema", yaml, "--out", tmp_path / "out")
    assert [word for word in named if word not in line] == []
    assert listing(tmp_path) == before
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_files_that_are_not_there_or_not_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, yaml = write_table(tmp_path)
    out = ("--out", tmp_path / "out")
    absent, empty, odd, wrong = (
        tmp_path / name for name in ("absent.csv", "empty.csv", "clicks.xlsx", "wrong.parquet")
    )
    empty.touch()
    odd.write_text("sheet")
    wrong.write_text("not parquet")
    (tmp_path / "latin.csv").write_bytes("visitor,tapped\nJos\xe9,1\n".encode("latin-1"))
    (tmp_path / "folder").mkdir()
    before = listing(tmp_path)
    for command, more in (("prepare", ("--schema", yaml, *out)), ("compare", ("--schema", yaml, *out)), ("infer", out)):
        assert "absent.csv" in refused(capsys, command, absent, *more)
        assert "empty.csv: the file is empty" in refused(capsys, command, empty, *more)
        assert "clicks.xlsx" in refused(capsys, command, odd, *more)
        assert "wrong.parquet" in refused(capsys, command, wrong, *more)
        assert "latin.csv" in refused(capsys, command, tmp_path / "latin.csv", *more)
        assert "folder" in refused(capsys, command, tmp_path / "folder", *more)
    no_schema = refused(capsys, "compare", file, "--schema", tmp_path / "absent.yaml", *out)
    assert no_schema == f"{tmp_path / 'absent.yaml'}: cannot read the schema: No such file or directory"
    assert "did you mean 'synthetic'?" in refused(capsys, "compare", "syntetic", *out)
    assert "--schema" in refused(capsys, "compare", file, *out)
    assert "infer" in refused(capsys, "compare", file, *out)
    assert listing(tmp_path) == before


SCHEMAS = {
    "unknown key": (SCHEMA.replace("label:", "lable:"), ["clicks.yaml", "'lable'", "did you mean 'label'?"]),
    "unknown key of a field": (SCHEMA.replace("owner: item}", "ower: item}"), ["'article'", "'ower'", "'owner'?"]),
    "unknown kind": (SCHEMA.replace("kind: number", "kind: numeric"), ["field 'price'", "did you mean 'number'?"]),
    "field not in the file": (SCHEMA.replace("name: price", "name: prize"), ["clicks.csv", "'prize'", "'price'?"]),
    "item is no field": (SCHEMA.replace("item: article\n", "item: artcle\n"), ["'artcle'", "did you mean 'article'?"]),
    "history of nothing": (SCHEMA.replace("of: article", "of: articles"), ["field 'clicked'", "'of'", "'articles'"]),
    "not YAML": ("label: [", ["clicks.yaml", "not YAML"]),
    "not a mapping": ("- label", ["clicks.yaml", "mapping"]),
    "no fields": ("label: tapped\nfields: []\n", ["clicks.yaml", "'fields' is empty"]),
    "a word for a number": (SCHEMA.replace("length: 3", "length: three"), ["field 'clicked'", "length", "'three'"]),
}


@pytest.mark.parametrize("case", SCHEMAS)
def test_bad_schemas(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    schema, named = SCHEMAS[case]
    file, yaml = write_table(tmp_path, schema=schema)
    before = listing(tmp_path)
    line = refused(capsys, "compare", file, "--schema", yaml, "--out", tmp_path / "out")
    assert [word for word in named if word not in line] == []
    assert listing(tmp_path) == before


def test_a_split_that_leaves_a_part_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, yaml = write_table(tmp_path, clicks().with_columns(visitor=pl.lit("v0")))
    words = ("compare", file, "--schema", yaml, "--split", "leave-users-out", "--out", tmp_path / "out")
    line = refused(capsys, *words)
    assert "split 'leave-users-out' leaves the" in line
    assert "part empty" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("split", ["chronological-per-user", "leave-users-out"])
def test_a_split_by_user_of_a_log_without_users(tmp_path: Path, capsys: pytest.CaptureFixture[str], split: str) -> None:
    nobody = "".join(line for line in SCHEMA.splitlines(keepends=True) if "user: visitor" not in line)
    file, yaml = write_table(tmp_path, schema=nobody.split("  - {name: clicked")[0])
    line = refused(capsys, "prepare", file, "--schema", yaml, "--split", split, "--out", tmp_path / "out")
    assert f"split '{split}' needs the schema's 'user'" in line
    assert not (tmp_path / "out").exists()
