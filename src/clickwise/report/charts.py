"""Charts with a row a method: its name and number in words, and below them a mark, a bar or a density."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clickwise.report.canvas import (
    FONT_SIZE,
    GRID,
    INK,
    MUTED,
    NARROW_FONT_SIZE,
    PAPER,
    SERIES,
    WIDTH,
    Floats,
    add_axes,
    new_figure,
    plain,
)
from clickwise.report.fitting import ems, fitted

ROW = 33.0
SIDE = 6.0
# Ems across a row's words at their largest, and what is left free between the name and the number.
ROOM = (WIDTH - 2 * SIDE) / NARROW_FONT_SIZE
BETWEEN = 1.0
# Parts of a row: how far below its middle a density stands, and how high it rises.
BASE, RISE = 0.3, 0.44


@dataclass(frozen=True)
class Row:
    """One line of a chart of rows.

    Attributes:
        label: stands above the mark, at the left; ``note`` at the right.
        value: where the mark stands; None draws no mark.
        low, high: ends of the interval, None where there is none.
        filled: a filled mark; else a hollow one.
        focus: the axis is chosen so that these rows can be told apart; others may lie off the scale.
    """

    label: str
    note: str
    value: float | None
    low: float | None = None
    high: float | None = None
    filled: bool = True
    focus: bool = True


def interval_chart(rows: Sequence[Row], axis_label: str, zero: bool = False, reverse: bool = False) -> Figure:
    """A mark and an interval a row.

    Args:
        rows: from top to bottom. One far from those in focus becomes an arrow at the edge; its note has the number.
        axis_label: below the axis.
        zero: draw zero, and have it on the axis.
        reverse: large values at the left.
    """
    figure, axes = _rows(rows, axis_label)
    limits = _limits(rows, zero)
    if limits is None:
        return figure
    axes.set_xlim(*(limits[::-1] if reverse else limits))
    _guides(axes, len(rows), zero)
    for place, row in enumerate(rows):
        if row.value is None:
            continue
        if not limits[0] <= row.value <= limits[1]:
            _off_scale(axes, place, row.value < limits[0], reverse)
            continue
        if row.low is not None and row.high is not None:
            ends = np.clip([row.low, row.high], *limits)
            axes.plot(ends, [place, place], color=SERIES[0], linewidth=2, solid_capstyle="butt")
        fill = SERIES[0] if row.filled else PAPER
        axes.plot(row.value, place, "o", markersize=7, color=SERIES[0], markerfacecolor=fill, markeredgewidth=1.6)
    return figure


def bar_chart(rows: Sequence[Row], axis_label: str) -> Figure:
    """A bar from 0 a row; rows that are not ``filled`` are drawn as outlines."""
    figure, axes = _rows(rows, axis_label)
    values = [row.value or 0.0 for row in rows]
    fills = [SERIES[0] if row.filled else PAPER for row in rows]
    axes.barh(range(len(rows)), values, height=0.3, color=fills, edgecolor=SERIES[0], linewidth=1.2)
    axes.set_xlim(0, max(values, default=0.0) * 1.05 or 1.0)
    _guides(axes, len(rows))
    return figure


def ridge_chart(
    grid: Floats, densities: Sequence[tuple[Row, Floats | None]], reference: Floats | None, axis_label: str
) -> Figure:
    """A density a row over ``grid``; ``reference`` is drawn dashed behind each; a row's value is marked by a tick."""
    figure, axes = _rows([row for row, _ in densities], axis_label)
    drawn = [density for _, density in densities if density is not None]
    tallest = max((float(density.max()) for density in drawn), default=1.0)
    axes.set_xlim(float(grid[0]), float(grid[-1]))
    _guides(axes, len(densities))
    for place, (row, density) in enumerate(densities):
        base = place + BASE
        axes.plot(grid[[0, -1]], [base, base], color=GRID, linewidth=0.8)
        if density is not None:
            axes.fill_between(grid, base, base - RISE * density / tallest, color=SERIES[0], alpha=0.35, linewidth=0)
            axes.plot(grid, base - RISE * density / tallest, color=SERIES[0], linewidth=1.3)
        if reference is not None:
            axes.plot(grid, base - RISE * reference / tallest, color=INK, linewidth=1, linestyle="--")
        if row.value is not None:
            axes.plot([row.value, row.value], [base - 0.14, base + 0.02], color=INK, linewidth=1.8)
    return figure


def _rows(rows: Sequence[Row], axis_label: str) -> tuple[Figure, Axes]:
    figure = new_figure(WIDTH, ROW * max(len(rows), 1) + 44)
    axes = add_axes(figure, left=SIDE, right=SIDE, top=8, bottom=36)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.locator_params(axis="x", nbins=6)
    axes.set_xlabel(plain(axis_label), color=INK, fontsize=FONT_SIZE)
    for place, row in enumerate(rows):
        options: dict[str, Any] = {
            "transform": axes.get_yaxis_transform(),
            "va": "center",
            "color": INK,
            "fontsize": FONT_SIZE,
        }
        label = fitted(row.label, ROOM - BETWEEN - ems(row.note))
        axes.text(0, place - 0.42, plain(label), ha="left", **options)
        axes.text(1, place - 0.42, plain(row.note), ha="right", **options)
    return figure, axes


def _guides(axes: Axes, rows: int, zero: bool = False) -> None:
    """Grid lines beside the marks only, so that none runs through a row's words."""
    low, high = sorted(axes.get_xlim())
    for place in range(rows):
        ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
        axes.vlines(ticks, place - 0.2, place + 0.3, color=GRID, linewidth=0.7, zorder=0)
        if zero:
            axes.vlines(0, place - 0.2, place + 0.3, color=MUTED, linewidth=1.2, zorder=1)


def _limits(rows: Sequence[Row], zero: bool) -> tuple[float, float] | None:
    """Limits that hold the rows in focus, and others that lie within half their span of them."""
    spans = [(_ends(row), row.focus) for row in rows if row.value is not None]
    if not spans:
        return None
    focus = [ends for ends, focused in spans if focused] or [ends for ends, _ in spans]
    low, high = min(e[0] for e in focus), max(e[1] for e in focus)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    reach = 0.5 * (high - low)
    near = [e for e, _ in spans if e[0] >= low - reach and e[1] <= high + reach]
    low, high = min([low, *(e[0] for e in near)]), max([high, *(e[1] for e in near)])
    pad = 0.06 * (high - low) or 1e-3
    return low - pad, high + pad


def _ends(row: Row) -> tuple[float, float]:
    ends = [end for end in (row.low, row.value, row.high) if end is not None]
    return min(ends), max(ends)


def _off_scale(axes: Axes, place: int, below: bool, reverse: bool) -> None:
    left = below != reverse
    where = (0.0 if left else 1.0, place)
    mark = "<" if left else ">"
    axes.plot(*where, mark, color=MUTED, markersize=7, transform=axes.get_yaxis_transform(), clip_on=False)
