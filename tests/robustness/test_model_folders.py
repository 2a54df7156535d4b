"""Model folders with one thing wrong: the same predictions to the bit, or one line; nothing is ever unpickled."""

import json
import pickle
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.methods import Supervised
from clickwise.model_folder import CHECKSUMS, TrainedModel, load_model, save_model
from clickwise.models import DeepFM
from clickwise.prediction import predict
from clickwise.training import fit, seeded
from tests.robustness.judged import answer, plain_values, tries


@pytest.fixture(scope="module")
def rows(raw_frame: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    raw_frame.head(40).write_parquet(path)
    return path


@pytest.fixture(scope="module")
def saved(prepared: PreparedLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with seeded(0):
        method = Supervised(DeepFM(prepared.schema, embedding_dim=4, hidden_dims=(8,), batch_norm=True), batch_size=200)
    fit(method, prepared.train, prepared.valid, epochs=1, device="cpu", progress=False)
    folder = tmp_path_factory.mktemp("saved") / "model"
    save_model(method, folder, prepared)
    return folder


@pytest.fixture(scope="module")
def expected(saved: Path, rows: Path) -> npt.NDArray[np.float32]:
    return scores(load_model(saved), rows)


@pytest.fixture(autouse=True)
def nothing_is_unpickled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    called: list[str] = []
    for owner, name in ((pickle, "load"), (pickle, "loads"), (torch, "load")):
        monkeypatch.setattr(owner, name, lambda *_, name=name, **__: called.append(name))
    yield
    assert called == []


def scores(model: TrainedModel, rows: Path) -> npt.NDArray[np.float32]:
    return predict(model.method, model.encode(rows))


def judge(folder: Path, rows: Path, expected: npt.NDArray[np.float32]) -> None:
    found = answer(lambda: load_model(folder))
    if isinstance(found, InputError):
        assert str(folder) in str(found)
    else:
        np.testing.assert_array_equal(scores(found, rows), expected)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def spoil(path: Path, draw: random.Random) -> None:
    content = path.read_bytes()
    how = draw.choice(["flip", "flip", "truncate", "remove", "replace", "empty", "folder", "append"])
    if how == "flip":
        at = draw.randrange(len(content))
        path.write_bytes(content[:at] + bytes([content[at] ^ (1 << draw.randrange(8))]) + content[at + 1 :])
    elif how == "truncate":
        path.write_bytes(content[: draw.randrange(len(content))])
    elif how == "append":
        path.write_bytes(content + b"\0")
    elif how == "replace":
        path.write_bytes(draw.choice([b"null", b"[]", b"{}", b"PAR1", b"\x80\x04.", draw.randbytes(100)]))
    else:
        path.unlink()
        if how != "remove":
            path.mkdir() if how == "folder" else path.touch()


@tries(80)
@given(seed=st.integers(0, 10**6), name=st.integers(0, 100))
def test_one_file_is_spoilt(
    saved: Path,
    rows: Path,
    expected: npt.NDArray[np.float32],
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    name: int,
) -> None:
    folder = tmp_path_factory.mktemp("spoilt") / "model"
    shutil.copytree(saved, folder)
    names = files(folder)
    spoil(folder / names[name % len(names)], random.Random(seed))
    judge(folder, rows, expected)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in a JSON document with every key or index in it."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


@tries(120)
@given(place=st.integers(0, 10**4), new=plain_values(), how=st.sampled_from(["replace", "replace", "remove"]))
@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("name", ["model.json", "schema.json", "encoder/numbers.json", CHECKSUMS])
def test_one_value_is_another(
    saved: Path,
    rows: Path,
    expected: npt.NDArray[np.float32],
    tmp_path_factory: pytest.TempPathFactory,
    checked: bool,
    name: str,
    place: int,
    new: object,
    how: str,
) -> None:
    """Without checksums, as older folders are, a value that fits cannot be told from the right one: then it loads."""
    if name == CHECKSUMS and not checked:
        return
    folder = tmp_path_factory.getbasetemp() / "changed"
    if not folder.exists():
        shutil.copytree(saved, folder)
    document = json.loads((saved / name).read_text(encoding="utf-8"))
    container, key = places(document)[place % len(places(document))]
    if how == "remove":
        del container[key]
    else:
        container[key] = new
    for file in (name, CHECKSUMS):
        shutil.copy(saved / file, folder / file)
    (folder / name).write_text(json.dumps(document), encoding="utf-8")
    try:
        if checked:
            judge(folder, rows, expected)
        else:
            (folder / CHECKSUMS).unlink()
            answer(lambda: load_model(folder))
    finally:
        shutil.copy(saved / name, folder / name)


FOREIGN = [
    "os:system",
    "clickwise.__main__:main",
    "clickwise.data.arrays:ArrayWriter",
    "clickwise..x:y",
    ":",
    "clickwise.cli:",
]


@pytest.mark.parametrize("name", FOREIGN)
def test_what_a_folder_may_not_build(saved: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(saved, tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts["method"] = {"class": name, "options": {"path": str(tmp_path / "made"), "dtype": "f", "shape": [1]}}
    path.write_text(json.dumps(facts), encoding="utf-8")
    assert isinstance(answer(lambda: load_model(tmp_path / "model")), InputError)
    assert not (tmp_path / "made").exists()


def test_a_folder_of_before_checksums_loads(
    saved: Path, rows: Path, expected: npt.NDArray[np.float32], tmp_path: Path
) -> None:
    shutil.copytree(saved, tmp_path / "model")
    (tmp_path / "model" / CHECKSUMS).unlink()
    np.testing.assert_array_equal(scores(load_model(tmp_path / "model"), rows), expected)
