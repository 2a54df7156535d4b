"""Figures: what they draw agrees with what they are made from, and the same input gives the same bytes."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from clickwise.report.canvas import VARIABLES, inline_svg
from clickwise.report.charts import Row, bar_chart, interval_chart, ridge_chart
from clickwise.report.curves import calibration_chart, line_chart
from clickwise.report.inputs import read_predictions
from clickwise.report.plots import (
    cold_start_methods,
    density_figure,
    difference_figure,
    metric_figure,
    save_figures,
    to_svg,
    user_logloss,
    users_won_figure,
)

ROWS = [
    Row("A", "0.81", 0.81, 0.80, 0.82),
    Row("B", "0.79", 0.79, 0.78, 0.80, filled=False),
    Row("far", "0.5", 0.5, 0.49, 0.51, focus=False),
    Row("none", "-", None),
]


def marks(figure: Figure, marker: str) -> list[tuple[float, float]]:
    lines = [line for line in figure.axes[0].get_lines() if line.get_marker() == marker]
    return [(float(np.asarray(x)[0]), float(np.asarray(y)[0])) for x, y in (line.get_data() for line in lines)]


def test_marks_stand_at_their_values_and_far_ones_become_arrows() -> None:
    figure = interval_chart(ROWS, "AUC")
    assert marks(figure, "o") == [(0.81, 0), (0.79, 1)]
    assert marks(figure, "<") == [(0.0, 2)]
    low, high = figure.axes[0].get_xlim()
    assert 0.5 < low < 0.78 and 0.82 < high < 0.9


def test_a_reversed_axis_turns_the_arrow() -> None:
    figure = interval_chart(ROWS, "LogLoss", reverse=True)
    low, high = figure.axes[0].get_xlim()
    assert low > high
    assert marks(figure, ">") == [(1.0, 2)]


def test_zero_is_always_on_the_axis_of_differences() -> None:
    low, high = interval_chart([Row("A", "", 0.01, 0.008, 0.012)], "difference", zero=True).axes[0].get_xlim()
    assert low < 0 < 0.012 < high


def test_hollow_and_filled_marks_differ_in_more_than_hue() -> None:
    lines = [line for line in interval_chart(ROWS, "AUC").axes[0].get_lines() if line.get_marker() == "o"]
    assert [line.get_markerfacecolor() != "#ffffff" for line in lines] == [True, False]


def test_bars_have_the_lengths_of_their_values() -> None:
    bars = bar_chart([Row("A", "", 30.0), Row("B", "", 12.5)], "users won").axes[0].patches
    assert [bar.get_width() for bar in bars if isinstance(bar, Rectangle)] == [30.0, 12.5]


@pytest.mark.parametrize("rows", [[], [Row("none", "-", None)]])
def test_charts_without_values_are_drawn_empty(rows: list[Row]) -> None:
    for figure in (interval_chart(rows, "AUC"), bar_chart(rows, "won")):
        assert "<svg" in to_svg(figure)


def test_line_chart_leaves_gaps_and_labels_do_not_overlap() -> None:
    close = [(f"method {i}", np.array([0.7, np.nan, 0.8 + 1e-5 * i])) for i in range(6)]
    axes = line_chart(["0", "1", "2+"], close, ("earlier", "AUC")).axes[0]
    heights = sorted(text.get_position()[1] for text in axes.texts)
    assert len(heights) == 6
    assert min(np.diff(heights)) > 0.07
    assert heights[0] > -0.2
    assert heights[-1] <= 1.0 + 1e-9


def test_svg_is_deterministic_well_formed_and_has_text() -> None:
    first, second = (to_svg(interval_chart(ROWS, "AUC of <b> & co")) for _ in range(2))
    assert first == second
    words = [element.text for element in ElementTree.fromstring(first).iter("{http://www.w3.org/2000/svg}text")]
    assert {"A", "B", "far", "0.81", "AUC of <b> & co"} <= set(words)


def test_dollars_and_unknown_letters_in_data_are_plain_text() -> None:
    svg = to_svg(interval_chart([Row("$\\frac{1}{2}$ 模型", "$5 and $6", 0.5)], "AUC"))
    assert "$\\frac{1}{2}$ 模型" in svg
    assert "$5 and $6" in svg
    assert "$x$ of" in to_svg(interval_chart(ROWS, "$x$ of"))


def test_inline_svg_has_no_outside_references_and_own_ids() -> None:
    svg = inline_svg(interval_chart(ROWS, "AUC"), "first", 'a "picture" of <methods>')
    assert svg.startswith('<svg viewBox="0 0 340 ')
    assert 'aria-label="a &quot;picture&quot; of &lt;methods&gt;"' in svg
    assert "http" not in svg and "<style" not in svg
    assert all(name.startswith("first-") for name in re.findall(r'\bid="([^"]*)"', svg))
    ids = set(re.findall(r'\bid="([^"]*)"', svg))
    assert set(re.findall(r'href="#([^"]*)"', svg)) | set(re.findall(r"url\(#([^)]*)\)", svg)) <= ids
    assert not re.search("|".join(VARIABLES), svg), "a colour that does not follow light and dark"
    ElementTree.fromstring(svg)


def test_inlining_changes_tags_only() -> None:
    label = 'id="x" fill: #0072b2'
    assert label in inline_svg(interval_chart([Row(label, "", 0.5)], "AUC"), "name", "d").replace("&quot;", '"')


def test_calibration_and_ridges_draw_their_arrays() -> None:
    predicted, observed = np.array([0.1, 0.3]), np.array([0.12, 0.25])
    axes = calibration_chart(predicted, observed, np.array([100, 100]), 0.5).axes[0]
    drawn = next(line for line in axes.get_lines() if line.get_marker() == "o")
    np.testing.assert_array_equal(drawn.get_ydata(), observed)
    grid = np.linspace(0, 1, 5)
    assert ridge_chart(grid, [(Row("A", "", 0.5), grid), (Row("B", "", None), None)], None, "x").axes[0].get_xlim() == (
        0.0,
        1.0,
    )


def test_figures_skip_what_does_not_apply(results: dict[str, Any]) -> None:
    results["differences"] = []
    assert difference_figure(results, "auc") is None
    for method in results["methods"].values():
        method["users_won"] = None
    assert users_won_figure(results) is None
    assert len(marks(metric_figure(results, "auc"), "o")) == 5


def test_cold_start_draws_the_best_single_model_and_at_most_six(results: dict[str, Any]) -> None:
    results["best_single"] = "lr"
    chosen = cold_start_methods(results)
    assert len(chosen) == 6
    assert {"lr", "oracle", "metaselector", "deepfm"} <= set(chosen)


def test_user_logloss_agrees_with_a_loop(
    results: dict[str, Any], write: Callable[[dict[str, Any]], tuple[Path, Path, Path]]
) -> None:
    predictions = read_predictions(write(results)[1])
    losses = user_logloss(results, predictions)
    probability = predictions.probability("fm")
    for user in (0, 17, 150):
        mine = predictions.user == user
        p, label = probability[mine], predictions.label[mine]
        expected = -np.mean([np.log(q if y else 1 - q) for q, y in zip(p, label, strict=True)])
        assert losses["fm"][user] == pytest.approx(expected)


def test_density_needs_users_that_differ(results: dict[str, Any]) -> None:
    assert density_figure(results, {"fm": np.full(10, 0.3)}) is None
    assert density_figure(results, {"fm": np.array([0.4])}) is None
    assert density_figure(results, {"fm": np.full(10, 0.3), "lr": np.linspace(0.1, 0.9, 10000)}) is not None


def test_save_figures_writes_svg_and_png(
    tmp_path: Path, results: dict[str, Any], write: Callable[[dict[str, Any]], tuple[Path, Path, Path]]
) -> None:
    keep = ("lr", "deepfm")
    results["methods"] = {name: results["methods"][name] for name in keep}
    predictions = read_predictions(write(results)[1])
    paths = save_figures(results, predictions, tmp_path / "figures")
    assert sorted(path.name for path in paths) == sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert {"auc.svg", "auc.png", "difference-auc.svg", "density.png", "calibration-lr.svg"} <= {p.name for p in paths}
    before = {path: path.read_bytes() for path in paths}
    assert {path: path.read_bytes() for path in save_figures(results, predictions, tmp_path / "figures")} == before
    assert before[tmp_path / "figures" / "auc.png"].startswith(b"\x89PNG")
