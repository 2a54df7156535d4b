"""`clickwise reproduce autoloss`, end to end on a tiny log: what it writes, how it goes on, and what it refuses."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from clickwise.model_folder import load_model
from tests.commands import listing, refused
from tests.reproduce.artefacts import check_pictures, make, options

pytestmark = pytest.mark.filterwarnings("ignore:AutoLoss. an epoch has")  # these logs are small

pytest.importorskip("optuna")

LOG = ("--set", "source.impressions=1500", "--set", "source.users=25", "--set", "source.items=12")
FAST = ("--epochs", 1, "--replicates", 100, "--threads", 1, "--models", "deepfm")
NETS = [f"{name}.hidden_dims=[8]" for name in ("deepfm", "nfm", "autoint")]
SEARCH = ["deepfm+bohb.trials=1", "deepfm+bohb.trial_epochs=1"]
SMALL = ("--source", "synthetic", *LOG, *FAST)
made = partial(make, "autoloss")


OF_TABLES = (*SMALL, "--seeds", 2, *options(NETS[0], *SEARCH))


def test_the_artefacts_share_their_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    table2 = made(capsys, out, "table2", *OF_TABLES)
    rows = {row["training"]: row for row in table2["rows"]}
    assert list(rows) == [
        *("focal", "kl", "hinge", "cross_entropy", "melu-weights", "bohb", "darts", "slf"),
        *("autoloss-published", "autoloss"),
    ]
    assert all(row["published"] is None and len(row["seeds"]["auc"]) == 2 for row in rows.values())
    assert len(table2["verdict"]) == 2 and table2["verdict"][0] in table2["notes"]
    assert table2["run"]["runs"]["options"]["monitor"] == "auc"
    results = json.loads((out / "comparison" / "results.json").read_text())
    for one in results["own_model_differences"]:
        training = one["method"].partition("+")[2]
        if training in rows:
            found = rows[training]["against"]["cross_entropy"][one["metric"]]
            assert found["difference"] == pytest.approx(one["difference"])
            assert found["p"] == one["p"]
    check_pictures(out, "table2")
    stamp = (out / "comparison" / "results.json").stat().st_mtime_ns
    table3 = made(capsys, out, "table3", *OF_TABLES)
    assert [row["training"] for row in table3["rows"]] == [
        *("cross_entropy", "equal-weights", "autoloss-no-gumbel", "autoloss-published")
    ]
    assert table3["rows"][-1]["auc"] == rows["autoloss-published"]["auc"]
    found = made(capsys, out, "controller", *OF_TABLES)
    _check_controllers(found, out)
    figure4 = made(capsys, out, "figure4", *OF_TABLES, *options("sweep.update_every=[7,3]"))
    swept = [(row["update_every"], row["method"]) for row in figure4["rows"] if row["panel"] == "b, c"]
    assert swept == [(f, f"deepfm+{name}") for f in (3, 7) for name in ("autoloss-published", "autoloss")]
    by_f = {
        f: row["auc"]["mean"] for (f, name), row in zip(swept, figure4["rows"][10:], strict=True) if name[-1] == "d"
    }
    assert by_f[7] == rows["autoloss-published"]["auc"]["mean"]
    assert not (out / "every-7").exists() and (out / "every-3").exists()
    trained = load_model(out / "every-3" / "runs" / "deepfm+autoloss@0" / "model").method
    assert trained.update_every == 3
    costs = {row["method"]: row for row in figure4["rows"] if row["panel"] == "a"}
    assert costs["deepfm"]["ratio"] == 1.0
    assert costs["deepfm+bohb"]["train_seconds"] > costs["deepfm+bohb"]["epoch_seconds"]  # with its search
    check_pictures(out, "figure4-seconds", "figure4-auc", "figure4-logloss")
    assert (out / "comparison" / "results.json").stat().st_mtime_ns == stamp
    words = ("reproduce", "autoloss", "table2", *OF_TABLES, "--out", out, "--patience", 5)
    assert "'patience'" in refused(capsys, *words)


def _check_controllers(found: dict[str, Any], out: Path) -> None:
    assert [row["method"] for row in found["rows"]] == ["deepfm+slf", "deepfm+autoloss-published", "deepfm+autoloss"]
    assert not (out / "controllers").exists()
    for row in found["rows"]:
        weights = np.array(row["weights"])
        assert weights.shape == (len(row["epochs"]), 2, 21, 4)
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-3)
        trained = load_model(out / "comparison" / "runs" / f"{row['method']}@0" / "model").method
        np.testing.assert_allclose(weights[-1], trained.weights_on_grid(), atol=1e-3)
        check_pictures(out, f"controller-{row['method'].replace('+', '-')}")


def test_controllers_are_transferred_frozen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, words = tmp_path / "out", (*SMALL, "--seeds", 1, *options(*NETS))
    found = made(capsys, out, "figure3", *words, *options("target.seed=1"))
    names = ("cross_entropy", "slf", "autoloss-published", "autoloss")
    assert [(row["model"], row["training"]) for row in found["rows"]] == [
        (model, training) for model in ("nfm", "autoint", "deepfm") for training in names
    ]
    assert found["target"] == "synthetic" and len(found["verdict"]) == 5  # three models, and one seed on either log
    for training in names[1:]:
        source = load_model(out / "controllers" / "runs" / f"deepfm+{training}@0" / "model").method
        for folder, model in (("transfer", "nfm"), ("transfer", "autoint"), ("transfer-log", "deepfm")):
            target = load_model(out / folder / "runs" / f"{model}+{training}@0" / "model").method
            assert target.frozen and target.losses == source.losses
            for name, value in source.controller.state_dict().items():
                assert value.equal(target.controller.state_dict()[name]), name
    check_pictures(out, "figure3")
    assert "learn from" in refused(capsys, "reproduce", "autoloss", "figure3", *words, "--out", tmp_path / "other")


def test_rows_are_tuned_with_one_budget_and_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, words = tmp_path / "out", (*SMALL, "--seeds", 1, *options(*NETS[:1]), "--version", "tuned", "--trials", 2)
    found = made(capsys, out, "controller", *words)
    written = yaml.safe_load((out / "controllers-tuned.yaml").read_text())["set"]
    rows = ("deepfm", "deepfm+slf", "deepfm+autoloss-published", "deepfm+autoloss")
    chosen = found["run"]["runs"]["options"]["options"]
    for row in rows:
        tuning = json.loads((out / "controllers-tuning" / row / "trials.json").read_text())
        assert len(tuning["trials"]) == 2 and tuning["monitor"] == "auc"
        best = max(tuning["trials"], key=lambda trial: trial["values"][-1])
        assert chosen[row] == {"hidden_dims": [8], **best["options"]}
        assert {f"{row}.{key}={json.dumps(value)}" for key, value in chosen[row].items()} <= set(written)
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("trials.json")}
    made(capsys, out, "controller", *words)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("trials.json")} == stamps


def test_table1_counts_what_the_log_holds(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (
        "--source",
        "movielens-100k",
        "--data-root",
        shared_data,
        *options("source.label=stars", "source.features=ids"),
    )
    found = {row["statistic"]: row for row in made(capsys, tmp_path / "out", "table1", *words)["rows"]}
    assert (found["interactions"]["ours"], found["interactions"]["published"]) == (100_000, 20_000_263)
    assert found["feature fields"]["ours"] == found["feature fields"]["published"] == 2
    assert 943 < found["feature values"]["ours"] <= 943 + 1682
    assert found["behaviour"]["ours"] == found["behaviour"]["published"] == "rating 1~5"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("table7",), "did you mean 'table"),
        (("table2", "--trials", 3), "--version tuned"),
        (("table2", "--trials", -1, "--version", "tuned"), "trials must be at least 0"),
        (("table2", "--models", "deepfn"), "did you mean 'deepfm'"),
        (("table2", "--models", "stacking"), "is no model"),
        (("table2", *SMALL, *options("nfm.hidden_dims=[8]")), "not among the rows"),
        (("table2", *SMALL, *options("target.source=avazu")), "table2 has no such option"),
        (("figure3", *SMALL, *options("target.source=avazoo")), "did you mean 'avazu'"),
        (("figure3", *SMALL), "the log that the controllers learn from"),
        (("figure4", *SMALL, *options("sweep.update_every=0")), "list of positive whole numbers"),
        (("figure4", *SMALL, *options("sweep.every=[1]")), "only sweep.update_every"),
        (("table2", *SMALL, *options("deepfm+slf.hidden=[8]")), "unknown option 'hidden'"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else value,
)
def test_bad_input(words: tuple[object, ...], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert named in refused(capsys, "reproduce", "autoloss", *words, "--out", tmp_path / "out")
    assert not [name for name in listing(tmp_path) if ".json" in name]


@pytest.mark.parametrize("words", [("--trials", 3), ("--models", "fm"), options("target.source=avazu")])
def test_what_the_other_paper_has_no_use_for(
    words: tuple[object, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, "reproduce", "metaselector", "table1", *words, "--out", tmp_path / "out")
    assert "leave it out" in line
