"""The main job on a small log: what it writes, how it goes on, and what it refuses."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from clickwise import finished_run
from clickwise.comparison import Comparison
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.experiment import finished_comparison, is_finished, run_comparison, trained_method
from clickwise.methods.controls import GlobalRate
from clickwise.methods.entries import METHODS
from clickwise.metrics.summary import METRICS
from clickwise.model_folder import load_model
from clickwise.prediction import predict
from clickwise.report.inputs import read_predictions, read_results
from clickwise.runs import Plan, train_one
from tests.trained import OPTIONS

PLAN = Plan(["all"], seeds=2, options=OPTIONS, epochs=2, device="cpu", replicates=100)
SMALL = Plan(
    ["controls", "lr", "fm"], options={n: OPTIONS[n] for n in ("lr", "fm")}, epochs=2, device="cpu", replicates=100
)


def run(log: PreparedLog, out: Path, plan: Plan = SMALL, resume: bool = False) -> Comparison:
    return run_comparison(log, plan, out, resume, progress=False)


@pytest.fixture(scope="module")
def finished(prepared: PreparedLog, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Comparison]:
    out = tmp_path_factory.mktemp("runs") / "all"
    return out, run(prepared, out, PLAN)


def test_results_hold_what_the_report_contract_names(finished: tuple[Path, Comparison], prepared: PreparedLog) -> None:
    out, comparison = finished
    results = read_results(out / "results.json")
    assert results == comparison.results
    facts = results["run"]
    assert (facts["source"], facts["split"], facts["seeds"], facts["classes"]) == ("raw", "chronological", [0, 1], 2)
    assert facts["rows"] == {name: len(part) for name, part in zip(("train", "valid", "test"), prepared, strict=True)}
    for name in ("users", "clickwise", "torch", "platform", "started", "wall_clock_seconds", "options", "click_rate"):
        assert facts[name], name
    assert set(results["methods"]) == {*METHODS, "oracle"}
    for name, values in results["methods"].items():
        for metric in METRICS:
            assert set(values[metric]) == {"mean", "low", "high"}, (name, metric)
        assert {"title", "control", "coverage", "users_won", "cold_start", "relaimpr", "gap_closed"} <= set(values)
        if name != "oracle":
            assert (
                values["train_seconds"] >= 0 and values["predict_seconds"] > 0 and values["peak_memory_bytes"] > 1 << 20
            )
            assert values["seeds"] == (1 if METHODS[name].group == "control" else 2)


def test_predictions_are_those_of_the_saved_models(finished: tuple[Path, Comparison], prepared: PreparedLog) -> None:
    out, _ = finished
    table = pl.read_parquet(out / "predictions.parquet")
    assert read_predictions(out / "predictions.parquet").columns.keys() == set(METHODS)
    for name in ("deepfm@1", "stacking@1", "mean-logit@0"):
        method = load_model(out / "runs" / name / "model").method
        assert np.array_equal(predict(method, prepared.test), table[name].to_numpy()), name
    assert not np.array_equal(table["fm@0"].to_numpy(), table["fm@1"].to_numpy())
    assert "<html" in (out / "report.html").read_text(encoding="utf-8")


def test_the_reference_is_best_on_validation_rows(finished: tuple[Path, Comparison]) -> None:
    results = finished[1].results
    singles = [name for name, entry in METHODS.items() if entry.group == "model"]
    on_valid = {n: v["valid"]["auc"] for n, v in results["methods"].items() if n in singles}
    assert results["best_single"] == max(on_valid, key=lambda name: on_valid[name])


def timeless(results: dict[str, Any]) -> dict[str, Any]:
    """Results without what a clock or a counter of memory says."""
    clocks = ("train_seconds", "predict_seconds", "peak_memory_bytes")
    methods = {
        name: {k: v for k, v in values.items() if k not in clocks} for name, values in results["methods"].items()
    }
    return {"methods": methods, "best_single": results["best_single"], "differences": results["differences"]}


def test_a_comparison_broken_off_goes_on_to_equal_results(
    prepared: PreparedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(prepared, tmp_path / "whole")
    save, saved = finished_run.save_model, []

    def breaking(method: Any, folder: Path, log: PreparedLog) -> None:
        if len(saved) == 3:
            raise KeyboardInterrupt
        saved.append(folder)
        save(method, folder, log)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(finished_run, "save_model", breaking)
        run(prepared, tmp_path / "parts")
    assert not (tmp_path / "parts" / "results.json").exists()
    before = {folder: (folder / "model.json").stat().st_mtime_ns for folder in saved}
    resumed = run(prepared, tmp_path / "parts", resume=True)
    assert timeless(resumed.results) == timeless(whole.results)
    assert resumed.predictions.equals(whole.predictions)
    assert {folder: (folder / "model.json").stat().st_mtime_ns for folder in saved} == before


def test_a_folder_in_use_or_of_another_plan_is_refused(prepared: PreparedLog, tmp_path: Path) -> None:
    out = tmp_path / "out"
    plan = replace(SMALL, methods=["lr"], options={})
    run(prepared, out, plan)
    with pytest.raises(InputError, match="holds a comparison already"):
        run(prepared, out, plan)
    with pytest.raises(InputError, match="was started with another 'epochs'"):
        run(prepared, out, replace(plan, epochs=3), resume=True)
    with pytest.raises(InputError, match="was started with another 'options'"):
        run(prepared, out, replace(plan, options={"lr": {"batch_size": 9}}), resume=True)
    with pytest.raises(InputError, match="holds something else"):
        run(prepared, out / "runs", plan)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"options": {"fm": {"embeding_dim": 3}}}, "fm: unknown option 'embeding_dim'; did you mean 'embedding_dim'"),
        ({"options": {"deepfm": {"dropout": 0.1}}}, "options are given for 'deepfm', which is not among"),
        ({"methods": ["lr", "deepfn"], "options": {}}, "did you mean 'deepfm'"),
    ],
)
def test_a_wrong_plan_is_refused_before_anything_is_written(
    changes: dict[str, Any], message: str, prepared: PreparedLog, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        run(prepared, tmp_path / "out", replace(SMALL, **changes))
    assert not (tmp_path / "out").exists()


def test_options_of_a_model_hold_for_its_trainings_without_the_model(prepared: PreparedLog, tmp_path: Path) -> None:
    plan = replace(SMALL, methods=["lr", "fm+focal"], options={"fm": {"embedding_dim": 3}}, epochs=1)
    run(prepared, tmp_path / "out", plan)
    assert load_model(tmp_path / "out" / "runs" / "fm+focal@0" / "model").method.model.embedding_dim == 3


@pytest.mark.parametrize(
    ("options", "message"), [({"seeds": 0}, "seeds must be"), ({"replicates": 5}, "replicates must be")]
)
def test_numbers_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Plan(["lr"], **options)


def test_one_method_is_trained_into_a_model_folder(prepared: PreparedLog, tmp_path: Path) -> None:
    def train(name: str, out: Path, **options: Any) -> None:
        train_one(
            prepared,
            name,
            {name: OPTIONS.get(name, {})},
            out,
            seed=0,
            resume=False,
            epochs=1,
            progress=False,
            **options,
        )

    train("fm", tmp_path / "fm")
    train("mean-logit", tmp_path / "mean")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fm", "mean"]
    assert (tmp_path / "fm" / "history.csv").is_file()
    assert predict(load_model(tmp_path / "fm").method, prepared.test).shape == (len(prepared.test),)
    with pytest.raises(InputError, match="exists already"):
        train("fm", tmp_path / "fm")
    with pytest.raises(InputError, match="is made of trained models"):
        train("stacking", tmp_path / "stacking")


def test_results_are_strict_json(finished: tuple[Path, Comparison]) -> None:
    def refuse(name: str) -> None:
        pytest.fail(f"{name} is no JSON")

    json.loads((finished[0] / "results.json").read_text(encoding="utf-8"), parse_constant=refuse)


def test_a_wrong_option_of_a_selector_surfaces_before_anything_is_trained(
    prepared: PreparedLog, tmp_path: Path
) -> None:
    options = {"metaselector": {"rates": "vocabularies"}}
    plan = Plan(["lr", "fm", "metaselector"], options=options)
    with pytest.raises(InputError, match="rates 'vocabularies' are unknown"):
        run_comparison(prepared, plan, tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


MINE = "tests.own_models:Mine"
QUICK = Plan(["lr", MINE, "stacking", f"uniform-average(lr,{MINE})"], epochs=1, device="cpu", replicates=100)


@pytest.fixture(scope="module")
def with_own(prepared: PreparedLog, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Comparison]:
    out = tmp_path_factory.mktemp("runs") / "own"
    return out, run(prepared, out, QUICK)


def copied(finished: tuple[Path, Comparison], tmp_path: Path) -> Path:
    out = tmp_path / "out"
    shutil.copytree(finished[0], out)
    return out


def test_a_comparison_with_a_model_of_ones_own_goes_on(
    with_own: tuple[Path, Comparison], prepared: PreparedLog, tmp_path: Path
) -> None:
    out = copied(with_own, tmp_path)
    (out / "report.html").unlink()
    shutil.rmtree(out / "runs" / "stacking@0")
    assert not is_finished(out) and finished_comparison(prepared, QUICK, out) is None
    assert timeless(run(prepared, out, QUICK, resume=True).results) == timeless(with_own[1].results)
    assert is_finished(out)
    for name in QUICK.methods:
        method = trained_method(out, name, 0, QUICK.methods)
        assert np.array_equal(predict(method, prepared.test), with_own[1].predictions[f"{name}@0"].to_numpy())
    with pytest.raises(InputError, match="lies outside clickwise"):
        trained_method(out, "stacking", 0, ["lr", "stacking"])


def test_a_finished_comparison_is_read(
    with_own: tuple[Path, Comparison], prepared: PreparedLog, tmp_path: Path
) -> None:
    out = copied(with_own, tmp_path)
    plan = json.loads((out / "plan.json").read_text())
    (out / "plan.json").write_text(json.dumps({**plan, "clickwise": "0.0.1"}))  # an older one wrote it
    found = finished_comparison(prepared, QUICK, out)
    assert found is not None and found.results == with_own[1].results
    assert found.predictions.equals(with_own[1].predictions)
    with pytest.raises(InputError, match="was begun by another version of clickwise"):
        run(prepared, out, QUICK, resume=True)


DAMAGE = [("plan.json", "{"), ("plan.json", "3"), ("runs/lr@0/finished.json", "{"), ("runs/lr@0/finished.json", "{}")]


@pytest.mark.parametrize(("name", "text"), [*DAMAGE, ("runs/lr@0/test.npy", "PK"), ("runs/lr@0/test.npy", "")])
def test_damaged_bookkeeping_is_named_when_going_on(
    name: str, text: str, with_own: tuple[Path, Comparison], prepared: PreparedLog, tmp_path: Path
) -> None:
    out = copied(with_own, tmp_path)
    (out / name).write_text(text)
    with pytest.raises(InputError, match=f"{re.escape(name)}: (not JSON|damaged)"):
        run(prepared, out, QUICK, resume=True)


@pytest.mark.parametrize(
    ("name", "text"),
    [("plan.json", "{"), ("results.json", "{"), ("results.json", "{}"), ("predictions.parquet", "PAR1")],
)
def test_damaged_results_are_named_when_they_are_read(
    name: str, text: str, with_own: tuple[Path, Comparison], prepared: PreparedLog, tmp_path: Path
) -> None:
    out = copied(with_own, tmp_path)
    (out / name).write_text(text)
    with pytest.raises(InputError, match=f"{re.escape(name)}: "):
        finished_comparison(prepared, QUICK, out)


@pytest.mark.parametrize("part", ["valid", "test"])
def test_a_part_of_one_class_is_refused_before_anything_is_trained(
    part: str, prepared: PreparedLog, tmp_path: Path
) -> None:
    log = getattr(prepared, part)
    changed = replace(prepared, **{part: replace(log, label=np.zeros_like(log.label))})
    with pytest.raises(InputError, match=r"all (validation|test) rows have the label 0"):
        run(changed, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_class_that_is_no_module(prepared: PreparedLog, tmp_path: Path) -> None:
    for name in (
        "tests.own_models:NoModule",
        "tests.own_models:NoModule+focal",
        "stacking(lr,tests.own_models:NoModule)",
    ):
        with pytest.raises(InputError, match=r"no torch\.nn\.Module"):
            run(prepared, tmp_path / "out", replace(QUICK, methods=["lr", name]))


def test_modules_of_ones_own_are_found_within_names() -> None:
    names = ["lr", "a.b:C~udg+focal", "stacking(lr,d:E,f:G~udg)", "d:H", "hedge(lr,fm)"]
    assert finished_run.own_modules(names) == ["a.b", "d", "f"]


def test_rows_that_a_method_is_judged_on_are_never_others(
    prepared: PreparedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither where those left for it are of one class, nor where none is left."""
    few = prepared.valid.take(np.flatnonzero(prepared.valid.label == 1)[:3])
    monkeypatch.setattr(GlobalRate, "monitored", lambda self, valid: few)
    results = run(prepared, tmp_path / "out", replace(SMALL, methods=["global-rate", "lr"], options={})).results
    valid = results["methods"]["global-rate"]["valid"]
    assert valid["auc"] is None and valid["logloss"] == pytest.approx(-np.log(prepared.train.label.mean()), rel=1e-4)
    assert results["best_single"] == "lr"
    monkeypatch.setattr(GlobalRate, "monitored", lambda self, valid: valid.take(slice(0, 0)))
    with pytest.raises(InputError, match="GlobalRate: no validation row is left to judge it on"):
        run(prepared, tmp_path / "none", replace(SMALL, methods=["global-rate", "lr"], options={}))


def test_a_meta_trained_model_is_compared_on_all_validation_rows(prepared: PreparedLog, tmp_path: Path) -> None:
    """Its epochs may be judged on few users; whether it is the best model is judged on the rows of the others."""
    valid = []
    for users in (1, 2000):
        options = {"lr+recurrent-meta": {"judged_users": users, "tasks_per_epoch": 4, "local": ["linear"]}}
        plan = replace(SMALL, methods=["lr+recurrent-meta", "lr"], options=options, epochs=1)
        results = run(prepared, tmp_path / str(users), plan).results
        valid.append(results["methods"]["lr+recurrent-meta"]["valid"])
    assert len(np.unique(prepared.valid.user)) > 1
    assert valid[0] == valid[1]
