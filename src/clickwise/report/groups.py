"""Values of a few methods in several groups: a panel a group, a row of panels a metric."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clickwise.report.canvas import FONT_SIZE, INK, SERIES, add_axes, new_figure, plain, short
from clickwise.report.curves import MARKERS

__all__ = ["groups_figure"]

PANEL, HEIGHT = 150.0, 120.0
LEFT, TOP, BOTTOM = 56.0, 24.0, 40.0
TITLE = 24

Value = Mapping[str, float | None]


def groups_figure(groups: Mapping[str, Mapping[str, Mapping[str, Value]]], metrics: Mapping[str, str]) -> Figure:
    """A mark with its interval for every method.

    Args:
        groups: by title of the group and short name of the method, ``{metric: {"mean", "low", "high"}}``; the methods
            stand in the order of the first group.
        metrics: by key, how the axis calls it.
    """
    width, height = len(groups) * (LEFT + PANEL) + 8, len(metrics) * (TOP + HEIGHT + BOTTOM)
    figure = new_figure(width, height)
    for up, (metric, name) in enumerate(metrics.items()):
        for across, (group, methods) in enumerate(groups.items()):
            left, top = LEFT + across * (LEFT + PANEL), TOP + up * (TOP + HEIGHT + BOTTOM)
            axes = add_axes(figure, left, width - left - PANEL, top, height - top - HEIGHT)
            for place, each in enumerate(methods.values()):
                _mark(axes, place, each[metric])
            axes.set_xlim(-0.5, len(methods) - 0.5)
            axes.set_xticks(range(len(methods)), [plain(method) for method in methods])
            axes.locator_params(axis="y", nbins=5)
            axes.ticklabel_format(axis="y", useOffset=False)
            axes.set_title(plain(short(group, TITLE)), color=INK, fontsize=FONT_SIZE, pad=6)
            if across == 0:
                axes.set_ylabel(plain(name), color=INK, fontsize=FONT_SIZE)
    return figure


def _mark(axes: Axes, place: int, value: Value) -> None:
    colour, marker = SERIES[place % len(SERIES)], MARKERS[place % len(MARKERS)]
    if value["low"] is not None and value["high"] is not None:
        axes.plot([place, place], [value["low"], value["high"]], color=colour, linewidth=2)
    if value["mean"] is not None:
        axes.plot(place, value["mean"], marker, color=colour, markersize=7)
