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
    """A table that scrolls inside its own box. What follows a line feed in a cell is set smaller, below the rest.

    Args:
        heading: titles of the columns.
        rows: cells; the first of a row is its heading.
        caption: what a screen reader calls the table; not shown, since a heading says it.
        best: index of the row to set in bold.
    """
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heading)
    body = "\n".join(_row(row, place == best) for place, row in enumerate(rows))
    label = escape(caption, quote=True)
    return (
        f'<div class="scroll" role="region" aria-label="{label}" tabindex="0">\n<table>\n'
        f'<caption class="unseen">{escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>"
    )


def _row(cells: Sequence[str], best: bool) -> str:
    first, *rest = (_lines(cell) for cell in cells)
    data = "".join(f"<td>{cell}</td>" for cell in rest)
    return f'<tr{" class=best" if best else ""}><th scope="row">{first}</th>{data}</tr>'


def _lines(text: str) -> str:
    line, _, second = text.partition("\n")
    return f"{escape(line)}<small>{escape(second)}</small>" if second else escape(line)


def figure(drawing: Figure, name: str, description: str, heading: str = "", caption: str = "") -> str:
    """A drawing with a heading above and a caption below it; ``name`` is unique in the page."""
    above = subheading(heading) if heading else ""
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{above}{inline_svg(drawing, name, description)}{below}</figure>"


def group(kind: str, *parts: str) -> str:
    """Parts laid out together: ``pair`` side by side where there is room, ``panels`` as a grid."""
    return f'<div class="{kind}">\n' + "\n".join(parts) + "\n</div>"


def subheading(text: str) -> str:
    """A heading inside a section."""
    return f"<h3>{escape(text)}</h3>"


def facts(values: Mapping[str, str]) -> str:
    """A list of names and values."""
    return _definitions("facts", values)


def terms(values: Mapping[str, str]) -> str:
    """A list of words and what they mean."""
    return _definitions("terms", values)


def _definitions(kind: str, values: Mapping[str, str]) -> str:
    pairs = (f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in values.items())
    return f'<dl class="{kind}">\n' + "\n".join(pairs) + "\n</dl>"
