"""Charts of curves: calibration, and a value against ordered groups."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clickwise.report.canvas import (
    FONT_SIZE,
    INK,
    MUTED,
    NARROW_FONT_SIZE,
    SERIES,
    WIDTH,
    Floats,
    add_axes,
    new_figure,
    plain,
)
from clickwise.report.fitting import fitted

MARKERS = ("o", "s", "^", "D", "v", "P")
LINES: tuple[str | tuple[int, tuple[int, ...]], ...] = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (3, 3)))
# Margins of a chart of lines, in points, and how far right of its axes the samples of the lines and their names stand.
LEFT, RIGHT = 46.0, 122.0
KEY, NAME = (6.0, 22.0), 28.0
NAME_LETTERS = 13


def calibration_chart(predicted: Floats, observed: Floats, rows: npt.NDArray[np.int64], limit: float) -> Figure:
    """Observed against predicted click rate of each bin, with its 95 % binomial interval, and the diagonal."""
    figure = new_figure(170, 160)
    axes = add_axes(figure, left=50, right=8, top=6, bottom=36)
    margin = 1.96 * np.sqrt(np.clip(observed * (1 - observed), 0, None) / rows)
    axes.plot([0, limit], [0, limit], color=MUTED, linewidth=1, linestyle="--")
    axes.vlines(predicted, observed - margin, observed + margin, color=SERIES[0], linewidth=1, alpha=0.55)
    axes.plot(predicted, observed, "o", color=SERIES[0], markersize=3.5)
    axes.set_xlim(0, limit)
    axes.set_ylim(0, limit)
    ticks = [float(tick) for tick in MaxNLocator(nbins=4).tick_values(0, limit) if tick <= limit]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks(ticks, ["", *(f"{tick:g}" for tick in ticks[1:])])  # the corner's 0 serves both axes
    axes.set_xlabel("predicted", color=INK, fontsize=FONT_SIZE)
    axes.set_ylabel("observed", color=INK, fontsize=FONT_SIZE, labelpad=8)
    return figure


def line_chart(ticks: Sequence[str], series: Sequence[tuple[str, Floats]], labels: tuple[str, str]) -> Figure:
    """A line a series over ordered ``ticks``, NaN where there is no value; its name stands at its right end."""
    figure = new_figure(WIDTH, 282)
    axes = add_axes(figure, left=LEFT, right=RIGHT, top=8, bottom=74)
    axes.set_xlim(-0.3, len(ticks) - 0.7)
    axes.set_xticks(range(len(ticks)), [plain(tick) for tick in ticks], rotation=40, ha="right", rotation_mode="anchor")
    axes.set_xlabel(plain(labels[0]), color=INK, fontsize=FONT_SIZE, labelpad=12)
    axes.set_ylabel(plain(labels[1]), color=INK, fontsize=FONT_SIZE)
    style = list(zip(SERIES, MARKERS, LINES, strict=True))
    for (_, values), (colour, marker, line) in zip(series, style, strict=False):
        axes.plot(values, color=colour, marker=marker, linestyle=line, linewidth=1.6, markersize=4.5)
    low, high = axes.get_ylim()
    ends = np.array([values[np.isfinite(values)][-1] for _, values in series])
    names = [_folded(name) for name, _ in series]
    places = _spread((ends - low) / (high - low), 0.14 if any("\n" in name for name in names) else 0.08)
    across = WIDTH - LEFT - RIGHT
    sample = [1 + at / across for at in KEY]
    for name, place, (colour, marker, line) in zip(names, places, style, strict=False):
        key: dict[str, Any] = {
            "color": colour,
            "marker": marker,
            "linestyle": line,
            "markersize": 4,
            "transform": axes.transAxes,
        }
        axes.plot(sample, [place, place], clip_on=False, **key)
        axes.text(
            1 + NAME / across, place, plain(name), transform=axes.transAxes, va="center", color=INK,
            fontsize=FONT_SIZE - 1, linespacing=1.4,
        )  # fmt: skip
    return figure


def _folded(name: str) -> str:
    """A name in at most two lines, each as wide as the margin beside the lines lets it be."""
    room = (RIGHT - NAME) / NARROW_FONT_SIZE
    first, *rest = wrap(name, NAME_LETTERS, break_long_words=False) or [""]
    return "\n".join(fitted(line, room) for line in (first, " ".join(rest)) if line)


def _spread(places: Floats, gap: float) -> Floats:
    """Heights on an axis of 0 to 1 moved apart until neighbours stand ``gap`` from each other, in the same order."""
    order = np.argsort(places, kind="stable")
    steps = np.arange(len(places)) * gap
    moved = np.maximum.accumulate(places[order] - steps) + steps
    moved -= max(0.0, float(moved[-1]) - 1.0) if len(moved) else 0.0
    result = np.empty_like(places)
    result[order] = moved
    return result
