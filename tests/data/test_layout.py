"""Layouts: what is read from a file, and the line that is named where one is wrong."""

from pathlib import Path

import polars as pl
import pytest

from clickwise.data import layout as layouts
from clickwise.data.layout import Layout
from clickwise.data.tables import of_layout
from clickwise.errors import InputError

LAYOUT = Layout(
    kind="csv",
    dtypes={"label": pl.Int64(), "word": pl.String(), "count": pl.Int64()},
    header=True,
    derived={"twice": pl.col("count") * 2, "letter": pl.col("word").str.head(1)},
    rules={"label": (pl.col("label").is_in(["0", "1"]), "0 or 1")},
)
HEADER = "label,word,count\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "rows.txt"
    path.write_text(text, encoding="utf-8")
    return path


def rows(path: Path, layout: Layout = LAYOUT) -> pl.DataFrame:
    table = of_layout(layout, path, "rows")
    return table.load(table.columns).collect()


def test_columns_have_the_types_of_the_layout_and_derived_ones_follow(tmp_path: Path) -> None:
    table = of_layout(LAYOUT, write(tmp_path, HEADER + '0,0123,-4\n1,,\n1,"a,7'), "rows")
    assert table.columns == ("label", "word", "count", "twice", "letter")
    assert table.load(table.columns).collect().rows() == [
        (0, "0123", -4, -8, "0"),
        (1, None, None, None, None),
        (1, '"a', 7, 14, '"'),
    ]
    assert dict(table.scan().collect_schema()) == dict(table.dtypes)


def test_a_table_is_spooled_to_parquet_without_standing_in_memory(tmp_path: Path) -> None:
    table = of_layout(LAYOUT, write(tmp_path, HEADER + "0,a,1\n1,b,2\n"), "rows")
    spooled = table.load(["twice", "label"], spool=tmp_path / "spool.parquet")
    assert (tmp_path / "spool.parquet").is_file()
    assert spooled.collect().to_dict(as_series=False) == {"twice": [2, 4], "label": [0, 1]}


@pytest.mark.parametrize("block", [1, 7, 1 << 22])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file has no rows of data"),
        (HEADER, "the file has no rows of data"),
        ("label,count,word\n0,a,1\n", "line 1 is 'label,count,word'; it must name these columns: label, word, count"),
        (HEADER + "0,a,1\n0,a\n1,b,2\n", "line 3 has 2 comma-separated columns; a line there has 3"),
        (HEADER + "0,a,1\n0,a,2,3\n1,b,2\n", "line 3 has 4 comma-separated columns; a line there has 3"),
        (HEADER + "0,a,1\n0,a\n1,b,2,3\n", "line 3 has 2 comma-separated columns"),
        (HEADER + "0,a,1\n1,b,2,3\n0,a\n", "line 3 has 4 comma-separated columns"),
        (HEADER + "0,a,1\n\n1,b,2", "line 3 has 1 comma-separated columns"),
        (HEADER + "0,a,1\n0,a,1\n1,b,2\n1,b", "line 5 has 2 comma-separated columns"),
        (HEADER + "0,a,1\n0,a,one\n1,b,two\n", "line 3: 'count' is 'one'; it must be a whole number, or empty"),
        (HEADER + "0,a,1\nyes,a,one\n", "line 3: 'label' is 'yes'; it must be 0 or 1"),
        (HEADER + "0,a,1\n0,a,1.5\n", "line 3: 'count' is '1.5'; it must be a whole number, or empty"),
    ],
)
def test_the_first_faulty_line_is_named(
    text: str, message: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layouts, "BLOCK_BYTES", block)
    with pytest.raises(InputError, match=f"rows.txt: {message}") as caught:
        rows(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_bytes_that_are_not_text_are_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.txt"
    path.write_bytes(HEADER.encode() + b"0,a,1\n1,\xff,2\n")
    with pytest.raises(InputError, match=r"rows.txt: line 3 is not UTF-8"):
        rows(path)


def test_the_checksum_follows_contents_and_derived_columns_but_not_the_file_name(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + "0,a,1\n")
    first = of_layout(LAYOUT, path, "rows").checksum()
    other = path.rename(tmp_path / "other.txt")
    assert of_layout(LAYOUT, other, "rows").checksum() == first
    plain = Layout(LAYOUT.kind, LAYOUT.dtypes, LAYOUT.header, {"twice": pl.col("count") * 3})
    assert of_layout(plain, other, "rows").checksum() != first
    other.write_text(HEADER + "1,a,1\n")
    assert of_layout(LAYOUT, other, "rows").checksum() != first
