"""Alimama: the joined impressions against a loop over rows, what an impression may see, partitions, and encoding."""

import gzip
import io
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from clickwise.data.loading import ordered_batches
from clickwise.data.opening import load
from clickwise.data.sources import alimama_behaviours, load_source, open_table
from clickwise.data.sources.alimama import BTAGS
from clickwise.data.sources.alimama_files import AD, PROFILE
from clickwise.models.deepfm import DeepFM
from clickwise.nn.behaviours import need_behaviours
from tests.data.sources.alimama_log import HEADERS, START, behaviour, official, reference, sample, tiny, write

NAMES = tuple(HEADERS)


def by_user_and_time(table: pl.DataFrame) -> pl.DataFrame:
    """Rows of one moment stay in the order they have."""
    return table.sort("user", "time_stamp", maintain_order=True)


@pytest.mark.parametrize("kinds", [BTAGS, ("pv", "buy")])
@pytest.mark.parametrize("length", [3, 50])
def test_every_impression_is_what_a_loop_over_rows_says(length: int, kinds: tuple[str, ...], tmp_path: Path) -> None:
    root = official(tmp_path / "data")
    options = {"behaviour_length": length, "btags": kinds, "unpacked": str(tmp_path)}
    table, _ = load_source("alimama", root, **options)
    expected = reference(root, length, kinds)
    assert len(table) == len(expected) == 400
    absent = dict.fromkeys((*AD, "price", *PROFILE))
    rows = table.drop("local_time").to_dicts()
    assert rows == [{**absent, **row} for row in expected]
    lengths = table["behaviour_cates"].list.len()
    assert lengths.min() == 0 and lengths.max() == length if length == 3 else lengths.max() > 3
    assert table["cms_segid"].null_count() and table["cate_id"].null_count()  # users and ads that nothing describes


def test_only_strictly_earlier_behaviours_of_the_user_are_seen(tmp_path: Path) -> None:
    root = tiny(tmp_path / "data")
    log = [behaviour(time=START + 100, cate=1), behaviour(time=START + 99, cate=2), behaviour(time=START + 101, cate=3)]
    write(root, "behavior_log", *log, behaviour(user=2, time=START, cate=4))
    table, _ = load_source("alimama", root, unpacked=str(tmp_path))
    assert table["behaviour_cates"].to_list() == [[2], [2, 1, 3]]
    assert table["behaviour_brands"].to_list() == [[9], [9, 9, 9]]


def test_behaviours_of_one_moment_come_out_the_same_in_whatever_order_they_lie(tmp_path: Path) -> None:
    lines = [behaviour(cate=cate, brand=brand) for cate in range(3) for brand in range(3)]
    tables = []
    for name, order in (("forth", lines), ("back", lines[::-1])):
        root = tiny(tmp_path / name)
        write(root, "behavior_log", *order)
        tables.append(load_source("alimama", root, behaviour_length=4, unpacked=str(tmp_path))[0])
    assert tables[0].equals(tables[1])
    assert tables[0]["behaviour_cates"].to_list()[0] == [1, 2, 2, 2]


def test_a_behaviour_without_a_brand_keeps_its_place(tmp_path: Path) -> None:
    root = tiny(tmp_path / "data")
    lines = [behaviour(time=START + k, cate=k + 1, brand=brand) for k, brand in enumerate((4, "NULL", "", 6))]
    write(root, "behavior_log", *lines)
    table, _ = load_source("alimama", root, unpacked=str(tmp_path))
    assert table["behaviour_cates"].to_list()[0] == [1, 2, 3, 4]
    assert table["behaviour_brands"].to_list()[0] == [4, -1, -1, 6]


def test_partitions_change_nothing_but_the_order_of_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = official(tmp_path / "data")
    whole, _ = load_source("alimama", root, unpacked=str(tmp_path / "one"))
    monkeypatch.setattr(alimama_behaviours, "PARTITION_BYTES", 10_000)
    monkeypatch.setattr(alimama_behaviours, "ROW_GROUP", 7)
    table, _ = open_table("alimama", root, unpacked=str(tmp_path / "many"))
    assert len(table.files) == -(-(root / "behavior_log.csv").stat().st_size // 10_000) > 5
    parts = table.load(table.columns).collect()
    assert not parts.equals(whole)
    assert by_user_and_time(parts).equals(whole)


def test_memory_is_bounded_by_partitions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root = official(tmp_path / "data")
    monkeypatch.setattr(alimama_behaviours, "PARTITION_CELLS", 400)
    assert len(open_table("alimama", root, behaviour_length=1, unpacked=str(tmp_path))[0].files) in (1, 2)
    assert len(open_table("alimama", root, behaviour_length=10, unpacked=str(tmp_path))[0].files) >= 10


def test_the_files_are_joined_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = official(tmp_path / "data")
    first, _ = open_table("alimama", root, unpacked=str(tmp_path / "cache"))
    with monkeypatch.context() as patched:
        patched.setattr("clickwise.data.sources.alimama.write_impressions", None)
        again, _ = open_table("alimama", root, unpacked=str(tmp_path / "cache"))
    assert again.files == first.files
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [first.files[0].parent.name]
    for options in ({"behaviour_length": 4}, {"btags": ["pv"]}, {"user_share": 0.5}, {"behaviours": False}):
        other, _ = open_table("alimama", root, unpacked=str(tmp_path / "cache"), **options)
        assert other.files[0].parent != first.files[0].parent
    write(root, "ad_feature", "1,1,1,1,1,1.0")
    changed, _ = open_table("alimama", root, unpacked=str(tmp_path / "cache"))
    assert changed.files[0].parent != first.files[0].parent
    assert changed.checksum() != first.checksum()


def test_the_schema_pairs_behaviours_with_the_ad(tmp_path: Path) -> None:
    _, schema = load_source("alimama", official(tmp_path / "data"), unpacked=str(tmp_path))
    (pairs,) = need_behaviours(schema, "DIN")
    assert (pairs.sequences, pairs.targets) == (("behaviour_cates", "behaviour_brands"), ("cate_id", "brand"))
    assert pairs.length == 50
    assert (schema.label, schema.user, schema.time, schema.item) == ("clk", "user", "time_stamp", "adgroup_id")
    assert schema.user_field is not None and schema.user_field.name == "user"


def test_without_behaviours_their_file_is_not_needed(tmp_path: Path) -> None:
    root = official(tmp_path / "data")
    expected, full = load_source("alimama", root, unpacked=str(tmp_path))
    (root / "behavior_log.csv").unlink()
    table, schema = load_source("alimama", root, behaviours=False, unpacked=str(tmp_path))
    assert table.equals(expected.drop("behaviour_cates", "behaviour_brands").select(table.columns))
    assert [f.name for f in schema.fields] == [f.name for f in full.fields if f.kind != "sequence"]


def test_a_share_of_the_users_keeps_all_of_their_rows(tmp_path: Path) -> None:
    root = official(tmp_path / "data", users=400, impressions=2_000)
    whole, _ = load_source("alimama", root, unpacked=str(tmp_path))
    half, _ = load_source("alimama", root, user_share=0.5, unpacked=str(tmp_path))
    assert 150 < half["user"].n_unique() < 250
    assert half.equals(whole.filter(pl.col("user").is_in(half["user"].unique().implode())))


@pytest.mark.parametrize("packing", ["gz", "zip", "tar.gz"])
def test_the_files_may_be_packed(packing: str, tmp_path: Path) -> None:
    root = official(tmp_path / "data")
    expected, _ = load_source("alimama", root, unpacked=str(tmp_path / "cache"))
    packed = tmp_path / "packed" / "alimama"
    packed.mkdir(parents=True)
    for name in NAMES:
        content = (root / f"{name}.csv").read_bytes()
        path = packed / f"{name}.csv.{packing}"
        if packing == "gz":
            path.write_bytes(gzip.compress(content))
        elif packing == "zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr(f"{name}.csv", content)
        else:
            with tarfile.open(path, "w:gz") as archive:
                entry = tarfile.TarInfo(f"{name}.csv")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    assert load_source("alimama", packed.parent, unpacked=str(tmp_path / "cache"))[0].equals(expected)


def test_hours_are_those_of_china(tmp_path: Path) -> None:
    root = tiny(tmp_path / "data")
    morning = int(datetime(2017, 5, 6, 8, 55, 10, tzinfo=UTC).timestamp()) - 8 * 3600  # the documentation's example
    assert morning == 1_494_032_110
    write(root, "raw_sample", *(sample(time=morning + 3600 * k, clicked=k % 2) for k in range(60)))
    log = load("alimama", root, cache=tmp_path / "cache", unpacked=str(tmp_path), min_count=1)
    for name, value in (("hour", 8), ("weekday", 5)):
        local = log.train.ids[0, log.schema.slots(name)][0] - log.schema.offsets[name] - 2
        assert log.encoder.vocabularies[name].values[int(local)] == value


def test_a_deepfm_learns_from_the_encoded_log(tmp_path: Path) -> None:
    root = official(tmp_path / "data")
    log = load("alimama", root, cache=tmp_path / "cache", unpacked=str(tmp_path), behaviour_length=6, min_count=1)
    table, _ = load_source("alimama", root, unpacked=str(tmp_path), behaviour_length=6)
    schema, rows = log.schema, log.train.row
    vocabulary, offset = log.encoder.vocabularies["cate_id"].values, schema.offsets["cate_id"] + 2
    ids = log.train.ids[:, schema.slots("behaviour_cates")]
    known = [[vocabulary[int(one)] for one in row[row > 0] - offset] for row in ids]
    assert known == table["behaviour_cates"].gather(rows).to_list()
    brands = log.train.ids[:, schema.slots("behaviour_brands")]
    np.testing.assert_array_equal(ids > 0, brands > 0)  # no brand has slipped out of its place
    torch.manual_seed(0)
    model = DeepFM(schema, embedding_dim=4)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    batch = next(ordered_batches(log.train, 400))
    losses = []
    for _ in range(5):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(batch), batch.label.float())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
