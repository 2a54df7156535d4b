"""What AutoLoss's controller does: the weight of each loss against label and prediction, as training goes on."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from clickwise.errors import InputError
from clickwise.report.canvas import (
    FONT_SIZE,
    INK,
    NARROW_FONT_SIZE,
    POINTS_PER_INCH,
    SERIES,
    Floats,
    add_axes,
    new_figure,
    plain,
)
from clickwise.report.curves import LINES, MARKERS
from clickwise.report.fitting import fitted

__all__ = ["controller_figure"]

PANEL, HEIGHT, GAP = 132.0, 104.0, 16.0
LEFT, RIGHT, KEY, BOTTOM = 62.0, 10.0, 18.0, 36.0
KEYS_A_ROW, SAMPLE, BESIDE = 2, 34.0, 7.0
MOST = 2 * len(SERIES)


def controller_figure(
    weights: npt.ArrayLike, losses: Sequence[str], epochs: Sequence[int], labels: Sequence[str]
) -> Figure:
    """A row of panels an epoch, a panel a label, in it a line a loss over the predicted probability of that label.

    Args:
        weights: ``[epochs, labels, predictions, losses]``; predictions are evenly spaced from 0 to 1.
        losses: their names.
        epochs: numbers of the epochs, from 1.
        labels: names of the labels, as ``click``.

    Raises:
        InputError: sizes that do not fit, weights that are no distribution, or more losses than line styles.
    """
    shares: Floats = np.asarray(weights, dtype=np.float64)
    _check(shares, losses, epochs, labels)
    key = KEY * -(-len(losses) // KEYS_A_ROW)
    width = LEFT + RIGHT + len(labels) * PANEL + (len(labels) - 1) * GAP
    height = key + GAP + len(epochs) * (HEIGHT + GAP) + BOTTOM - GAP
    figure = new_figure(max(width, LEFT + RIGHT + 2 * PANEL + GAP), height)
    width = float(figure.get_size_inches()[0] * POINTS_PER_INCH)
    for row, (epoch, of_epoch) in enumerate(zip(epochs, shares, strict=True)):
        for column, (label, of_label) in enumerate(zip(labels, of_epoch, strict=True)):
            left, top = LEFT + column * (PANEL + GAP), key + GAP + row * (HEIGHT + GAP)
            axes = add_axes(figure, left, width - left - PANEL, top, height - top - HEIGHT)
            _panel(axes, of_label, first=column == 0, last=row == len(epochs) - 1)
            if row == 0:
                axes.set_title(plain(fitted(label, PANEL / NARROW_FONT_SIZE)), color=INK, fontsize=FONT_SIZE, pad=4)
            if column == 0:
                axes.set_ylabel(f"epoch {epoch}", color=INK, fontsize=FONT_SIZE)
    _key(figure, [name.replace("_", " ") for name in losses])
    figure.text(
        (LEFT + 0.5 * (width - LEFT - RIGHT)) / width, 4 / height, "predicted probability of the label",
        ha="center", va="bottom", color=INK, fontsize=FONT_SIZE,
    )  # fmt: skip
    return figure


def _key(figure: Figure, names: Sequence[str]) -> None:
    """A sample of each line of the first panel with its name, two a row, above the panels."""
    width, height = figure.get_size_inches() * POINTS_PER_INCH
    column = (width - SAMPLE) / KEYS_A_ROW
    for place, (name, line) in enumerate(zip(names, figure.axes[0].get_lines(), strict=True)):
        left = SAMPLE / 4 + place % KEYS_A_ROW * column
        up = height - (place // KEYS_A_ROW + 0.5) * KEY
        sample = Line2D(
            [left / width, (left + SAMPLE) / width], [up / height] * 2, transform=figure.transFigure,
            color=line.get_color(), linestyle=line.get_linestyle(), linewidth=line.get_linewidth(),
            marker=line.get_marker(), markersize=line.get_markersize(),
        )  # fmt: skip
        figure.add_artist(sample)
        text = plain(fitted(name, (column - SAMPLE - 2 * BESIDE) / NARROW_FONT_SIZE))
        where = ((left + SAMPLE + BESIDE) / width, up / height)
        figure.text(*where, text, va="center", color=INK, fontsize=FONT_SIZE - 1)


def _panel(axes: Axes, weights: Floats, first: bool, last: bool) -> None:
    """Lines ``[predictions, losses]``, told apart by colour, dashes and marks."""
    grid = np.linspace(0, 1, len(weights))
    every = max(1, len(grid) // 5)
    for place, values in enumerate(weights.T):
        colour, again = place % len(SERIES), place // len(SERIES)  # past the colours, with other dashes and marks
        other = (colour + again) % len(SERIES)
        axes.plot(
            grid, values, color=SERIES[colour], linestyle=LINES[other], marker=MARKERS[other], linewidth=1.5,
            markersize=4, markevery=(place % every, every),
        )  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"] if last else [])
    # In the corner one 0 serves both axes.
    axes.set_yticks([0, 0.5, 1], ["" if last else "0", "0.5", "1"] if first else [])


def _check(weights: Floats, losses: Sequence[str], epochs: Sequence[int], labels: Sequence[str]) -> None:
    if not 0 < len(losses) <= MOST:
        raise InputError(f"controller figure: {len(losses)} losses; give 1 to {MOST}, to be told apart")
    sizes = (len(epochs), len(labels), len(losses))
    if weights.ndim != 4 or (*weights.shape[:2], weights.shape[3]) != sizes or not weights.size:
        raise InputError(
            f"controller figure: weights of shape {weights.shape} do not fit {sizes[0]} epochs, {sizes[1]} labels and "
            f"{sizes[2]} losses; give [epochs, labels, predictions, losses]"
        )
    if not ((weights > -1e-6).all() and (np.abs(weights.sum(axis=3) - 1) < 1e-3).all()):
        raise InputError("controller figure: the weights of a label and prediction are at least 0 and sum to 1")
