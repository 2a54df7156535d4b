"""Texts cut to their room, against matplotlib's own drawing of them."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from clickwise.report.canvas import new_figure
from clickwise.report.fitting import ems, fitted


@pytest.mark.parametrize("text", ["DeepFM + UDG + AutoLoss", "0.8206 [0.7749, 0.8646]", "WWW iii $5$", "x"])
def test_ems_agree_with_a_drawing(text: str) -> None:
    figure = new_figure(400, 40)
    canvas = FigureCanvasAgg(figure)
    drawn = figure.text(0, 0, text.replace("$", r"\$"), fontsize=20).get_window_extent(canvas.get_renderer())
    assert ems(text) == pytest.approx(drawn.width / (20 * figure.dpi / 72), rel=0.03, abs=0.1)


def test_letters_that_the_font_lacks_are_as_wide_as_high() -> None:
    assert ems("\u6a21\u578b" * 3) >= 6
    assert ems("\N{WOMAN}") >= 1


@pytest.mark.parametrize(
    "text", ["DeepFM + UDG + AutoLoss", "\u6a21\u578b" * 9, "W" * 300, "User mean + item mean (control)"]
)
@pytest.mark.parametrize("room", [4.0, 8.0, 12.0])
def test_a_cut_text_has_room_and_one_more_letter_would_not(text: str, room: float) -> None:
    cut = fitted(text, room)
    head, ellipsis, mark = cut.partition("\N{HORIZONTAL ELLIPSIS}")
    assert ems(cut) <= room and ellipsis and text.startswith(head) and text.endswith(mark)
    longer = f"{text[: len(head) + 2].rstrip()}{ellipsis}{mark}"
    assert ems(longer) > room


def test_what_fits_is_left_alone_and_a_mark_is_kept() -> None:
    assert fitted("LR (control)", 12) == "LR (control)"
    assert fitted("User mean + item mean (control)", 12).endswith("\N{HORIZONTAL ELLIPSIS} (control)")
    lengths = [len(fitted("User mean + item mean (control)", room)) for room in np.arange(2, 18, 0.5)]
    assert lengths[0] < 6 and lengths[-1] == 31
