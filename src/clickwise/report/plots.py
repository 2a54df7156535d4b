"""The figures of a comparison, from its results and predictions."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import gaussian_kde

from clickwise.files import new_file
from clickwise.metrics.grouped import group_users
from clickwise.metrics.pointwise import Calibration, calibration, example_logloss
from clickwise.metrics.summary import ORACLE
from clickwise.report.canvas import Floats, short, to_png, to_svg
from clickwise.report.charts import (
    Row,
    bar_chart,
    interval_chart,
    ridge_chart,
)
from clickwise.report.curves import calibration_chart, line_chart
from clickwise.report.inputs import Predictions
from clickwise.report.reading import Results, difference, is_competitor, is_shown, ranked, title
from clickwise.report.wording import decimals, earlier_range, p_value, percent, signed, stars

__all__ = [
    "calibration_curves",
    "calibration_figures",
    "cold_start_figure",
    "density_figure",
    "difference_figure",
    "metric_figure",
    "predicted_methods",
    "save_figure",
    "save_figures",
    "to_svg",
    "user_logloss",
    "users_won_figure",
]

GRID_POINTS = 160
# A density is drawn from at most this many users, evenly spaced in rank; the curve looks the same as that of all.
DENSITY_USERS = 4000
LINES_DRAWN = 6
REFERENCE_LENGTH = 18


def metric_figure(results: Results, metric: str) -> Figure:
    """AUC or LogLoss of every method with its 95 % interval; controls and the oracle are hollow."""
    rows = []
    for name in ranked(results):
        value = results["methods"][name][metric]
        own = is_competitor(results, name)
        ends = (value["mean"], value["low"], value["high"])
        rows.append(Row(title(results, name), decimals(value["mean"]), *ends, own, own))
    if metric == "logloss":
        return interval_chart(rows, "LogLoss (reversed: right is better)", reverse=True)
    return interval_chart(rows, "AUC (right is better)")


def difference_figure(results: Results, metric: str) -> Figure | None:
    """Difference of every method from the best single model, filled where larger than chance; None without any."""
    rows = []
    for name in ranked(results):
        entry = difference(results, name, metric)
        if entry is None:
            continue
        p = entry["p_corrected"]
        note = f"{signed(entry['difference'])}  {p_value(p)} {stars(p)}".rstrip()
        ends = (entry["difference"], entry["low"], entry["high"])
        rows.append(Row(title(results, name), note, *ends, is_shown(entry), is_competitor(results, name)))
    if not rows:
        return None
    reference = short(results["methods"][results["best_single"]]["title"], REFERENCE_LENGTH)
    if metric == "logloss":
        return interval_chart(rows, f"LogLoss minus {reference}'s (reversed: right is better)", zero=True, reverse=True)
    return interval_chart(rows, f"AUC minus {reference}'s (right is better)", zero=True)


def users_won_figure(results: Results) -> Figure | None:
    """Share of users for whom each method has the lowest LogLoss, most first; None where no method has a share."""
    won = {name: method["users_won"] for name, method in results["methods"].items() if method["users_won"] is not None}
    names = sorted(won, key=lambda name: (-won[name], name))
    rows = [
        Row(title(results, name), percent(won[name]), 100 * won[name], filled=is_competitor(results, name))
        for name in names
    ]
    return bar_chart(rows, "users won, % (lowest LogLoss of all)") if rows else None


def cold_start_figure(results: Results) -> Figure | None:
    """AUC against the number of earlier interactions of the best methods; None where no bucket has an AUC."""
    curves = {name: results["methods"][name]["cold_start"] for name in cold_start_methods(results)}
    curves = {name: curve for name, curve in curves.items() if any(bucket["auc"] is not None for bucket in curve)}
    if not curves:
        return None
    ticks = [earlier_range(bucket) for bucket in next(iter(curves.values()))]
    series = [
        (
            results["methods"][name]["title"],
            np.array([np.nan if b["auc"] is None else b["auc"] for b in curve], dtype=np.float64),
        )
        for name, curve in curves.items()
    ]
    return line_chart(ticks, series, ("earlier interactions of the user", "AUC"))


def cold_start_methods(results: Results) -> list[str]:
    """The methods that the cold-start figure draws: the best single model, then the highest AUC first."""
    first = [results["best_single"]] if results["best_single"] else []
    order = [name for name in ranked(results) if results["methods"][name]["cold_start"]]
    rest = sorted(order, key=lambda name: not is_competitor(results, name) and name != ORACLE)
    chosen = {*first, *[name for name in rest if name not in first][: LINES_DRAWN - len(first)]}
    return [name for name in order if name in chosen]


def predicted_methods(results: Results, predictions: Predictions) -> list[str]:
    """All methods in the order of ``ranked``; of these the oracle alone may stand without a column of predictions."""
    return [name for name in ranked(results) if name != ORACLE or name in predictions.columns]


def calibration_curves(results: Results, predictions: Predictions) -> dict[str, Calibration]:
    """Equal-mass calibration bins of every method on a binary log."""
    return {
        name: calibration(predictions.label, predictions.probability(name))[0]
        for name in predicted_methods(results, predictions)
    }


def calibration_figures(curves: Mapping[str, Calibration]) -> dict[str, Figure]:
    """One calibration plot a method, all on one scale."""
    highest = max(max(float(c.predicted.max()), float(c.observed.max())) for c in curves.values())
    limit = min(1.0, 1.1 * highest)
    return {name: calibration_chart(c.predicted, c.observed, c.rows, limit) for name, c in curves.items()}


def user_logloss(results: Results, predictions: Predictions) -> dict[str, Floats]:
    """Mean LogLoss of each user under every method, ``[users]`` each."""
    codes, member, rows = group_users(predictions.user, len(predictions.user))

    def of(name: str) -> Floats:
        losses = example_logloss(predictions.label, predictions.probability(name))
        return np.asarray(np.bincount(member, weights=losses, minlength=len(codes)) / rows)

    return {name: of(name) for name in predicted_methods(results, predictions)}


def density_figure(results: Results, losses: Mapping[str, Floats]) -> Figure | None:
    """Kernel density of per-user LogLoss; None where no method has users that differ."""
    highest = max(float(np.quantile(values, 0.99)) for values in losses.values())
    grid = np.linspace(0.0, highest * 1.05, GRID_POINTS)
    densities = {name: _density(values, grid) for name, values in losses.items()}
    if all(density is None for density in densities.values()):
        return None
    medians = {name: float(np.median(values)) for name, values in losses.items()}
    rows = [
        (Row(title(results, name), f"median {decimals(medians[name], 3)}", medians[name]), densities[name])
        for name in losses
    ]
    return ridge_chart(grid, rows, densities.get(results["best_single"]), "LogLoss of a user (left is better)")


def _density(values: Floats, grid: Floats) -> Floats | None:
    if len(values) > DENSITY_USERS:
        values = np.quantile(values, (np.arange(DENSITY_USERS) + 0.5) / DENSITY_USERS)
    if np.ptp(values) < 1e-9:  # a kernel density needs values that differ
        return None
    return np.asarray(gaussian_kde(values)(grid))


def save_figures(results: Results, predictions: Predictions, folder: Path) -> list[Path]:
    """Write every figure that applies as ``NAME.svg`` and ``NAME.png`` on white; returns the paths written."""
    folder = Path(folder)
    makers: dict[str, Callable[[], Figure | None]] = {
        "auc": lambda: metric_figure(results, "auc"),
        "logloss": lambda: metric_figure(results, "logloss"),
        "difference-auc": lambda: difference_figure(results, "auc"),
        "difference-logloss": lambda: difference_figure(results, "logloss"),
        "users-won": lambda: users_won_figure(results),
        "cold-start": lambda: cold_start_figure(results),
        "density": lambda: density_figure(results, user_logloss(results, predictions)),
    }
    figures = {name: make() for name, make in makers.items()}
    if results["run"]["classes"] == 2:
        curves = calibration_figures(calibration_curves(results, predictions))
        figures |= {f"calibration-{re.sub('[^A-Za-z0-9_-]', '-', name)}": figure for name, figure in curves.items()}
    return [
        path for name, figure in figures.items() if figure is not None for path in save_figure(figure, folder / name)
    ]


def save_figure(figure: Figure, stem: Path) -> tuple[Path, Path]:
    """Write one figure on white as ``STEM.svg`` and ``STEM.png``; returns both paths."""
    svg, png = stem.with_name(f"{stem.name}.svg"), stem.with_name(f"{stem.name}.png")
    for path, content in ((svg, to_svg(figure).encode()), (png, to_png(figure))):
        with new_file(path) as temporary:
            temporary.write_bytes(content)
    return svg, png
