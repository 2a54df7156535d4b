"""Figure 4 of recurrent meta-learning: how AUC spreads over batches of test rows, or over users."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from scipy.stats import gaussian_kde

from clickwise.data.cold_start import generalised_cold_start
from clickwise.data.log import ClickLog
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.metrics.grouped import user_table
from clickwise.metrics.pointwise import auc
from clickwise.report.canvas import FONT_SIZE, GRID, INK, SERIES, WIDTH, Floats, add_axes, new_figure, plain
from clickwise.report.charts import Row, ridge_chart
from clickwise.report.wording import decimals
from clickwise.reproduce.recurrent_meta.honest import HOW, honest_log, honest_predictions
from clickwise.reproduce.recurrent_meta.notes import counts_told, notes_of
from clickwise.reproduce.recurrent_meta.rows import CONTROL, titles
from clickwise.reproduce.recurrent_meta.runs import (
    STAGES,
    cold_log,
    cold_outcomes,
    facts_of,
    honest_outcomes,
    protocol_of,
)
from clickwise.reproduce.result import Result
from clickwise.reproduce.study import Study

GRID_POINTS = 200
LEAST_ROWS = 10
"""Test rows of a user whose AUC is shown."""
LEAST_VALUES = 2
QUANTILES = {"low": 0.05, "first": 0.25, "median": 0.5, "third": 0.75, "high": 0.95}

BATCHES = (
    "AUC of each batch of {batch} test rows of each seed, as in the paper. Batches are small: most of the spread is "
    "chance, and says nothing of convergence."
)
USERS = f"AUC of each user with {LEAST_ROWS} test rows or more and both labels; a user's AUC is the mean over seeds."
SHAPES = "Boxes: quartiles and the median; whiskers: 5 % and 95 %. Dashed in the ridge lines: the control."

Spread = Mapping[str, Floats]


def figure4(study: Study) -> Result:
    """Figure 4, in the published setting or the honest one."""
    return honest_figure(study) if study.job.setting == "honest" else published_figure(study)


def published_figure(study: Study) -> Result:
    """AUC of each batch of test rows after FT-C, a picture a subset."""
    log = cold_log(study)
    protocol = protocol_of(study.job)
    found = generalised_cold_start(log, **protocol)
    for subset, rows in found.subsets.items():
        _check(subset, of_batches(rows.test, np.zeros(len(rows.test), np.float32), protocol["batch"]))
    outcomes = cold_outcomes(study, log, found)
    spreads = {}
    for subset, rows in found.subsets.items():
        spreads[subset] = {
            name: np.concatenate(
                [of_batches(rows.test, one.predictions[-1], protocol["batch"]) for one in outcomes[subset, name]]
            )
            for name in study.rows
        }
    notes = [BATCHES.format(batch=protocol["batch"]), f"After {STAGES[-1]}.", *counts_told(found), *notes_of(study)]
    runs = facts_of(outcomes.values())
    return _result(log, "published", spreads, notes, f"per-batch AUC on {study.job.source}", runs)


def honest_figure(study: Study) -> Result:
    """AUC of each user, adaptation included."""
    log = honest_log(study)
    _check("users", of_users(log.test, [np.zeros(len(log.test), np.float32)]))
    outcomes = honest_outcomes(study, log)
    adapted, _ = honest_predictions(outcomes)
    spread = {name: of_users(log.test, each) for name, each in adapted.items()}
    return _result(
        log, "honest", {"users": spread}, [USERS, HOW, *notes_of(study)], f"per-user AUC on {study.job.source}",
        facts_of(outcomes.values()),
    )  # fmt: skip


def _check(part: str, found: Floats) -> None:
    """Labels alone decide which values there are, and too few must not surface after an hour."""
    if len(found) < LEAST_VALUES:
        raise InputError(f"figure4: {len(found)} values of {part} show no spread; use a log with more rows")


def of_batches(log: ClickLog, probability: npt.NDArray[np.float32], batch: int) -> Floats:
    """AUC of each full batch of rows in their order that holds both labels."""
    found = [
        auc(log.label[start : start + batch], probability[start : start + batch])
        for start in range(0, len(log) - batch + 1, batch)
    ]
    values = np.array(found, dtype=np.float64)
    return values[~np.isnan(values)]


def of_users(log: ClickLog, probabilities: Sequence[npt.NDArray[np.float32]]) -> Floats:
    """Mean over seeds of the AUC of each user with enough rows and both labels."""
    tables = [user_table(log.label, each, log.user) for each in probabilities]
    values = np.mean([table.auc for table in tables], axis=0)
    shown: Floats = values[(tables[0].rows >= LEAST_ROWS) & ~np.isnan(values)]
    return shown


def _result(
    log: PreparedLog,
    setting: str,
    spreads: Mapping[str, Spread],
    notes: Sequence[str],
    said: str,
    runs: Mapping[str, Any],
) -> Result:
    rows = [
        {
            "part": part,
            "row": name,
            "title": titles([name])[name],
            **{key: float(np.quantile(each, share)) for key, share in QUANTILES.items()},
            "mean": float(each.mean()),
            "values": np.round(each, 5).tolist(),
        }
        for part, spread in spreads.items()
        for name, each in spread.items()
    ]
    figures = {}
    for part, spread in spreads.items():
        figures[f"figure4-{part.lower()}-boxes"] = box_figure(titled(spread), f"AUC, {part} (right is better)")
        figures[f"figure4-{part.lower()}-ridges"] = ridge_figure(spread, f"AUC, {part} (right is better)")
    return Result(
        title=f"Figure 4: {said}",
        log=log,
        setting=setting,
        rows=rows,
        headings=["Part, model", "Median", "Quartiles", "5 % to 95 %", "Mean", "Values"],
        cells=[
            [
                f"{one['part']}, {one['title']}", decimals(one["median"]),
                f"{decimals(one['first'])} to {decimals(one['third'])}",
                f"{decimals(one['low'])} to {decimals(one['high'])}", decimals(one["mean"]), str(len(one["values"])),
            ]
            for one in rows
        ],
        notes=[*notes, SHAPES],
        figures=figures,
        runs=runs,
    )  # fmt: skip


def titled(spread: Spread) -> dict[str, Floats]:
    """The same by title."""
    return {titles([name])[name]: each for name, each in spread.items()}


def box_figure(spread: Spread, axis_label: str) -> Figure:
    """A horizontal box a title: quartiles, median, and whiskers to 5 % and 95 %."""
    figure = new_figure(WIDTH, 22.0 * len(spread) + 44)
    axes = add_axes(figure, left=128, right=12, top=8, bottom=36)
    for place, each in enumerate(spread.values()):
        low, first, median, third, high = np.quantile(each, list(QUANTILES.values()))
        axes.plot([low, high], [place, place], color=SERIES[0], linewidth=1.2, zorder=1)
        axes.barh(place, third - first, left=first, height=0.5, color=GRID, edgecolor=SERIES[0], zorder=2)
        axes.plot([median, median], [place - 0.25, place + 0.25], color=INK, linewidth=1.8, zorder=3)
    axes.set_yticks(range(len(spread)), [plain(title) for title in spread], color=INK)
    axes.set_ylim(len(spread) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.locator_params(axis="x", nbins=6)
    axes.set_xlabel(plain(axis_label), color=INK, fontsize=FONT_SIZE)
    return figure


def ridge_figure(spread: Spread, axis_label: str) -> Figure:
    """A density a row, with the control's dashed behind it; no density where all values are one."""
    ends = np.concatenate(list(spread.values()))
    pad = 0.05 * float(np.ptp(ends)) or 0.01
    grid = np.linspace(max(0.0, ends.min() - pad), min(1.0, ends.max() + pad), GRID_POINTS)
    densities = {name: gaussian_kde(each)(grid) if np.ptp(each) > 0 else None for name, each in spread.items()}
    drawn = [
        (Row(title, decimals(float(np.median(spread[name]))), float(np.median(spread[name]))), densities[name])
        for name, title in titles(list(spread)).items()
    ]
    return ridge_chart(grid, drawn, densities.get(CONTROL), axis_label)
