"""Figure 4 of the AutoLoss paper: what each way to train costs, and how often the controller should be updated."""

import csv
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clickwise.comparison import Comparison, title
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.experiment import run_folder
from clickwise.report.charts import Row, bar_chart
from clickwise.report.curves import line_chart
from clickwise.report.wording import decimals, duration, estimate
from clickwise.reproduce.autoloss.published import CROSS_ENTROPY, SEARCHED, TABLE, row
from clickwise.reproduce.autoloss.tables import ONE_AGAINST_REST, WATCHED
from clickwise.reproduce.result import Result
from clickwise.reproduce.study import Study
from clickwise.runlog import HISTORY

SWEPT = ("autoloss-published", "autoloss")
UPDATE_EVERY = (1, 3, 5, 7, 9, 11, 13, 15)
PAPER_EVERY = 7
RUNS = "cost"
METRICS = {"auc": "AUC (up is better)", "logloss": "LogLoss (down is better)"}
SECONDS = (
    "Seconds of all training until early stopping, BOHB's search included, and of the steps of an epoch, means over "
    "seeds; validation between epochs is part of neither. Other work on the machine shows in them."
)
SWEEP = "f is the number of steps of the model for each one of the controller; the paper finds f = 7 best on Criteo."


def figure4(study: Study) -> Result:
    """Training time by method, and AUC and LogLoss by update frequency."""
    job, model = study.job, SEARCHED
    every = frequencies(job.own.get("sweep", {}))
    log = study.log()
    comparison, folder = study.whole(log, [row(model, training) for training in TABLE], RUNS)
    first = _epoch_seconds(study, folder, row(model, CROSS_ENTROPY))
    costs = [{"panel": "a", **_cost(study, comparison, folder, row(model, training))} for training in TABLE]
    costs = [one | {"ratio": one["epoch_seconds"] / first} for one in costs]
    swept = [entry for f in every for entry in _sweep(study, log, model, f, (comparison, folder))]
    return Result(
        title=f"Figure 4: cost of training, and how often the controller is updated, {title(model)} on {job.source}",
        log=log,
        setting=job.setting_name,
        rows=[*costs, *swept],
        headings=["Method", "f", "Training", "An epoch", "Times cross-entropy's epoch", "AUC [95 %]", "LogLoss [95 %]"],
        cells=[_cells(one) for one in (*costs, *swept)],
        notes=[SECONDS, SWEEP, WATCHED, ONE_AGAINST_REST],
        figures={"figure4-seconds": _seconds_figure(costs), **_sweep_figures(swept, every)},
        runs=comparison.results["run"],
    )


def frequencies(own: Mapping[str, Any]) -> list[int]:
    """The numbers f to try: those of the paper, or ``sweep.update_every``."""
    if unknown := [key for key in own if key != "update_every"]:
        raise InputError(f"--set sweep.{unknown[0]}: only sweep.update_every can be set")
    given = own.get("update_every", UPDATE_EVERY)
    if not isinstance(given, list | tuple) or not given or not all(isinstance(f, int) and f > 0 for f in given):
        raise InputError(f"--set sweep.update_every: give a list of positive whole numbers, not {given!r}")
    return sorted(set(given))


def _cost(study: Study, comparison: Comparison, folder: str, name: str, every: int | None = None) -> dict[str, Any]:
    values = comparison.results["methods"][name]
    return {
        "method": name,
        "title": title(name),
        "update_every": every,
        "train_seconds": values["train_seconds"],
        "epoch_seconds": _epoch_seconds(study, folder, name),
        "ratio": None,
        **{metric: values[metric] for metric in METRICS},
    }


def _epoch_seconds(study: Study, folder: str, name: str) -> float:
    """Mean seconds of an epoch, over the seeds."""
    found = []
    for seed in range(study.job.seeds):
        with (run_folder(study.job.out / folder, name, seed) / HISTORY).open(newline="", encoding="utf-8") as file:
            found.append(np.mean([float(epoch["seconds"]) for epoch in csv.DictReader(file)]))
    return float(np.mean(found))


def _sweep(
    study: Study, log: PreparedLog, model: str, every: int, ready: tuple[Comparison, str]
) -> list[dict[str, Any]]:
    """One frequency; the paper's own has been run with the other methods."""
    names = [row(model, training) for training in SWEPT]
    comparison, folder = ready
    if any(options.get("update_every", PAPER_EVERY) != every for options in study.options(names).values()):
        folder = f"every-{every}"
        comparison = study.compared(log, names, folder, {name: {"update_every": every} for name in names})
    return [{"panel": "b, c", **_cost(study, comparison, folder, name, every)} for name in names]


def _cells(one: Mapping[str, Any]) -> list[str]:
    return [
        one["title"],
        "" if one["update_every"] is None else str(one["update_every"]),
        duration(one["train_seconds"]),
        duration(one["epoch_seconds"]),
        decimals(one["ratio"], 2),
        *(estimate(one[metric]) for metric in METRICS),
    ]


def _seconds_figure(costs: Sequence[Mapping[str, Any]]) -> Any:
    rows = [Row(one["title"], duration(one["train_seconds"]), one["train_seconds"]) for one in costs]
    return bar_chart(rows, "seconds of training")


def _sweep_figures(swept: Sequence[Mapping[str, Any]], every: Sequence[int]) -> dict[str, Any]:
    ticks = [str(f) for f in every]
    names = {training: "as published" if training == "autoloss-published" else "sound" for training in SWEPT}
    return {
        f"figure4-{metric}": line_chart(
            ticks,
            [
                (name, np.array([one[metric]["mean"] for one in swept if one["method"].endswith(f"+{training}")]))
                for training, name in names.items()
            ],
            ("f, steps of the model for one of the controller", axis),
        )
        for metric, axis in METRICS.items()
    }
