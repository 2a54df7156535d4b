"""The runs that artefacts share: read, made, or grown."""

from pathlib import Path
from typing import Any

import pytest

from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.experiment import run_folder
from clickwise.reproduce.job import Job
from clickwise.reproduce.study import EARLIER, Study

ROWS = ("lr", "mean-logit")


def study(out: Path, **options: Any) -> Study:
    job = Job("ours", "table", out, source="synthetic", epochs=1, device="cpu", replicates=100, **options)
    return Study(job, ROWS, recipe={"lr": {"batch_size": 64}})


def test_a_finished_comparison_grows_by_rows_and_seeds(prepared: PreparedLog, tmp_path: Path) -> None:
    study(tmp_path / "out", seeds=1).compared(prepared, ROWS, "runs")
    weights = run_folder(tmp_path / "out" / "runs", "lr", 0) / "model" / "model.json"
    written = weights.stat().st_mtime_ns
    with pytest.raises(InputError, match="another 'seeds'"):
        study(tmp_path / "out", seeds=2).compared(prepared, ROWS, "runs")
    grown = study(tmp_path / "out", seeds=2, resume=True).compared(prepared, [*ROWS, "fm"], "runs")
    whole = study(tmp_path / "whole", seeds=2).compared(prepared, [*ROWS, "fm"], "runs")
    assert grown.predictions.equals(whole.predictions)
    assert grown.results["methods"]["lr"]["seeds"] == 2
    assert weights.stat().st_mtime_ns == written
    with pytest.raises(InputError, match="holds 2 seeds; give --seeds 2 or more"):
        study(tmp_path / "out", seeds=1, resume=True).compared(prepared, [*ROWS, "fm"], "runs")


def test_a_finished_comparison_is_read_with_resume_too(
    prepared: PreparedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("nothing is trained or scored again")

    first = study(tmp_path, seeds=1).compared(prepared, ROWS, "runs")
    assert first.results["run"][EARLIER] == 0.0
    monkeypatch.setattr("clickwise.reproduce.study.run_comparison", never)
    for resume in (False, True):
        found = study(tmp_path, seeds=1, resume=resume).compared(prepared, ROWS, "runs")
        assert found.predictions.equals(first.predictions)
        assert found.results["run"][EARLIER] == found.results["run"]["wall_clock_seconds"] > 0
