"""Charts of curves: calibration, and a value against ordered groups."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from clickwise.report.canvas import FONT_SIZE, INK, MUTED, SERIES, WIDTH, Floats, add_axes, new_figure, plain, short

MARKERS = ("o", "s", "^", "D", "v", "P")
LINES: tuple[str | tuple[int, tuple[int, ...]], ...] = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (3, 3)))


def calibration_chart(predicted: Floats, observed: Floats, rows: npt.NDArray[np.int64], limit: float) -> Figure:
    """Observed against predicted click rate of each bin, with its 95 % binomial interval, and the diagonal."""
    figure = new_figure(170, 160)
    axes = add_axes(figure, left=40, right=8, top=6, bottom=36)
    margin = 1.96 * np.sqrt(np.clip(observed * (1 - observed), 0, None) / rows)
    axes.plot([0, limit], [0, limit], color=MUTED, linewidth=1, linestyle="--")
    axes.vlines(predicted, observed - margin, observed + margin, color=SERIES[0], linewidth=1.2)
    axes.plot(predicted, observed, "o-", color=SERIES[0], markersize=3.5, linewidth=1)
    axes.set_xlim(0, limit)
    axes.set_ylim(0, limit)
    axes.locator_params(nbins=4)
    axes.set_xlabel("predicted", color=INK, fontsize=FONT_SIZE)
    axes.set_ylabel("observed", color=INK, fontsize=FONT_SIZE)
    return figure


def line_chart(ticks: Sequence[str], series: Sequence[tuple[str, Floats]], labels: tuple[str, str]) -> Figure:
    """A line a series over ordered ``ticks``, NaN where there is no value; its name stands at its right end."""
    figure = new_figure(WIDTH, 250)
    axes = add_axes(figure, left=44, right=112, top=8, bottom=62)
    axes.set_xlim(-0.3, len(ticks) - 0.7)
    axes.set_xticks(range(len(ticks)), [plain(tick) for tick in ticks], rotation=40, ha="right", rotation_mode="anchor")
    axes.set_xlabel(plain(labels[0]), color=INK, fontsize=FONT_SIZE)
    axes.set_ylabel(plain(labels[1]), color=INK, fontsize=FONT_SIZE)
    style = list(zip(SERIES, MARKERS, LINES, strict=True))
    for (_, values), (colour, marker, line) in zip(series, style, strict=False):
        axes.plot(values, color=colour, marker=marker, linestyle=line, linewidth=1.6, markersize=4.5)
    low, high = axes.get_ylim()
    ends = np.array([values[np.isfinite(values)][-1] for _, values in series])
    for (name, _), place, (colour, marker, line) in zip(
        series, _spread((ends - low) / (high - low)), style, strict=False
    ):
        key = ([1.03, 1.10], [place, place])
        axes.plot(
            *key, color=colour, marker=marker, linestyle=line, markersize=4, transform=axes.transAxes, clip_on=False
        )
        text = plain(short(name, 17))
        axes.text(1.13, place, text, transform=axes.transAxes, va="center", color=INK, fontsize=FONT_SIZE - 1)
    return figure


def _spread(places: Floats, gap: float = 0.075) -> Floats:
    """Heights on an axis of 0 to 1 moved apart until neighbours stand ``gap`` from each other, in the same order."""
    order = np.argsort(places, kind="stable")
    steps = np.arange(len(places)) * gap
    moved = np.maximum.accumulate(places[order] - steps) + steps
    moved -= max(0.0, float(moved[-1]) - 1.0) if len(moved) else 0.0
    result = np.empty_like(places)
    result[order] = moved
    return result
