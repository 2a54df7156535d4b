"""Input that cannot be used: one line that names file, column, row or option, exit status 2, nothing half-written."""

import errno
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from safetensors import SafetensorError

from tests.commands import SCHEMA, clicks, listing, refused, run, write_table

FAST = ("--epochs", 1, "--replicates", 100, "--threads", 1)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's cache, away from the real one; a refused command leaves nothing in it."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    yield folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with clicks.csv, clicks.yaml, the prepared ``log`` and a ``model`` of it; never write to it."""
    from clickwise.cli import main

    folder = tmp_path_factory.mktemp("trained")
    file, yaml = write_table(folder)
    assert main(["prepare", file, "--schema", yaml, "--out", str(folder / "log")]) == 0
    assert main(["train", str(folder / "log"), "lr", "--out", str(folder / "model"), "--epochs", "1"]) == 0
    return folder


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
    assert "absent.yaml" in refused(capsys, "compare", file, "--schema", tmp_path / "absent.yaml", *out)
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


OPTIONS: list[tuple[tuple[object, ...], list[str]]] = [
    (("compare", "synthetic", "--epoch", 3), ["--epoch", "did you mean '--epochs'?"]),
    (("compare", "synthetic", "--data-rot=x"), ["--data-rot", "did you mean '--data-root'?"]),
    (("compare", "synthetic", "--epochs", "many"), ["epochs", "many"]),
    (("compare", "synthetic", "--split", "random"), ["split", "random", "random-per-user"]),
    (("compare", "synthetic", "--methods", "deepf"), ["'deepf'", "did you mean 'deepfm'?"]),
    (("compare", "synthetic", "--methods", ""), ["methods"]),
    (("compare", "synthetic", "--methods", "stacking"), ["'stacking'", "two models"]),
    (("compare", "synthetic", "--methods", "nowhere:Net"), ["'nowhere:Net'", "imported"]),
    (
        ("compare", "synthetic", "--methods", "lr", "--set", "lr.learnin_rate=1"),
        ["lr", "did you mean 'learning_rate'?"],
    ),
    (("compare", "synthetic", "--methods", "lr", "--set", "fm.embedding_dim=4"), ["'fm'", "lr"]),
    (("compare", "synthetic", "--methods", "fm", "--set", "fm.embedding_dim=four"), ["fm", "embedding_dim", "four"]),
    (("compare", "synthetic", "--methods", "fm", "--set", "fm.embedding_dim=-1"), ["fm", "embedding_dim", "-1"]),
    (("compare", "synthetic", "--methods", "fm", "--set", "fm.learning_rate=fast"), ["fm", "learning_rate", "fast"]),
    (("compare", "synthetic", "--methods", "fm", "--set", "fm.batch_size=0"), ["batch_size"]),
    (("compare", "synthetic", "--set", "source.impresions=10"), ["'impresions'", "did you mean 'impressions'?"]),
    (("compare", "synthetic", "--set", "source.impressions=ten"), ["impressions", "'ten'"]),
    (("compare", "synthetic", "--set", "impressions"), ["--set", "NAME.OPTION=VALUE"]),
    (("compare", "synthetic", "--seeds", 0), ["seeds", "at least 1"]),
    (("compare", "synthetic", "--epochs", 0), ["epochs", "at least 1"]),
    (("compare", "synthetic", "--replicates", 1), ["replicates", "at least 100"]),
    (("compare", "synthetic", "--threads", 0), ["--threads", "at least 1"]),
    (("compare", "synthetic", "--device", "tpux"), ["device", "tpux"]),
    (("compare", "synthetic", "--schema", "x.yaml"), ["--schema", "synthetic"]),
    (("compare", "movielens-1m", "--data-root", "nowhere"), ["nowhere", "no such folder"]),
    (("compare", "movielens-1m", "--label", "star"), ["label", "star"]),
    (("compare",), ["SOURCE"]),
    (("train", "synthetic"), ["METHOD"]),
    (("train", "synthetic", "stacking"), ["stacking", "compare"]),
    (("prepare", "synthetic", "--set", "lr.learning_rate=1"), ["lr", "source.OPTION"]),
    (("compair", "synthetic"), ["'compair'", "did you mean 'compare'?"]),
    ((), ["compare", "prepare"]),
]


@pytest.mark.parametrize(("words", "named"), OPTIONS, ids=lambda value: " ".join(map(str, value)))
def test_bad_options(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[object, ...],
    named: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    small = ("--set", "source.impressions=600", "--set", "source.users=20", "--set", "source.items=10")
    sized = (
        words[1:2] == ("synthetic",)
        and not any("source." in str(word) for word in words)
        and "impressions" not in words
    )
    out = ("--out", "out") if words[:1] in (("compare",), ("train",), ("prepare",)) else ()
    line = refused(capsys, *words, *out, *(small if sized else ()))
    assert [word for word in named if word not in line] == []
    assert listing(tmp_path) == set()


def test_a_configuration_file_with_an_unknown_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "run.yaml"
    config.write_text("epochs: 1\npatiense: 3\n")
    line = refused(capsys, "compare", "synthetic", "--config", config, "--out", tmp_path / "out")
    assert "patiense" in line
    assert "did you mean '--patience'?" in line


def test_a_split_that_leaves_a_part_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, yaml = write_table(tmp_path, clicks().with_columns(visitor=pl.lit("v0")))
    words = ("compare", file, "--schema", yaml, "--split", "leave-users-out", "--out", tmp_path / "out")
    line = refused(capsys, *words)
    assert "split 'leave-users-out' leaves the" in line
    assert "part empty" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["prepare", "compare", "train", "infer", "predict", "evaluate"])
def test_a_full_disk(
    tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """Whatever opens a file for writing finds the disk full; nothing of the file stays."""
    real = Path.open

    def full(path: Path, mode: str = "r", *others: Any, **options: Any) -> Any:
        if set(mode) & set("wax+"):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return real(path, mode, *others, **options)

    # The words of polars and safetensors, whose errors carry no number.
    def full_table(*_: Any, **__: Any) -> None:
        raise pl.exceptions.ComputeError("underlying IO error: No space left on device (os error 28)")

    def full_weights(*_: Any, **__: Any) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    file, out = trained / "clicks.csv", tmp_path / "out"
    words: dict[str, tuple[object, ...]] = {
        "prepare": (file, "--schema", trained / "clicks.yaml", "--out", out),
        "compare": (trained / "log", "--methods", "lr", *FAST, "--out", out / "comparison"),
        "train": (trained / "log", "lr", "--epochs", 1, "--out", out / "model"),
        "infer": (file, "--out", out / "clicks.yaml"),
        "predict": (trained / "model", file, "--out", out / "predictions.csv"),
        "evaluate": (trained / "model", file, "--replicates", 100, "--out", out / "metrics.json"),
    }
    monkeypatch.setattr(Path, "open", full)
    monkeypatch.setattr(pl.DataFrame, "write_csv", full_table)
    monkeypatch.setattr(pl.DataFrame, "write_parquet", full_table)
    monkeypatch.setattr("clickwise.checkpoint.save_file", full_weights)
    monkeypatch.setattr("clickwise.model_folder.save_file", full_weights)
    line = refused(capsys, command, *words[command])
    assert "the disk is full" in line
    assert str(tmp_path) in line
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_damaged_prepared_folder(tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def damage(name: str, content: bytes | None) -> str:
        folder = tmp_path / "log"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(trained / "log", folder)
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)
        lines = {
            refused(capsys, "compare", folder, "--out", tmp_path / "out"),
            refused(capsys, "train", folder, "lr", "--out", tmp_path / "out"),
            refused(capsys, "doctor", folder) if name != "manifest.json" or content is not None else "",
            refused(capsys, "evaluate", trained / "model", folder),
        } - {""}
        assert not (tmp_path / "out").exists()
        return " ".join(lines)

    whole = (trained / "log" / "train" / "ids.npy").read_bytes()
    assert "ids.npy" in damage("train/ids.npy", whole[:-4])
    assert "ids.npy" in damage("train/ids.npy", whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "ids.npy" in damage("train/ids.npy", None)
    assert "schema.json" in damage("schema.json", b"{")
    assert "manifest.json" in damage("manifest.json", b"{")
    newer = json.loads((trained / "log" / "manifest.json").read_text()) | {"version": 99}
    assert "version 99" in damage("manifest.json", json.dumps(newer).encode())


def test_a_damaged_model_folder(tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def damage(name: str, content: bytes | None) -> str:
        folder, out = tmp_path / "model", tmp_path / "out.parquet"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(trained / "model", folder)
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)
        line = refused(capsys, "predict", folder, trained / "clicks.csv", "--out", out)
        assert not out.exists()
        if name != "model.json" or content is not None:
            refused(capsys, "doctor", folder)
        return line

    weights = (trained / "model" / "weights.safetensors").read_bytes()
    assert "weights.safetensors" in damage("weights.safetensors", weights[:-4])
    assert "weights.safetensors" in damage("weights.safetensors", None)
    assert "model.json" in damage("model.json", None)
    assert "model.json" in damage("model.json", b"{")
    assert "schema.json" in damage("schema.json", None)
    assert "encoder" in damage("encoder/numbers.json", None)
    assert "vocabulary" in damage("encoder/vocabulary visitor.parquet", b"PAR1")
    facts = json.loads((trained / "model" / "model.json").read_text())
    assert "version 99" in damage("model.json", json.dumps(facts | {"version": 99}).encode())
    foreign = facts | {"method": {"class": "os.path:join", "options": {}}}
    assert "outside clickwise" in damage("model.json", json.dumps(foreign).encode())


def test_a_model_folder_from_another_schema(tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = SCHEMA.replace("  - {name: price, owner: item, kind: number}\n", "")
    file, yaml = write_table(tmp_path, schema=other)
    assert run(capsys, "prepare", file, "--schema", yaml, "--out", tmp_path / "log").status == 0
    assert "another schema" in refused(capsys, "evaluate", trained / "model", tmp_path / "log")
    clicks().drop("price").write_csv(file)
    line = refused(capsys, "predict", trained / "model", file, "--out", tmp_path / "predictions.csv")
    assert "clicks.csv" in line and "'price'" in line
    mixed = tmp_path / "mixed"
    shutil.copytree(trained / "model", mixed)
    shutil.copy(tmp_path / "log" / "schema.json", mixed / "schema.json")
    line = refused(capsys, "predict", mixed, trained / "clicks.csv", "--out", tmp_path / "predictions.csv")
    assert "mixed" in line
    assert not (tmp_path / "predictions.csv").exists()


def test_outputs_are_never_overwritten(tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    log = trained / "log"
    assert "precious" in refused(capsys, "compare", log, "--methods", "lr", "--out", precious)
    assert "precious" in refused(capsys, "train", log, "lr", "--out", precious)
    assert "precious" in refused(
        capsys, "prepare", trained / "clicks.csv", "--schema", trained / "clicks.yaml", "--out", precious
    )
    assert "thesis.txt" in refused(capsys, "infer", trained / "clicks.csv", "--out", precious / "thesis.txt")
    assert "thesis.txt" in refused(capsys, "compare", log, "--methods", "lr", "--out", precious / "thesis.txt")
    assert ".parquet or .csv" in refused(
        capsys, "predict", trained / "model", trained / "clicks.csv", "--out", precious / "p.xls"
    )
    assert "prepared already" in refused(capsys, "compare", log, "--split", "chronological", "--out", tmp_path / "out")
    assert "neither" in refused(capsys, "doctor", precious)
    assert listing(tmp_path) == {"precious", "precious/thesis.txt 13"}


def test_a_loss_that_is_no_longer_finite(tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "model"
    line = refused(capsys, "train", trained / "log", "fm", "--out", out, "--set", "fm.learning_rate=1e38")
    assert "step" in line and "epoch 1" in line and "rows" in line and "learning rate" in line
    assert not out.exists()
