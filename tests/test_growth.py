"""Methods and seeds added to a finished comparison."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.experiment import finished_comparison, is_finished
from clickwise.runs import Plan
from tests.test_experiment import run, timeless
from tests.trained import OPTIONS

BEFORE = Plan(["lr", "mean-logit"], seeds=1, options={"lr": OPTIONS["lr"]}, epochs=2, device="cpu", replicates=100)
AFTER = replace(BEFORE, methods=["mean-logit", "lr", "fm"], seeds=2, options={n: OPTIONS[n] for n in ("lr", "fm")})


@pytest.fixture(scope="module")
def begun(prepared: PreparedLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("growth") / "out"
    run(prepared, out, BEFORE)
    return out


def test_what_is_added_is_trained_and_nothing_else(prepared: PreparedLog, tmp_path: Path) -> None:
    out = tmp_path / "grown"
    run(prepared, out, BEFORE)
    weights = out / "runs" / "lr@0" / "model" / "model.json"
    written = weights.stat().st_mtime_ns
    grown = run(prepared, out, AFTER, resume=True)
    whole = run(prepared, tmp_path / "whole", AFTER)
    assert timeless(grown.results) == timeless(whole.results)
    assert grown.predictions.equals(whole.predictions)
    assert weights.stat().st_mtime_ns == written
    assert finished_comparison(prepared, AFTER, out) is not None


def test_a_growing_comparison_is_not_finished(
    prepared: PreparedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    run(prepared, tmp_path / "out", BEFORE)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("clickwise.experiment.train_run", breaking)
        run(prepared, tmp_path / "out", AFTER, resume=True)
    assert not is_finished(tmp_path / "out")
    assert set(run(prepared, tmp_path / "out", AFTER, resume=True).results["methods"]) >= {*AFTER.methods}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": ["lr"]}, "holds 'mean-logit' too; name it among --methods as well"),
        (
            {"seeds": 1, "methods": ["lr", "mean-logit", "fm"], "options": {"lr": {"batch_size": 9}}},
            "another 'options'",
        ),
        ({"epochs": 3}, "was started with another 'epochs'"),
    ],
)
def test_what_is_there_is_not_changed(
    begun: Path, prepared: PreparedLog, changes: dict[str, Any], message: str
) -> None:
    plan = (begun / "plan.json").read_bytes()
    with pytest.raises(InputError, match=message):
        run(prepared, begun, replace(BEFORE, **changes), resume=True)
    assert (begun / "plan.json").read_bytes() == plan
    assert is_finished(begun)


def test_fewer_seeds(prepared: PreparedLog, tmp_path: Path) -> None:
    run(prepared, tmp_path / "out", replace(BEFORE, seeds=2))
    with pytest.raises(InputError, match="holds 2 seeds; give --seeds 2 or more"):
        run(prepared, tmp_path / "out", BEFORE, resume=True)


def test_what_is_made_of_all_models_would_be_another(prepared: PreparedLog, tmp_path: Path) -> None:
    made = replace(AFTER, methods=["lr", "fm", "uniform-average", "stacking(lr,fm)"], seeds=1)
    run(prepared, tmp_path / "out", made)
    message = "'uniform-average' is made of all models of a comparison and would be another with 'deepfm'"
    with pytest.raises(InputError, match=message):
        run(prepared, tmp_path / "out", replace(made, methods=[*made.methods, "deepfm"]), resume=True)
    grown = run(prepared, tmp_path / "out", replace(made, methods=[*made.methods, "global-rate"]), resume=True)
    assert "global-rate" in grown.results["methods"]


@pytest.mark.parametrize("value", [3, ["lr"], None])
def test_a_damaged_plan(prepared: PreparedLog, tmp_path: Path, value: object) -> None:
    run(prepared, tmp_path / "out", replace(BEFORE, methods=["mean-logit"], options={}))
    found = json.loads((tmp_path / "out" / "plan.json").read_text())
    (tmp_path / "out" / "plan.json").write_text(json.dumps({**found, "methods": value, "options": value}))
    with pytest.raises(InputError, match="its plan is damaged; name another --out"):
        run(prepared, tmp_path / "out", AFTER, resume=True)
