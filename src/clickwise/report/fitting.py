"""How much room a text takes in a drawing, and texts cut to the room that there is."""

import re
from bisect import bisect_right

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from rich.cells import cell_len

from clickwise.report.canvas import ELLIPSIS, any_glyph

_FONT = FontProperties(size=1.0)
_MARK = re.compile(r" \([^()]*\)$")


def ems(text: str) -> float:
    """Width of a line in heights of its letters, in a font (DejaVu Sans) that few are wider than."""
    with any_glyph():
        measured = float(text_to_path.get_text_width_height_descent(text, _FONT, False)[0])
    # Letters that the font lacks are measured as its box; those of East Asia and emoji are as wide as they are high.
    return max(measured, 0.5 * cell_len(text))


def fitted(text: str, room: float) -> str:
    """``text`` cut to ``room`` ems, with an ellipsis; what stands in brackets at its end is kept if it is short."""
    if ems(text) <= room:
        return text
    mark = _MARK.search(text)
    kept = mark.group() if mark and ems(mark.group()) < room / 2 else ""
    head = text.removesuffix(kept)

    def cut(length: int) -> str:
        return f"{head[:length].rstrip()}{ELLIPSIS}{kept}"

    return cut(max(1, bisect_right(range(len(head)), room, key=lambda length: ems(cut(length))) - 1))
