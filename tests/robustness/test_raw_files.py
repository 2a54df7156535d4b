"""Bytes of raw files: encodings, line ends, headers, truncated archives; encoded, or refused in one line."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickwise.data import prepare as preparing
from clickwise.data.infer import infer_schema
from clickwise.data.opening import read_log
from clickwise.data.storage import PreparedLog
from clickwise.data.tables import read_table
from clickwise.errors import InputError
from clickwise.schema import Field, Schema
from tests.robustness.judged import answer, listing, tries

SCHEMA = Schema((Field("article"), Field("price", kind="number")), user="visitor", time="time")
ROWS = 300


def clicks() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "visitor": pl.Series(rng.integers(0, 5, ROWS)).cast(pl.String),
            "article": pl.Series(["José", "😀", "c"] * (ROWS // 3)),
            "price": rng.normal(size=ROWS).round(2),
            "time": np.arange(ROWS),
            "label": rng.integers(0, 2, ROWS),
        }
    )


CSV = clicks().write_csv().encode()
INSERTED = [
    b"\xe9",
    b"\xff\xfe",
    b"\x00",
    b'"',
    b"\r",
    b"\n",
    b",",
    b"\n\n",
    b"\r\n",
    b"\xef\xbb\xbf",
    b"1",
    b";",
    b"{}",
]


def judge(path: Path, cache: Path) -> None:
    """Whatever is in the file, preparing and guessing a schema succeed or say in one line that this file is wrong."""
    log = answer(lambda: read_log(path, SCHEMA, split="random-per-user", cache=cache))
    if isinstance(log, InputError):
        assert path.name in str(log) or str(log).startswith("split ")
        assert listing(cache) == []
    else:
        assert all(np.isfinite(part.numbers).all() for part in log)
    answer(lambda: infer_schema(path))


@st.composite
def spoilt(draw: st.DrawFn, content: bytes) -> bytes:
    """``content`` with bytes put in, taken out, or cut off; most often in its first line."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, 40) | st.integers(0, len(content)))
        how = draw(st.sampled_from(["insert", "insert", "flip", "cut", "drop"]))
        if how == "insert":
            content = content[:at] + draw(st.sampled_from(INSERTED)) + content[at:]
        elif how == "flip" and at < len(content):
            content = content[:at] + bytes([content[at] ^ draw(st.integers(1, 255))]) + content[at + 1 :]
        elif how == "cut":
            content = content[: max(at, 1)]
        else:
            content = content[:at] + content[at + draw(st.integers(1, 30)) :]
    return content or b" "


@tries(60)
@given(content=spoilt(CSV))
def test_csv(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("csv")
    (folder / "clicks.csv").write_bytes(content)
    judge(folder / "clicks.csv", folder / "cache")


@tries(30)
@given(data=st.data())
@pytest.mark.parametrize("kind", ["parquet", "csv.gz", "jsonl"])
def test_other_kinds(tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("kind")
    path = folder / f"clicks.{kind}"
    if kind == "parquet":
        clicks().write_parquet(path)
    elif kind == "jsonl":
        clicks().write_ndjson(path)
    else:
        path.write_bytes(gzip.compress(CSV, mtime=0))
    path.write_bytes(data.draw(spoilt(path.read_bytes())))
    judge(path, folder / "cache")


ENCODINGS = [("utf-8-sig", True), ("utf-8", True), ("utf-16", False), ("latin-1", False), ("cp1252", False)]


@pytest.mark.parametrize(("encoding", "readable"), ENCODINGS)
def test_encodings(tmp_path: Path, encoding: str, readable: bool) -> None:
    text = clicks().filter(pl.col("article") != "😀").write_csv()
    (tmp_path / "clicks.csv").write_bytes(text.encode(encoding))
    log = answer(lambda: read_log(tmp_path / "clicks.csv", SCHEMA, split="random-per-user", cache=tmp_path / "cache"))
    if readable:
        assert not isinstance(log, InputError)
        assert sorted(log.encoder.vocabularies["article"].values) == ["José", "c"]
    else:
        assert isinstance(log, InputError) and "is not UTF-8" in str(log)


BAD = [
    ("old line ends", b"visitor,label\ra,1\rb,0\r", "lines end in a line feed"),
    ("a name without end", b"a" * 200_000 + b",label\n1,0\n", "column names are short"),
    ("two columns of one name", b"label,x,x\n1,2,3\n", "column 'x' stands twice"),
    ("a header of two lines", b'"a\nb"\n', "clicks.csv"),
    ("a column too many", b"label,x\n1,2\n1,2,3\n", "clicks.csv"),
    ("blank lines only", b"label,x\n\n\n\n", "no rows"),
]


@pytest.mark.parametrize(("content", "message"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_files_that_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "clicks.csv").write_bytes(content)
    schema = Schema((Field("x"),))
    found = answer(lambda: read_log(tmp_path / "clicks.csv", schema, cache=tmp_path / "cache"))
    assert isinstance(found, InputError) and message in str(found)


def test_columns_of_any_name(tmp_path: Path) -> None:
    """Names as long and as odd as a column may have, for fields, vocabularies and kept columns."""
    names = ["😀" * 40, "a/b", "..", "x" * 300, "%2F", "it's", "年龄" * 30, "label@x"]
    frame = clicks().with_columns(*(pl.col("article").alias(name) for name in names))
    frame = frame.with_columns(pl.col("price").alias("价格" * 40))
    frame.write_parquet(tmp_path / "clicks.parquet")
    fields = tuple(Field(name) for name in names)
    schema = Schema(fields, user="visitor", keep=("价格" * 40,))
    log = read_log(tmp_path / "clicks.parquet", schema, split="random-per-user", cache=tmp_path / "cache")
    again = log.encoder.encode_table(tmp_path / "clicks.parquet")
    assert np.array_equal(again.ids[log.test.row], log.test.ids)
    np.testing.assert_allclose(log.test.extras["价格" * 40], frame["price"].to_numpy()[log.test.row], rtol=1e-6)


def test_a_name_too_long_for_the_disk_names_nothing() -> None:
    assert "no such file" in str(answer(lambda: read_table("x" * 5000 + ".csv")))


def test_a_column_name_of_two_lines_is_told_in_one(tmp_path: Path) -> None:
    pl.DataFrame({"first\nsecond": [1, 2], "third": [0, 1]}).write_parquet(tmp_path / "clicks.parquet")
    found = answer(lambda: read_log(tmp_path / "clicks.parquet", Schema((Field("third"),)), cache=tmp_path / "cache"))
    assert isinstance(found, InputError) and r"'first\nsecond'" in str(found)


def test_a_log_that_another_process_prepares_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clicks().write_parquet(tmp_path / "clicks.parquet")

    def prepared() -> PreparedLog:
        return read_log(tmp_path / "clicks.parquet", SCHEMA, split="random-per-user", cache=tmp_path / "cache")

    build = preparing._build

    def slow(*arguments: Any) -> dict[str, Any]:
        monkeypatch.undo()
        prepared()
        return build(*arguments)

    monkeypatch.setattr(preparing, "_build", slow)
    assert len(prepared().train) == len(prepared().train)
    assert len(list((tmp_path / "cache").iterdir())) == 1
