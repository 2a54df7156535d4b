"""Reading raw tables: every kind of file, and one line for every kind of bad file."""

import gzip
import re
from pathlib import Path

import polars as pl
import pytest

from clickwise.data.tables import RawTable, from_frame, read_table
from clickwise.errors import InputError

FRAME = pl.DataFrame({"user": ["a", "b"], "item": [1, 2], "label": [0, 1]})
CSV = "user,item,label\na,1,0\nb,2,1\n"


def rows(table: RawTable) -> pl.DataFrame:
    return table.load(list(table.columns)).collect()


def test_text_kinds_and_parquet_give_the_same_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "a.tsv").write_text(CSV.replace(",", "\t"))
    FRAME.write_ndjson(tmp_path / "a.ndjson")
    FRAME.write_ndjson(tmp_path / "a.json")
    FRAME.write_parquet(tmp_path / "a.parquet")
    with gzip.open(tmp_path / "a.csv.gz", "wt") as stream:
        stream.write(CSV)
    with gzip.open(tmp_path / "b.jsonl.gz", "wb") as stream:
        stream.write((tmp_path / "a.ndjson").read_bytes())
    (tmp_path / "bom.csv").write_text(CSV, encoding="utf-8-sig")
    for name in ("a.csv", "a.tsv", "a.ndjson", "a.json", "a.parquet", "a.csv.gz", "b.jsonl.gz", "bom.csv"):
        assert rows(read_table(tmp_path / name)).equals(FRAME), name
    assert rows(from_frame(FRAME, "frame")).equals(FRAME)


def test_a_folder_is_one_table_in_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "2.csv").write_text("user,item\nc,3\n")
    (tmp_path / "1.csv").write_text("user,item\na,1\nb,2\n")
    (tmp_path / ".hidden").write_text("not data")
    assert rows(read_table(tmp_path))["user"].to_list() == ["a", "b", "c"]


def test_files_without_a_header_take_the_names_given(tmp_path: Path) -> None:
    (tmp_path / "raw.tsv").write_text("1\tx\n0\ty\n")
    table = read_table(tmp_path / "raw.tsv", columns=["label", "word"])
    assert rows(table).to_dict(as_series=False) == {"label": [1, 0], "word": ["x", "y"]}


def test_a_column_that_turns_to_text_late_is_text(tmp_path: Path) -> None:
    (tmp_path / "late.csv").write_text("x,label\n" + "7,1\n" * 20_000 + "seven,0\n")
    table = read_table(tmp_path / "late.csv")
    for spool in (None, tmp_path / "spool.parquet"):
        values = table.load(["x"], spool=spool).collect()["x"]
        assert values.dtype == pl.String
        assert values[0] == "7"
        assert values[-1] == "seven"


def test_truth_values_stay_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,label\ntrue,1\nfalse,0\n")
    assert rows(read_table(tmp_path / "t.csv"))["x"].to_list() == ["true", "false"]


def test_checksum_follows_the_contents(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(CSV)
    first = read_table(path).checksum()
    assert read_table(path).checksum() == first
    path.write_text(CSV.replace("b,2", "b,3"))
    assert read_table(path).checksum() != first
    assert from_frame(FRAME, "x").checksum() == from_frame(FRAME.clone(), "x").checksum()
    assert from_frame(FRAME, "x").checksum() != from_frame(FRAME.rename({"item": "thing"}), "x").checksum()
    assert from_frame(FRAME, "x").checksum() != from_frame(FRAME.reverse(), "x").checksum()


BAD_FILES = [
    ("a.csv", b"", "the file is empty"),
    ("a.csv", b"user,label\n", "no rows of data"),
    ("a.csv", b"\nx,1\n", "the header line is empty"),
    ("a.csv", b"user,user,label\na,b,1\n", "column 'user' stands twice"),
    ("a.csv", b"us\xe9r,label\na,1\n", "line 1 is not UTF-8"),
    ("a.csv", b"user,label\na,1\n\xff\xfe,0\n", "line 3 is not UTF-8"),
    ("a.csv", b"user,label\na,1,2,3\n", "cannot be read as csv"),
    ("a.xlsx", b"PK", "unknown kind of file"),
    ("a", b"x", "unknown kind of file"),
    ("a.parquet.gz", b"x", "unknown kind of file"),
    ("a.parquet", b"not parquet at all", "cannot be read as parquet"),
    ("a.json", b'[{"user": 1}]', "write one object a line"),
    ("a.jsonl", b'{"user": 1}\n{"user": \n', "cannot be read as jsonl"),
    ("a.csv.gz", b"\x1f\x8bno gzip", "cannot be read"),
]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("packed", [True, False])
def test_gzip_is_unpacked_whatever_the_name(name: str, packed: bool, tmp_path: Path) -> None:
    """Browsers unpack what they fetch and keep the name."""
    text = b"a,label\n1,0\n2,1\n"
    (tmp_path / name).write_bytes(gzip.compress(text) if packed else text)
    table = read_table(tmp_path / name)
    assert table.load(table.columns).collect().rows() == [(1, 0), (2, 1)]


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES)
def test_bad_files_get_one_line_that_names_them(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        rows(read_table(tmp_path / name))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


ROW = "a,1,0\n"
WIDTHS = [
    ("user,item,label\n" + ROW * 3 + "b,2\n" + ROW, 5, "has 2 values; a row has 3, one a column"),
    ("user,item,label\n" + ROW * 3 + "b,2,1,1\n" + ROW, 5, "has 4 values; a row has 3, one a column"),
    ("user,item,label\n" + ROW + "b,2\nb,2,1,1\n", 3, "has 2 values; a row has 3, one a column"),
    ("user,item,label\r\n" + "a,1,0\r\n" * 3 + "b", 5, "has 1 value; a row has 3, one a column"),
    ("user,item,label\n" + ROW * 3 + "\n" + ROW, 5, "is empty; a row has 3, one a column"),
    ('user,item,label\n"a,b\nc,""d""",1,0\nb,"2,1"\n', 4, "has 2 values; a row has 3, one a column"),
    ("user,item,label\n" + ROW * 400_000 + "b,2\n" + ROW, 400_002, "has 2 values; a row has 3, one a column"),
]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(("text", "line", "what"), WIDTHS)
def test_rows_of_another_width_than_the_header_are_named(
    tmp_path: Path, text: str, line: int, what: str, packed: bool
) -> None:
    path = tmp_path / ("a.csv.gz" if packed else "a.csv")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    for columns in (["user"], ["user", "item", "label"]):
        for spool in (None, tmp_path / "spool.parquet"):
            with pytest.raises(InputError, match=re.escape(f"{path}: cannot be read as csv: line {line} {what}")):
                read_table(path).load(columns, spool=spool).collect()


@pytest.mark.parametrize(
    "text",
    [
        "user,item,label\na,,\n,,\nb,2,\n",
        'user,item,label\n"a,\n\n,b",1,\n"""",2,\n',
        'user,item,label\n5" disk,6" disk,\na,b,\n',
        "user,item,label\r\na,1,\r\nb,2,",
        'user,item,label\n"' + "a\n" * 700_000 + '",1,\nb,2,\n',
    ],
)
def test_empty_cells_and_quoted_line_ends_are_no_short_rows(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode())
    table = read_table(tmp_path / "a.csv")
    table.check_widths()
    found = rows(table)
    assert found.columns == ["user", "item", "label"] and found["label"].null_count() == len(found)


def test_a_last_column_that_nobody_asks_for_is_not_judged(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user,label,note\n" + "a,1,7\n" * 20_000 + "b,0,seven\n")
    found = read_table(tmp_path / "a.csv").load(["user", "label"]).collect()
    assert found.columns == ["user", "label"] and found["label"].dtype == pl.Int64


def test_bad_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        read_table(tmp_path / "nowhere.csv")
    with pytest.raises(InputError, match="holds no files"):
        read_table(tmp_path)
    (tmp_path / "a.csv").write_text("user,label\na,1\n")
    (tmp_path / "b.csv").write_text("user,click\na,1\n")
    with pytest.raises(InputError, match="its columns differ from those of"):
        read_table(tmp_path)
    (tmp_path / "c.tsv").write_text("x\n")
    with pytest.raises(InputError, match="mixes csv and tsv files"):
        read_table(tmp_path)
    (tmp_path / "b.yaml").write_text("label: label\n")
    with pytest.raises(InputError, match=r"b\.yaml: unknown kind of file; every file of a folder is read, so move it"):
        read_table(tmp_path)
    with pytest.raises(InputError, match="no rows"):
        from_frame(FRAME.clear(), "nothing")
