"""Figures without global state, and the SVG text that comes out of them."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Every figure is drawn in these colours; inside a page each becomes a CSS variable, so it fits light and dark.
INK, MUTED, GRID, PAPER = "#1b1f24", "#5b6570", "#d3d9df", "#ffffff"
# Okabe and Ito's colours, told apart with every kind of colour vision; markers and labels tell the same story again.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b37b00", "#3a9bd1")
VARIABLES = {INK: "--ink", MUTED: "--muted", GRID: "--grid", PAPER: "--paper"} | {
    colour: f"--series-{number}" for number, colour in enumerate(SERIES, 1)
}

POINTS_PER_INCH = 72
WIDTH = 340.0
PNG_DOTS_PER_INCH = 200
FONT_SIZE = 10.0
# On a narrow screen the page's style sheet sets all letters of a drawing at this size, so that they stay readable.
# Whatever stands beside something else is placed, and cut, so that it has room at this size.
NARROW_FONT_SIZE = 11.5
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

Floats = npt.NDArray[np.float64]

_TAG = re.compile(r"<[^<>]+>")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, ``width`` by ``height`` points."""
    return Figure(figsize=(width / POINTS_PER_INCH, height / POINTS_PER_INCH), facecolor=PAPER)


def add_axes(figure: Figure, left: float, right: float, top: float, bottom: float) -> Axes:
    """Axes with these margins in points: light grid, no box, ticks without marks."""
    width, height = figure.get_size_inches() * POINTS_PER_INCH
    box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    axes = figure.add_axes(box, facecolor="none")
    axes.set_axisbelow(True)
    axes.grid(color=GRID, linewidth=0.7)
    axes.tick_params(length=0, labelsize=FONT_SIZE - 1, colors=MUTED)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def plain(text: str) -> str:
    """Text that matplotlib draws as it stands, dollar signs included."""
    return text.replace("$", r"\$")


def short(text: str, length: int) -> str:
    """``text`` cut to ``length`` characters, with an ellipsis where something was cut."""
    return text if len(text) <= length else f"{text[: length - 1]}{ELLIPSIS}"


def to_svg(figure: Figure, salt: str = "clickwise") -> str:
    """The figure as a stand-alone SVG document: text stays text, and the same figure gives the same bytes."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}), any_glyph():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def to_png(figure: Figure) -> bytes:
    """The figure as a PNG file on white; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    with any_glyph():
        figure.savefig(buffer, format="png", dpi=PNG_DOTS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()


@contextmanager
def any_glyph() -> Iterator[None]:
    """No warning about letters that matplotlib's font lacks."""
    # In an SVG the viewer's fonts draw the text; in a PNG a glyph that matplotlib's font lacks becomes a box, and so
    # visible. Neither needs a warning a letter.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def inline_svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an ``<svg>`` element for a page.

    Its ids start with ``name`` (letters, digits and hyphens; unique in the page), its colours are the page's CSS
    variables, its font is the page's, and ``description`` is what a screen reader says.
    """
    text = to_svg(figure, name)
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    body = _TAG.sub(lambda tag: _for_page(tag.group(), name), text[text.index(">") + 1 :])
    width, height = figure.get_size_inches() * POINTS_PER_INCH
    label = escape(description, quote=True)
    return f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{label}">{body.rstrip()}'


def _for_page(tag: str, name: str) -> str:
    tag = re.sub(r'\bid="', f'id="{name}-', tag)
    tag = re.sub(r'xlink:href="#', f'href="#{name}-', tag)
    tag = tag.replace("url(#", f"url(#{name}-")
    tag = re.sub(r"font-family: [^;\"]*;? ?", "", tag)
    for colour, variable in VARIABLES.items():
        tag = tag.replace(f": {colour}", f": var({variable})")
    return tag
