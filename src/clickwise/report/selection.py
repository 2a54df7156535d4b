"""The figures of choosing a model for each user: eCPM by hour, support curves, weights and losses over users."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from matplotlib.figure import Figure
from scipy.stats import gaussian_kde

from clickwise.errors import InputError, nearest
from clickwise.metrics.grouped import users_won
from clickwise.report.canvas import FONT_SIZE, INK, SERIES, WIDTH, Floats, add_axes, new_figure, plain, short
from clickwise.report.charts import Row, ridge_chart
from clickwise.report.curves import LINES, line_chart
from clickwise.report.wording import decimals, percent

__all__ = ["ecpm_figure", "losses_figure", "support_curve_figure", "weights_figure"]

HOURS = 24
HOURS_A_LABEL = 3
WEIGHT_BINS = 40
GRID_POINTS = 200
LEGEND_NAME = 26
LEGEND_LINE = 15.0
METRICS = {"auc": "AUC (up is better)", "logloss": "LogLoss (down is better)"}


def ecpm_figure(table: pl.DataFrame, titles: Mapping[str, str]) -> Figure:
    """eCPM of each model by hour of the day.

    Args:
        table: at most one row a model and hour: ``model``, ``hour`` (0 to 23) and ``ecpm``, the income of a thousand
            impressions. A model has a gap at an hour without a row.
        titles: by model, the name that is shown.

    Raises:
        InputError: no rows, a missing column or title, an hour off the clock or given twice, a model without a finite
            eCPM, or more models than there are line styles.
    """
    if missing := [name for name in ("model", "hour", "ecpm") if name not in table.columns]:
        raise InputError(f"eCPM figure: the table has no column {missing[0]!r}{nearest(missing[0], table.columns)}")
    parts = {str(name): part for (name,), part in table.group_by("model", maintain_order=True)}
    if untitled := [name for name in parts if name not in titles]:
        raise InputError(f"eCPM figure: no title for model {untitled[0]!r}{nearest(untitled[0], titles)}")
    series = [(titles[name], _by_hour(name, part)) for name, part in parts.items()]
    ticks = [str(hour) for hour in range(HOURS)]
    figure = _line_chart("eCPM figure", ticks, series, ("hour of the day (UTC)", "eCPM"))
    # So many points need more room across, and not every hour a label.
    _stretch(figure, 1.5, 1.0)
    figure.axes[0].set_xticks(range(HOURS)[::HOURS_A_LABEL], ticks[::HOURS_A_LABEL], rotation=0, ha="center")
    return figure


def _by_hour(model: str, part: pl.DataFrame) -> Floats:
    hour = part["hour"].to_numpy()
    wrong = hour[~np.isin(hour, np.arange(HOURS))]
    if len(wrong):
        raise InputError(f"eCPM figure: model {model!r} has hour {wrong[0]}; hours are whole, 0 to {HOURS - 1}")
    if part["hour"].is_duplicated().any():
        raise InputError(f"eCPM figure: model {model!r} has an hour twice; give one row a model and hour")
    values = np.full(HOURS, np.nan)
    values[hour.astype(np.int64)] = part["ecpm"].to_numpy()
    return values


def support_curve_figure(curves: Mapping[str, Sequence[tuple[int, float]]], metric: str) -> Figure:
    """A metric on one query set after so many support rows, a line a method.

    Args:
        curves: by title, pairs of the number of support rows and the value there; NaN, or no pair, leaves a gap.
            The numbers stand in rising order at equal distances.
        metric: ``"auc"`` or ``"logloss"``.

    Raises:
        InputError: an unknown metric, no curves, one without a finite value or with two at one number, or more curves
            than there are line styles.
    """
    if metric not in METRICS:
        raise InputError(f"support curve: no metric {metric!r}{nearest(metric, METRICS)}")
    sizes = sorted({size for curve in curves.values() for size, _ in curve})
    series = []
    for title, curve in curves.items():
        values = dict(curve)
        if len(values) < len(curve):
            raise InputError(f"support curve: {title!r} has two values for one number of rows; give one")
        series.append((title, np.array([values.get(size, np.nan) for size in sizes], dtype=np.float64)))
    ticks = [str(size) for size in sizes]
    return _line_chart("support curve", ticks, series, ("support rows of the user", METRICS[metric]))


def _line_chart(
    what: str, ticks: Sequence[str], series: Sequence[tuple[str, Floats]], labels: tuple[str, str]
) -> Figure:
    _check_lines(what, len(series))
    for title, values in series:
        if not np.isfinite(values).any():
            raise InputError(f"{what}: {title!r} has no value; give at least one number that is finite")
    return line_chart(ticks, series, labels)


def _stretch(figure: Figure, across: float, up: float) -> None:
    """Make the figure so many times as large, with the letters left at their size."""
    width, height = figure.get_size_inches()
    figure.set_size_inches(width * across, height * up)


def weights_figure(weights: npt.NDArray[np.floating], names: Sequence[str]) -> Figure:
    """How the weight of each model is distributed over users: a histogram a model, a tick at the mean.

    Beside each name stand the mean and the share of users for whom the model has the highest weight (ties are split).
    Every histogram is as high as the others, so that one model's pile at 0 does not flatten the rest.

    Args:
        weights: ``[users, models]``, of which each row sums to 1.
        names: of the models, in the order of the columns.

    Raises:
        InputError: names that do not fit the columns or are not distinct, no users, or a row that is no distribution.
    """
    shares: Floats = np.asarray(weights, dtype=np.float64)
    _check_weights(shares, names)
    highest = users_won({name: -column for name, column in zip(names, shares.T, strict=True)})
    edges = np.linspace(0.0, 1.0, WEIGHT_BINS + 1)
    rows = []
    for name, column in zip(names, shares.T, strict=True):
        mean = float(column.mean())
        row = Row(name, f"mean {decimals(mean, 2)}, highest for {percent(highest[name])}", mean)
        # A histogram and no kernel density: weights pile up at 0 and 1, and a kernel would spill over the ends.
        counts, _ = np.histogram(np.clip(column, 0, 1), edges)
        rows.append((row, np.repeat(counts / counts.max(), 2)))
    figure = ridge_chart(np.repeat(edges, 2)[1:-1], rows, None, "weight of the model, over users")
    # Histograms are full height at 0, where the names stand: keep them apart.
    _stretch(figure, 1.0, 1.35)
    return figure


def _check_weights(weights: Floats, names: Sequence[str]) -> None:
    if weights.ndim != 2 or weights.shape[1] != len(names) or not weights.size:
        raise InputError(f"weights: shape {weights.shape} does not fit {len(names)} names; give [users, models]")
    if len(set(names)) != len(names):
        raise InputError("weights: two models have the same name; give each its own")
    wrong = ~((weights >= 0).all(axis=1) & (np.abs(weights.sum(axis=1) - 1) < 1e-3))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"weights: row {row} is {weights[row].round(4).tolist()}; the weights of a user are at least 0 and sum to 1"
        )


def losses_figure(losses: Mapping[str, Floats]) -> Figure:
    """Kernel density of the LogLoss of users, all methods on one axes; mean and standard deviation in the legend.

    Args:
        losses: by title, ``[users]``, the mean LogLoss of each user.

    Raises:
        InputError: no methods, users who do not differ or have no finite loss, or more methods than line styles.
    """
    _check_lines("losses", len(losses))
    for title, values in losses.items():
        if not np.isfinite(values).all() or np.size(values) < 2 or np.ptp(values) < 1e-9:
            raise InputError(
                f"losses of {title!r}: a density needs at least two users, finite losses, and a difference"
            )
    highest = max(float(np.quantile(values, 0.99)) for values in losses.values())
    grid = np.linspace(0.0, highest * 1.05, GRID_POINTS)
    key = LEGEND_LINE * len(losses)
    figure = new_figure(WIDTH, 230 + key)
    axes = add_axes(figure, left=44, right=12, top=12 + key, bottom=38)
    for (title, values), colour, line in zip(losses.items(), SERIES, LINES, strict=False):
        spread = f"mean {decimals(float(np.mean(values)), 3)}, sd {decimals(float(np.std(values)), 3)}"
        label = f"{plain(short(title, LEGEND_NAME))}: {spread}"
        axes.plot(grid, gaussian_kde(values)(grid), color=colour, linestyle=line, linewidth=1.6, label=label)
    axes.set_xlim(0.0, float(grid[-1]))
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("LogLoss of a user (left is better)", color=INK, fontsize=FONT_SIZE)
    axes.set_ylabel("density of users", color=INK, fontsize=FONT_SIZE)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.2,
        frameon=False,
        fontsize=FONT_SIZE - 1,
        labelcolor=INK,
        handlelength=2.6,
    )
    return figure


def _check_lines(what: str, count: int) -> None:
    if not 0 < count <= len(SERIES):
        raise InputError(f"{what}: {count} lines to draw; give 1 to {len(SERIES)}, so that they can be told apart")
