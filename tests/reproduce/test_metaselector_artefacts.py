"""`clickwise reproduce`, end to end on a tiny log: what it writes, how it goes on, and what it refuses."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from clickwise import finished_run
from clickwise.reproduce.ecpm import Auction
from clickwise.reproduce.metaselector.selection_table import UPPER_BOUNDS
from tests.commands import listing, refused, run
from tests.reproduce.artefacts import check_pictures, make

LOG = ("--set", "source.impressions=4000", "--set", "source.users=45", "--set", "source.items=20")
FAST = ("--epochs", 1, "--replicates", 100, "--threads", 1, "--seeds", 1)
SMALL = [f"{name}.hidden_dims=[8]" for name in ("deepfm", "metaselector", "metaselector-simplified")]
NETS = [word for option in SMALL for word in ("--set", option)]
ON_SYNTHETIC = ("--source", "synthetic", *LOG, *FAST)
made = partial(make, "metaselector")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the artefacts share."""
    return tmp_path_factory.mktemp("reproduced") / "out"


def test_table3_then_table1_and_figure3_from_its_runs(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table3 = made(capsys, out, "table3", *ON_SYNTHETIC, *NETS)
    rows = {row["method"]: row for row in table3["rows"]}
    assert {*UPPER_BOUNDS, "metaselector", "sample-selector", "hedge", "stacking", "deepfm"} < set(rows)
    predictions, best = pl.read_parquet(out / "comparison" / "predictions.parquet"), table3["best_single"]
    for name, row in rows.items():
        assert row["auc"]["low"] <= row["auc"]["mean"] <= row["auc"]["high"] and row["published"] is None
        expected = (row["auc"]["mean"] - 0.5) / (rows[best]["auc"]["mean"] - 0.5) - 1
        assert row["relaimpr"] == pytest.approx(100 * expected)
        assert set(row["against"]) == ({best, "stacking"} - {name} if name not in UPPER_BOUNDS else set())
        for reference, found in row["against"].items():
            difference = row["auc"]["mean"] - rows[reference]["auc"]["mean"]
            assert found["auc"]["difference"] == pytest.approx(difference)
            assert found["auc"]["p"] <= found["auc"]["p_corrected"] <= 1
        if name not in UPPER_BOUNDS:
            auc = roc_auc_score(predictions["label"], predictions[f"{name}@0"])
            assert row["auc"]["mean"] == pytest.approx(auc, abs=1e-9)
    logloss = {name: rows[name]["logloss"]["mean"] for name in rows}
    assert logloss["perfect-sample"] < logloss["perfect-user"] < min(logloss[n] for n in ("lr", "fm", "ffm", "deepfm"))
    stamp = (out / "comparison" / "results.json").stat().st_mtime_ns
    table1 = made(capsys, out, "table1", *ON_SYNTHETIC, *NETS)
    assert sum(row["share"]["mean"] for row in table1["rows"]) == pytest.approx(1)
    figure3 = made(capsys, out, "figure3", *ON_SYNTHETIC, *NETS)
    assert [row["method"] for row in figure3["rows"]] == ["metaselector", "deepfm", "stacking"]
    check_pictures(out, "figure3")
    assert (out / "comparison" / "results.json").stat().st_mtime_ns == stamp and not (out / "models").exists()
    words = ("reproduce", "metaselector", "table3", *ON_SYNTHETIC, *NETS, "--out", out, "--patience", 5)
    assert "'patience'" in refused(capsys, *words)


def test_table2_counts_what_the_log_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = made(capsys, tmp_path / "out", "table2", *ON_SYNTHETIC)
    ours = {row["statistic"]: row["ours"] for row in found["rows"]}
    assert (ours["samples"], ours["items"]) == (4000, 20) and 40 <= ours["users"] <= 45
    assert ours["features"] > 65


def test_table2_of_movielens_has_published_values_beside(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--source", "amazon", "--data-root", shared_data, *FAST)
    found = made(capsys, tmp_path / "out", "table2", *words)
    rows = {row["statistic"]: row for row in found["rows"]}
    assert rows["samples"]["ours"] == 10_261 and rows["samples"]["published"] == 1_689_188
    assert rows["users"]["ours"] == 1_429 and rows["items"]["ours"] == 900
    assert any("another category" in note for note in found["notes"])


def test_figure2_has_every_hour_and_the_truth_earns_most(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Auction.on
    monkeypatch.setattr(Auction, "on", lambda job, log: whole(job, log, count=600))
    found = made(capsys, tmp_path / "out", "figure2", *LOG, *FAST, "--set", "deepfm.hidden_dims=[8]")
    table = pl.DataFrame(found["rows"])
    assert set(table["model"]) == {"lr", "fm", "ffm", "deepfm", "oracle"}
    impressions = table.group_by("model").agg(pl.col("impressions").sum())
    assert set(impressions["impressions"]) == {600.0}
    day = {name: value["mean"] for name, value in found["over_the_day"].items()}
    assert max(day, key=lambda name: day[name]) == "oracle"
    for name, value in found["over_the_day"].items():
        part = table.filter(model=name)
        assert value["mean"] == pytest.approx(1000 * part["income"].sum() / 600)
        assert value["low"] <= value["mean"] <= value["high"]
    assert sum(found["best_hours"].values()) == table["hour"].n_unique()
    check_pictures(tmp_path / "out", "figure2")


def test_cold_start_judges_the_same_rows_after_every_support(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = made(capsys, tmp_path / "out", "cold-start", *ON_SYNTHETIC, *NETS)
    table = pl.DataFrame([{**row, "auc": row["auc"]["mean"], "against": None} for row in found["rows"]])
    assert set(table["support_rows"]) == {0, 1, 2, 5, 10, 20, 50}
    assert {"metaselector", "metaselector-simplified", "hedge", "user-fine-tuning", "stacking"} < set(table["method"])
    assert found["query_rows"] == 20 * found["users"]
    spread = dict(table.group_by("method").agg(pl.col("auc").n_unique()).iter_rows())
    assert spread["stacking"] == spread[found["best_single"]] == 1 < spread["metaselector"]
    unadapted = dict(table.filter(support_rows=0).select("method", "auc").iter_rows())
    assert unadapted["hedge"] == unadapted["stacking"] and unadapted["user-fine-tuning"] == unadapted["lr"]
    assert np.isfinite(table["auc"].to_numpy()).all()
    check_pictures(tmp_path / "out", "cold-start-auc", "cold-start-logloss")


def test_an_interrupted_artefact_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (*ON_SYNTHETIC, "--set", "deepfm.hidden_dims=[8]")
    whole = made(capsys, tmp_path / "whole", "table1", *words)
    save, saved = finished_run.save_model, []

    def breaking(method: Any, folder: Path, log: Any) -> None:
        if len(saved) == 2:
            raise KeyboardInterrupt
        saved.append(folder)
        save(method, folder, log)

    with monkeypatch.context() as patched:
        patched.setattr(finished_run, "save_model", breaking)
        assert run(capsys, "reproduce", "metaselector", "table1", *words, "--out", tmp_path / "parts").status == 130
    assert not (tmp_path / "parts" / "table1.json").exists()
    assert "--resume" in refused(capsys, "reproduce", "metaselector", "table1", *words, "--out", tmp_path / "parts")
    resumed = made(capsys, tmp_path / "parts", "table1", *words, "--resume")
    assert resumed["rows"] == whole["rows"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("metaselektor", "table1"), ["paper 'metaselektor'", "did you mean 'metaselector'?"]),
        (("metaselector", "table7"), ["artefact 'table7'", "did you mean 'table"]),
        (("metaselector", "table3", "--setting", "publishd"), ["setting 'publishd'", "did you mean 'published'?"]),
        (("metaselector", "table3", "--version", "tunned"), ["version 'tunned'", "did you mean 'tuned'?"]),
        (("metaselector", "table3", "--source", "amazn"), ["source 'amazn'", "did you mean 'amazon'?"]),
        (("metaselector", "cold-start", "--setting", "honest"), ["--setting", "cold-start"]),
        (("metaselector", "figure2", "--setting", "honest"), ["--setting", "figure2"]),
        (("metaselector", "figure2", "--source", "amazon"), ["--source 'amazon'", "figure2"]),
        (("metaselector", "table3", "--data-root", "nowhere"), ["nowhere", "no such folder"]),
        (("metaselector", "table3", "--source", "amazon"), ["--data-root"]),
        (
            ("metaselector", "table1", *ON_SYNTHETIC, "--set", "hedg.kind=hedge"),
            ["not among the rows", "mean 'hedge'?"],
        ),
        (("metaselector", "figure2", "--set", "hedge.kind=hedge"), ["hedge.…", "not among the rows"]),
        (("metaselector", "table3", "--trials", 2), ["for the paper autoloss"]),
        (("metaselector", "table1", *ON_SYNTHETIC, "--seeds", 0), ["seeds", "at least 1"]),
        (("metaselector", "table3", "--source", "amazon", "--set", "source.label=stars"), ["source.label", "binary"]),
        (
            ("metaselector", "cold-start", "--source", "synthetic", "--set", "source.impressions=400", *FAST),
            ["70 rows"],
        ),
        (("metaselector",), ["ARTEFACT"]),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_bad_input(
    words: tuple[object, ...], named: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, "reproduce", *words, *(("--out", tmp_path / "out") if len(words) > 1 else ()))
    for part in named:
        assert part in line
    assert not [name for name in listing(tmp_path) if ".json" in name and "plan" not in name]
