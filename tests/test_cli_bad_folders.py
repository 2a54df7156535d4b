"""Full disks, damaged folders, folders in use: one line that names them, status 2, nothing half-written."""

import errno
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from safetensors import SafetensorError

from clickwise.cli import main
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
    folder = tmp_path_factory.mktemp("trained")
    file, yaml = write_table(folder)
    assert main(["prepare", file, "--schema", yaml, "--out", str(folder / "log")]) == 0
    assert main(["train", str(folder / "log"), "lr", "--out", str(folder / "model"), "--epochs", "1"]) == 0
    return folder


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
    model, file = trained / "model", trained / "clicks.csv"
    before = listing(trained)
    for inside in (file, model / "model.json", precious, precious / "thesis.txt"):
        assert f"{inside}: exists already" in refused(capsys, "predict", model, file, "--out", inside)
        assert f"{inside}: exists already" in refused(capsys, "evaluate", model, file, "--out", inside)
    assert listing(trained) == before
    assert "exists already" in refused(capsys, "predict", "no-model", "no-file", "--out", file)  # before any work
    assert "neither" in refused(capsys, "doctor", precious)
    assert listing(tmp_path) == {"precious", "precious/thesis.txt 13"}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (("--split", "chronological"), "--split"),
        (("--split-seed", "0"), "--split-seed"),
        (("--split-seed", "1", "--schema", "a.yaml"), "--split-seed and --schema"),
        (("--data-root", "."), "--data-root"),
        (("--set", "source.users=3"), "source.users"),
        (("--label", "stars"), "source.label"),
    ],
)
def test_what_a_prepared_log_would_not_read(
    tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str], given: tuple[str, ...], named: str
) -> None:
    asked = ("compare", trained / "log", "--methods", "lr", "--out", tmp_path / "out")
    assert refused(capsys, *asked, *given).endswith(
        f"prepared already, with its own split and schema; leave out {named}"
    )
    assert listing(tmp_path) == set()


@pytest.mark.parametrize(
    ("given", "named"), [(("--data-root", "."), "--data-root"), (("--label", "stars"), "source.label")]
)
def test_what_a_file_of_ones_own_would_not_read(
    tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str], given: tuple[str, ...], named: str
) -> None:
    asked = ("compare", trained / "clicks.csv", "--schema", trained / "clicks.yaml", "--out", tmp_path / "out")
    assert refused(capsys, *asked, *given).endswith(f"no named source; leave out {named}")


def test_a_folder_of_another_kind_is_named(tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, model, file, runs = trained / "log", trained / "model", trained / "clicks.csv", tmp_path / "runs"
    assert run(capsys, "compare", log, "--methods", "lr", *FAST, "--out", runs).status == 0
    out = ("--out", tmp_path / "out.csv")
    for more in ((), ("--schema", trained / "clicks.yaml")):
        line = refused(capsys, "prepare", log, *more, *out)
        assert line.startswith(f"{log}: a prepared log, not a raw table; `clickwise compare {log}`")
        assert f"{model}: a model folder, not a log" in refused(capsys, "train", model, "fm", *more, *out)
        line = refused(capsys, "compare", runs, *more, *out)
        assert line == f"{runs}: a comparison, not a log; its models are {runs}/runs/METHOD@SEED/model"
    assert f"{log}: a prepared log" in refused(capsys, "infer", log)
    assert f"{model}: a model folder, not a log" in refused(capsys, "evaluate", model, model)
    assert f"{runs}: a comparison, not a log" in refused(capsys, "predict", model, runs, *out)
    line = refused(capsys, "predict", runs, file, *out)
    assert line == f"{runs}: a comparison, not a model folder; its models are {runs}/runs/METHOD@SEED/model"
    assert refused(capsys, "doctor", runs) == line
    assert f"`clickwise train {log} METHOD" in refused(capsys, "evaluate", log, file)
    assert run(capsys, "predict", runs / "runs" / "lr@0" / "model", file, *out).status == 0


@pytest.mark.parametrize(("batch_size", "named"), [(20, ["step", "rows"]), (10_000, [])])
def test_a_run_that_diverges(
    tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str], batch_size: int, named: list[str]
) -> None:
    """In the middle of an epoch, and with the only step of an epoch."""
    options = ("--set", "fm.learning_rate=1e38", "--set", f"fm.batch_size={batch_size}")
    line = refused(capsys, "train", trained / "log", "fm", "--out", tmp_path / "model", *options)
    assert [word for word in ("epoch 1", "learning rate", *named) if word not in line] == []
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("compare", "{log}", "--methods", "lr", *FAST, "--out", "{long}"),
        ("train", "{log}", "lr", "--out", "{long}"),
        ("tune", "{log}", "lr", "--trials", 1, "--out", "{long}"),
        ("prepare", "{file}", "--schema", "{yaml}", "--out", "{long}"),
        ("infer", "{file}", "--out", "{long}"),
        ("predict", "{model}", "{file}", "--out", "{long}.csv"),
        ("evaluate", "{model}", "{file}", "--out", "{long}"),
        ("doctor", "{long}"),
    ],
    ids=lambda words: words[0],
)
def test_a_name_that_the_system_finds_too_long(
    words: tuple[object, ...], trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"log": trained / "log", "model": trained / "model", "file": trained / "clicks.csv"}
    filled = [str(word).format(**places, yaml=trained / "clicks.yaml", long=tmp_path / ("n" * 300)) for word in words]
    said = refused(capsys, *filled)
    assert str(tmp_path) in said
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_permission(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forbidden(path: Path) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", forbidden)
    assert refused(capsys, "infer", tmp_path) == f"{tmp_path}: Permission denied"


def test_other_errors_of_the_system_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise OSError("of no path")

    monkeypatch.setattr("clickwise.data.infer.infer_schema", broken)
    with pytest.raises(OSError, match="of no path"):
        main(["infer", "clicks.csv"])
