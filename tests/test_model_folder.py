"""A model folder holds all that predicting needs, and says what is wrong when it does not."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.torch import load_file, save_file

from clickwise.data.prepare import prepare
from clickwise.data.storage import PreparedLog
from clickwise.data.tables import from_frame
from clickwise.errors import InputError
from clickwise.methods import Supervised
from clickwise.model_folder import load_model, save_model
from clickwise.models import DeepFM
from clickwise.prediction import predict
from clickwise.schema import Schema
from clickwise.training import fit
from tests.logs import FIELDS


@pytest.fixture(scope="module")
def method(prepared: PreparedLog) -> Supervised:
    method = Supervised(DeepFM(prepared.schema, embedding_dim=4, hidden_dims=(8,), batch_norm=True), batch_size=100)
    fit(method, prepared.train, prepared.valid, epochs=1, device="cpu", progress=False)
    return method


@pytest.fixture
def folder(method: Supervised, prepared: PreparedLog, tmp_path: Path) -> Path:
    save_model(method, tmp_path / "model", prepared)
    return tmp_path / "model"


def test_raw_rows_are_scored_as_the_prepared_ones(
    folder: Path, method: Supervised, prepared: PreparedLog, raw_frame: pl.DataFrame, tmp_path: Path
) -> None:
    raw_frame.write_csv(tmp_path / "rows.csv")
    loaded = load_model(folder)
    encoded = loaded.encode(tmp_path / "rows.csv")
    history = prepared.schema.slots("clicked")
    for part in prepared:
        # The same rows in one batch: where a row stands in a matrix product may change its last bit.
        of_part = encoded.take(part.row)
        same = (of_part.ids[:, history] == part.ids[:, history]).all(1)
        np.testing.assert_array_equal(predict(loaded.method, of_part)[same], predict(method, part)[same])
        assert same.any()
    assert np.array_equal(predict(loaded.method, loaded.encode(prepared.folder)), predict(method, prepared.test))


def test_rows_of_users_and_items_never_seen(folder: Path, raw_frame: pl.DataFrame, tmp_path: Path) -> None:
    fresh = raw_frame.head(50).with_columns(pl.lit("nobody").alias("user"), pl.lit(999).alias("item")).drop("label")
    fresh.write_parquet(tmp_path / "rows.parquet")
    loaded = load_model(folder)
    probability = predict(loaded.method, loaded.encode(tmp_path / "rows.parquet", require_label=False))
    assert probability.shape == (50,) and np.isfinite(probability).all()
    of_frame = loaded.encode(fresh, require_label=False)
    np.testing.assert_array_equal(predict(loaded.method, of_frame), probability)


def test_a_folder_says_where_its_model_came_from(folder: Path, prepared: PreparedLog) -> None:
    facts = load_model(folder).facts
    assert (facts["source"], facts["split"], facts["log"]) == ("raw", "chronological", prepared.manifest["key"])
    assert not load_model(folder).method.training


def test_a_folder_in_use_is_not_overwritten(folder: Path, method: Supervised, prepared: PreparedLog) -> None:
    with pytest.raises(InputError, match="exists already"):
        save_model(method, folder, prepared)


@pytest.mark.parametrize(
    "name", ["model.json", "weights.safetensors", "schema.json", "encoder/numbers.json", "encoder"]
)
@pytest.mark.parametrize("damage", ["missing", "truncated", "garbage"])
def test_a_damaged_folder_is_an_input_error(folder: Path, name: str, damage: str) -> None:
    path = folder / name
    if path.is_dir():
        shutil.rmtree(path)
    elif damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:20] if damage == "truncated" else b"[1, 2]")
    with pytest.raises(InputError) as caught:
        load_model(folder)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


def change(folder: Path, **values: object) -> None:
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8")) | values
    (folder / "model.json").write_text(json.dumps(facts), encoding="utf-8")


@pytest.mark.parametrize("version", [2, "1", None])
def test_a_version_that_is_not_known_is_refused(folder: Path, version: object) -> None:
    change(folder, version=version)
    with pytest.raises(InputError, match=f"format version {version!r}; this clickwise reads versions up to 1"):
        load_model(folder)


@pytest.mark.parametrize("described", [{}, 3, {"class": "clickwise.schema:Field", "options": {"name": "a"}}])
def test_a_folder_without_a_method_is_refused(folder: Path, described: object) -> None:
    change(folder, method=described)
    with pytest.raises(InputError, match="describes no method"):
        load_model(folder)


def test_code_outside_clickwise_is_refused(folder: Path) -> None:
    change(folder, method={"class": "subprocess:Popen", "options": {"args": "false"}})
    with pytest.raises(InputError, match="lies outside clickwise"):
        load_model(folder)


def test_weights_of_another_model_are_refused(folder: Path) -> None:
    weights = load_file(folder / "weights.safetensors")
    save_file(
        {name: tensor[:1].clone() for name, tensor in weights.items() if tensor.dim()}, folder / "weights.safetensors"
    )
    with pytest.raises(InputError, match="the folder mixes two models"):
        load_model(folder)


@pytest.fixture(scope="module")
def other_log(raw_frame: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> PreparedLog:
    """A log of fewer users."""
    schema = Schema(FIELDS, user="user", time="time", item="item", keep=("true_probability",))
    fewer = from_frame(raw_frame.filter(pl.col("user") != "u3"), "fewer")
    return prepare(fewer, schema, "chronological", tmp_path_factory.mktemp("log") / "other")


@pytest.mark.parametrize("name", ["schema.json", "encoder"])
def test_folders_that_mix_two_logs_are_refused(folder: Path, name: str, other_log: PreparedLog) -> None:
    path = folder / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    source = other_log.folder / name
    shutil.copytree(source, path) if source.is_dir() else shutil.copy(source, path)
    with pytest.raises(InputError, match="belongs to another schema"):
        load_model(folder)


def test_a_log_of_other_vocabularies_is_not_scored(folder: Path, other_log: PreparedLog) -> None:
    with pytest.raises(InputError, match="prepared with another schema or other vocabularies"):
        load_model(folder).encode(other_log.folder)


def test_no_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a model folder"):
        load_model(tmp_path / "none")
