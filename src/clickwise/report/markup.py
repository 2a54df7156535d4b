"""Pieces of HTML. Whatever comes from data passes through ``escape`` here."""

from collections.abc import Mapping, Sequence
from html import escape

from matplotlib.figure import Figure

from clickwise.report.canvas import inline_svg


def paragraph(text: str, note: bool = False) -> str:
    """A paragraph of plain text; a ``note`` is set smaller."""
    return f'<p class="note">{escape(text)}</p>' if note else f"<p>{escape(text)}</p>"


def section(identifier: str, heading: str, *parts: str, kind: str = "") -> str:
    """A section with its heading; ``identifier`` and ``kind`` are the page's own words, never data."""
    attribute = f' class="{kind}"' if kind else ""
    return f'<section id="{identifier}"{attribute}>\n<h2>{escape(heading)}</h2>\n' + "\n".join(parts) + "\n</section>"


def table(heading: Sequence[str], rows: Sequence[Sequence[str]], caption: str, best: int | None = None) -> str:
    """A table that scrolls inside its own box. A cell's second line, after a line feed, is set smaller.

    Args:
        heading: titles of the columns.
        rows: cells; the first of a row is its heading.
        caption: what a screen reader calls the table.
        best: index of the row to set in bold.
    """
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heading)
    body = "\n".join(_row(row, place == best) for place, row in enumerate(rows))
    label = escape(caption, quote=True)
    return (
        f'<div class="scroll" role="region" aria-label="{label}" tabindex="0">\n<table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>"
    )


def _row(cells: Sequence[str], best: bool) -> str:
    first, *rest = cells
    return f'<tr{" class=best" if best else ""}><th scope="row">{escape(first)}</th>{"".join(map(_cell, rest))}</tr>'


def _cell(text: str) -> str:
    line, _, second = text.partition("\n")
    small = f"<small>{escape(second)}</small>" if second else ""
    return f"<td>{escape(line)}{small}</td>"


def figure(drawing: Figure, name: str, description: str, heading: str = "", caption: str = "") -> str:
    """A drawing with a heading above and a caption below it; ``name`` is unique in the page."""
    above = f"<h3>{escape(heading)}</h3>" if heading else ""
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{above}{inline_svg(drawing, name, description)}{below}</figure>"


def group(kind: str, *parts: str) -> str:
    """Parts laid out together: ``pair`` side by side where there is room, ``panels`` as a grid."""
    return f'<div class="{kind}">\n' + "\n".join(parts) + "\n</div>"


def facts(values: Mapping[str, str]) -> str:
    """A list of names and values."""
    return "<dl>\n" + "\n".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in values.items()) + "\n</dl>"
