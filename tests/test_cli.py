"""The commands, end to end on small logs."""

import csv
import datetime as dt
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from clickwise import __version__
from clickwise.cli import COMMANDS, main
from clickwise.data.opening import read_log
from clickwise.data.sources import SOURCES
from clickwise.data.splits import FILE_ORDER
from clickwise.schema import Schema
from tests.commands import ROWS, clicks, refused, run, write_table

SMALL = ("--set", "source.impressions=1500", "--set", "source.users=40", "--set", "source.items=20")
OWN_MODEL = "from clickwise.models import LR\n\n\nclass Mine(LR):\n    recipe = {'optimizer': 'adam'}\n"
FAST = ("--epochs", 2, "--replicates", 100, "--threads", 1)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's cache, away from the real one; runs start in an empty folder."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    yield folder


def test_compare_writes_results_predictions_and_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("compare", "synthetic", *SMALL, "--methods", "controls,lr,fm", *FAST, "--seeds", 2, "--out", "here")
    outcome = run(capsys, *words)
    assert outcome.status == 0, outcome.err
    assert "Global stacking" in outcome.out and "here/report.html" in outcome.out
    told = re.findall(r"^(\S+), seed (\d): \d+\.\d s, validation log loss 0\.\d{4}\n", outcome.err, re.MULTILINE)
    seeded = [(name, seed) for name in ("lr", "fm", "uniform-average", "stacking") for seed in "01"]
    assert told == [("global-rate", "0"), ("mean-logit", "0"), *seeded]
    assert outcome.err.count("\n") == len(told)
    results = json.loads(Path("here/results.json").read_text())
    assert (results["format"], results["version"]) == ("clickwise-results", 2)
    named = {"global-rate", "mean-logit", "lr", "fm", "uniform-average", "stacking", "oracle"}
    assert results["methods"].keys() == named
    assert results["run"]["seeds"] == [0, 1]
    assert results["run"]["rows"] == {"train": 1200, "valid": 150, "test": 150}
    assert results["run"]["options"]["epochs"] == 2
    assert results["best_single"] in ("lr", "fm")
    assert {row["reference"] for row in results["differences"]} == {results["best_single"]}
    table = pl.read_parquet("here/predictions.parquet")
    assert {"row", "user", "time", "label", "earlier", "lr@0", "lr@1", "fm@0", "fm@1", "global-rate@0"} < set(
        table.columns
    )
    for name in ("lr", "fm"):
        aucs = [roc_auc_score(table["label"], table[f"{name}@{seed}"]) for seed in (0, 1)]
        assert results["methods"][name]["auc"]["mean"] == pytest.approx(np.mean(aucs), abs=1e-9)
    page = Path("here/report.html").read_text()
    assert page.startswith("<!DOCTYPE html>") and 'src="http' not in page and "<script" not in page


def test_lines_of_runs_stand_in_for_the_bars_of_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("clickwise.runlog.can_show_bars", lambda: True)
    words = ("compare", "synthetic", *SMALL, "--methods", "lr", *FAST, "--out", "here")
    outcome = run(capsys, *words)
    assert outcome.status == 0 and "validation log loss" not in outcome.err


def test_compare_resumes_and_refuses_another_plan(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("compare", "synthetic", *SMALL, "--methods", "lr", *FAST, "--out", "here")
    assert run(capsys, *words).status == 0
    first = pl.read_parquet("here/predictions.parquet")
    again = run(capsys, *words)
    assert again.status == 2 and "--resume" in again.err
    stamp = Path("here/runs/lr@0/finished.json").stat().st_mtime_ns
    assert run(capsys, *words, "--resume").status == 0
    assert Path("here/runs/lr@0/finished.json").stat().st_mtime_ns == stamp
    assert pl.read_parquet("here/predictions.parquet").equals(first)
    changed = run(capsys, *words, "--resume", "--patience", 7)
    assert changed.status == 2 and "'patience'" in changed.err


def test_ones_own_table_from_infer_to_predictions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, yaml = write_table(tmp_path)
    printed = run(capsys, "infer", file)
    assert printed.status == 0 and "# ?" in printed.out
    written = run(capsys, "infer", file, "--out", tmp_path / "guess.yaml")
    assert written.status == 0 and "--methods controls,lr,fm\n" in written.out
    assert (tmp_path / "guess.yaml").read_text() == printed.out
    assert Schema.load(tmp_path / "guess.yaml").label == "tapped"
    model = tmp_path / "model"
    assert run(capsys, "train", file, "fm", "--schema", yaml, "--out", model, "--epochs", 3, "--threads", 1).status == 0
    rows = list(csv.DictReader((model / "history.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"][: len(rows)] and "valid_auc" in rows[0]
    assert not (tmp_path / "model.training").exists()
    fresh = clicks(seed=1, rows=50).with_columns(visitor=pl.lit("nobody"), article=pl.lit("nothing")).drop("tapped")
    fresh.write_csv(tmp_path / "tomorrow.csv")
    said = run(capsys, "predict", model, tmp_path / "tomorrow.csv", "--out", tmp_path / "p.parquet")
    assert said.status == 0 and "unknown to the model: visitor in 50 of 50 rows, article in 50\n" in said.out
    table = pl.read_parquet(tmp_path / "p.parquet")
    assert table.columns == ["row", "user", "time", "probability"]
    assert table["row"].to_list() == list(range(50))
    assert table["probability"].is_between(0, 1).all()
    assert run(capsys, "predict", model, tmp_path / "tomorrow.csv", "--out", tmp_path / "p.csv").status == 0
    anonymous = fresh.with_columns(visitor=pl.lit(None, dtype=pl.String), tapped=pl.lit(None, dtype=pl.Int64))
    anonymous.write_csv(tmp_path / "anonymous.csv")
    assert run(capsys, "predict", model, tmp_path / "anonymous.csv", "--out", tmp_path / "a.parquet").status == 0
    found = pl.read_parquet(tmp_path / "a.parquet")
    assert found["user"].null_count() == 50 and found["probability"].equals(table["probability"])
    assert pl.read_csv(tmp_path / "p.csv")["probability"].to_numpy() == pytest.approx(table["probability"].to_numpy())


def test_evaluate_agrees_with_scikit_learn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, yaml = write_table(tmp_path)
    model, metrics = tmp_path / "model", tmp_path / "metrics.json"
    assert run(capsys, "train", file, "lr", "--schema", yaml, "--out", model, "--epochs", 2).status == 0
    later = clicks(seed=2, rows=300).with_columns(pl.col("seen_at") + 10**7)
    later.write_csv(tmp_path / "later.csv")
    outcome = run(capsys, "evaluate", model, tmp_path / "later.csv", "--replicates", 100, "--out", metrics)
    assert outcome.status == 0 and "300 rows" in outcome.out and "unknown" not in outcome.out
    assert run(capsys, "predict", model, tmp_path / "later.csv", "--out", tmp_path / "p.parquet").status == 0
    probability = pl.read_parquet(tmp_path / "p.parquet")["probability"].to_numpy()
    found = json.loads(metrics.read_text())
    assert found["auc"]["mean"] == pytest.approx(roc_auc_score(later["tapped"], probability), abs=1e-6)
    assert found["logloss"]["mean"] == pytest.approx(log_loss(later["tapped"], probability), abs=1e-6)


def test_prepare_states_what_the_split_leaks_and_doctor_checks_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, yaml = write_table(tmp_path)
    words = ("prepare", file, "--schema", yaml, "--split", "random-per-user", "--out", tmp_path / "log")
    outcome = run(capsys, *words)
    assert outcome.status == 0 and "Leaks" in outcome.out
    first, last = (dt.datetime.fromtimestamp(second, dt.UTC) for second in (clicks()["seen_at"][at] for at in (0, -1)))
    assert f"times {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} UTC" in outcome.out
    checked = run(capsys, "doctor", tmp_path / "log")
    assert checked.status == 0 and f"{ROWS:,} rows" in checked.out and "torch" in checked.out
    assert run(capsys, "train", tmp_path / "log", "mean-logit", "--out", tmp_path / "model").status == 0
    assert "MeanLogit" in run(capsys, "doctor", tmp_path / "model").out
    assert run(capsys, "evaluate", tmp_path / "model", tmp_path / "log", "--replicates", 100).status == 0


def test_a_log_without_times_is_said_to_be_in_the_order_of_its_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, yaml = write_table(tmp_path)
    words = ("compare", file, "--schema", yaml, "--methods", "mean-logit", *FAST)
    assert FILE_ORDER not in run(capsys, *words, "--out", "timed").err
    Path(yaml).write_text(Path(yaml).read_text().replace("time: seen_at\n", ""))
    assert FILE_ORDER in run(capsys, "prepare", file, "--schema", yaml, "--out", tmp_path / "log").out
    assert FILE_ORDER in run(capsys, *words, "--out", "out").err
    assert FILE_ORDER in json.loads(Path("out", "results.json").read_text())["run"]["split_leaks"]
    assert FILE_ORDER in run(capsys, "train", tmp_path / "log", "mean-logit", "--out", tmp_path / "model").err


@pytest.mark.parametrize("methods", ["elsewhere:Mine", "uniform-average(lr,elsewhere:Mine)", "controls"])
def test_the_last_line_of_compare_predicts_with_the_best(
    methods: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "elsewhere.py").write_text(OWN_MODEL)
    monkeypatch.syspath_prepend(str(tmp_path))
    file, yaml = write_table(tmp_path)
    compared = run(capsys, "compare", file, "--schema", yaml, "--methods", methods, *FAST, "--out", "my runs")
    assert compared.status == 0
    line = compared.out.splitlines()[-1]
    assert line.startswith("Predict with the best, ")
    words = shlex.split(line.partition(": clickwise ")[2])
    assert words[0] == "predict" and words[2:5] == ["FILE", "--out", "FILE.parquet"]
    assert words[5:] in ([], ["--trust", "elsewhere"]) and (words[5:] or methods != "elsewhere:Mine")
    assert run(capsys, *(file if word == "FILE" else word for word in words)).status == 0
    assert len(pl.read_parquet("FILE.parquet")) == ROWS


def test_a_model_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ownmodels.py").write_text(OWN_MODEL)
    monkeypatch.syspath_prepend(str(tmp_path))
    file, yaml = write_table(tmp_path)
    words = ("compare", file, "--schema", yaml, "--methods", "lr,ownmodels:Mine", *FAST, "--out", "here")
    assert run(capsys, *words).status == 0
    assert "ownmodels:Mine" in json.loads(Path("here/results.json").read_text())["methods"]
    training = ("train", file, "ownmodels:Mine", "--schema", yaml, "--epochs", 1, "--out", "mine")
    assert run(capsys, *training).status == 0
    refused = run(capsys, "predict", "mine", file, "--out", "p.csv")
    assert refused.status == 2 and "'ownmodels'" in refused.err and "trusted" in refused.err
    assert run(capsys, "predict", "mine", file, "--out", "p.csv", "--trust", "ownmodels").status == 0


def test_options_from_a_configuration_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, yaml = write_table(tmp_path)
    (tmp_path / "run.yaml").write_text(f"schema: {yaml}\nmethods: lr\nepochs: 1\nreplicates: 100\n")
    assert run(capsys, "compare", file, "--config", tmp_path / "run.yaml", "--out", "here").status == 0
    assert json.loads(Path("here/plan.json").read_text())["epochs"] == 1


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--help"], *([name, "--help"] for name in COMMANDS)):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)
    assert "--data-root" in shown and "--data_root" not in shown
    with pytest.raises(SystemExit):
        main(["--version"])
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize("command", ["compare", "train", "tune", "prepare", "reproduce"])
def test_help_names_every_source(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    shown = "".join(capsys.readouterr().out.split())  # names are cut at the ends of lines
    assert all(name in shown for name in SOURCES) and "SOURCES" not in shown


def test_shares_of_the_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, yaml = write_table(tmp_path)
    words = ("prepare", file, "--schema", yaml, "--out", "log")
    assert run(capsys, *words, "--fractions", "0.5,0.25,0.25").status == 0
    rows = {"train": ROWS // 2, "valid": ROWS // 4, "test": ROWS // 4}
    assert json.loads(Path("log/manifest.json").read_text())["rows"] == rows
    for source in (file, pl.read_csv(file)):
        assert read_log(source, yaml, fractions=(0.5, 0.25, 0.25)).manifest["rows"] == rows
    assert "add up to 1" in refused(capsys, *words[:-1], "other", "--fractions", "0.5,0.5,0.5")
    assert "--fractions" in refused(capsys, *words[:-1], "other", "--fractions", "half")


@pytest.mark.parametrize(
    ("place", "words", "advice"),
    [
        ("clickwise.data.infer.infer_schema", ("infer", "clicks.csv"), ""),
        ("clickwise.runs.train_one", ("train", "synthetic", "lr", *SMALL, "--out", "m"), "with --resume goes on"),
        ("clickwise.commands.comparing.compare_command", ("demo",), "; the same command goes on"),
    ],
)
def test_only_what_can_be_gone_on_with_says_so(
    place: str, words: tuple[str, ...], advice: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupted)
    outcome = run(capsys, *words)
    assert outcome.status == 130 and advice in outcome.err
    assert outcome.err.count("\n") == 1 and (advice or outcome.err == "clickwise: interrupted\n")
