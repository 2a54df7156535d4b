"""Figures of choosing a model for each user: what they draw agrees with what they are made from."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from matplotlib.figure import Figure
from scipy.integrate import trapezoid

from clickwise.data.sources.auction import simulate
from clickwise.errors import InputError
from clickwise.report.charts import BASE, RISE
from clickwise.report.plots import save_figure, to_svg
from clickwise.report.selection import ecpm_figure, losses_figure, support_curve_figure, weights_figure

NAMES = ("LR", "FM", "DeepFM")


def table(**columns: Any) -> pl.DataFrame:
    return pl.DataFrame({"model": ["a", "a"], "hour": [3, 23], "ecpm": [400.0, 500.0]} | columns)


def drawn(figure: Figure) -> list[np.ndarray]:
    """Heights of the lines inside the axes; the samples beside the names are drawn in other coordinates."""
    axes = figure.axes[0]
    lines = [line for line in axes.get_lines() if line.get_transform() != axes.transAxes]
    return [np.asarray(line.get_ydata(), dtype=np.float64) for line in lines]


def outlines(figure: Figure) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each histogram, from top to bottom: weights, and heights above its base."""
    lines = [line for line in figure.axes[0].get_lines() if np.size(line.get_xdata()) > 2]
    return [
        (np.asarray(line.get_xdata()), place + BASE - np.asarray(line.get_ydata())) for place, line in enumerate(lines)
    ]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_ecpm_stands_at_its_hour_and_hours_without_requests_are_gaps() -> None:
    auction = simulate(
        {"good": [0.1, 0.5, 0.2, 0.4], "bad": [0.9, 0.1, 0.1, 0.9]},
        truth=[0.1, 0.5, 0.2, 0.4],
        bid=[2.0, 1.0, 3.0, 1.0],
        request=[7, 7, 8, 8],
        time=[3_600, 3_600, 46_800, 46_800],
    )
    figure = ecpm_figure(auction, {"bad": "Bad", "good": "Good"})
    assert texts(figure) == ["Good", "Bad"]
    good, bad = drawn(figure)
    assert np.flatnonzero(np.isfinite(good)).tolist() == [1, 13]
    assert (good[1], good[13], bad[1], bad[13]) == pytest.approx((500, 600, 200, 400))
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == [str(hour) for hour in range(0, 24, 3)]


def test_ecpm_lines_differ_in_more_than_hue() -> None:
    frames = [table(model=[name, name]) for name in "abcdef"]
    lines = ecpm_figure(pl.concat(frames), {name: name.upper() for name in "abcdef"}).axes[0].get_lines()[:6]
    assert len({line.get_marker() for line in lines}) == 6


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (table().drop("ecpm"), "no column 'ecpm'"),
        (table().clear(), "0 lines to draw; give 1 to 6"),
        (table(model=["a", "aa"]), "no title for model 'aa'; did you mean 'a'"),
        (table(hour=[3, 24]), "model 'a' has hour 24; hours are whole, 0 to 23"),
        (table(hour=[3, None]), "model 'a' has hour nan"),
        (table(hour=[3, 3]), "model 'a' has an hour twice"),
        (table(ecpm=[np.nan, np.nan]), "'A' has no value"),
    ],
)
def test_bad_ecpm_tables_are_named(frame: pl.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ecpm_figure(frame, {"a": "A"})


def test_support_curves_share_their_ticks_and_leave_gaps() -> None:
    curves = {"MetaSelector": [(10, 0.82), (0, 0.79), (2, 0.80)], "DeepFM": [(0, 0.78), (2, np.nan), (50, 0.781)]}
    figure = support_curve_figure(curves, "auc")
    axes = figure.axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "2", "10", "50"]
    assert axes.get_ylabel() == "AUC (up is better)"
    assert texts(figure) == ["MetaSelector", "DeepFM"]
    first, second = drawn(figure)
    np.testing.assert_array_equal(first, [0.79, 0.80, 0.82, np.nan])
    np.testing.assert_array_equal(second, [0.78, np.nan, np.nan, 0.781])
    assert support_curve_figure(curves, "logloss").axes[0].get_ylabel() == "LogLoss (down is better)"


@pytest.mark.parametrize(
    ("curves", "metric", "message"),
    [
        ({"a": [(0, 0.5)]}, "aucs", "no metric 'aucs'; did you mean 'auc'"),
        ({}, "auc", "0 lines to draw"),
        ({str(i): [(0, 0.5)] for i in range(7)}, "auc", "7 lines to draw; give 1 to 6"),
        ({"a": [(0, 0.5)], "b": [(0, np.nan)]}, "auc", "'b' has no value"),
        ({"a": [(5, 0.5), (5, 0.6)]}, "auc", "'a' has two values for one number of rows"),
    ],
)
def test_bad_support_curves_are_named(curves: dict[str, list[tuple[int, float]]], metric: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        support_curve_figure(curves, metric)


def test_weights_show_mean_winner_and_where_the_users_are() -> None:
    weights = np.array([[0.0, 0.0, 1.0], [0.0, 0.32, 0.68], [0.74, 0.26, 0.0], [0.5, 0.5, 0.0]], dtype=np.float32)
    figure = weights_figure(weights, NAMES)
    notes = ["mean 0.31, highest for 37.5 %", "mean 0.27, highest for 12.5 %", "mean 0.42, highest for 50.0 %"]
    assert texts(figure) == [part for pair in zip(NAMES, notes, strict=True) for part in pair]
    marks = [np.asarray(line.get_xdata()) for line in figure.axes[0].get_lines() if np.ptp(line.get_xdata()) == 0]
    assert [mark[0] for mark in marks] == pytest.approx(weights.mean(axis=0))
    where, height = outlines(figure)[0]
    for weight, users in ((0.01, 2), (0.3, 0), (0.51, 1), (0.73, 1), (0.99, 0)):
        assert np.interp(weight, where, height) == pytest.approx(RISE * users / 2)


def test_weights_of_many_users_follow_their_histogram_at_both_ends() -> None:
    one_hot = np.eye(3)[np.random.default_rng(0).integers(3, size=500)]
    for (where, height), share in zip(outlines(weights_figure(one_hot, NAMES)), one_hot.mean(axis=0), strict=True):
        assert (where[0], where[-1]) == (0, 1)
        assert height[-1] / height[0] == pytest.approx(share / (1 - share))
        assert np.allclose(height[2:-2], 0)


@pytest.mark.parametrize(
    ("weights", "names", "message"),
    [
        (np.full((4, 2), 0.5), NAMES, r"shape \(4, 2\) does not fit 3 names"),
        (np.zeros((0, 3)), NAMES, r"shape \(0, 3\)"),
        (np.full((4, 3), 1 / 3), ("LR", "FM", "FM"), "two models have the same name"),
        (np.array([[0.5, 0.5, 0.0], [0.5, 0.2, 0.2]]), NAMES, "weights: row 1 is"),
        (np.array([[1.5, -0.5, 0.0]]), NAMES, "weights: row 0 is"),
        (np.array([[np.nan, 0.5, 0.5]]), NAMES, "weights: row 0 is"),
    ],
)
def test_bad_weights_are_named(weights: np.ndarray, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        weights_figure(weights, names)


def test_losses_are_densities_with_mean_and_deviation() -> None:
    generator = np.random.default_rng(0)
    losses = {"DeepFM": generator.normal(0.55, 0.1, 2000), "MetaSelector": generator.normal(0.5, 0.05, 2000)}
    axes = losses_figure(losses).axes[0]
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        f"{name}: mean {values.mean():.3f}, sd {values.std():.3f}" for name, values in losses.items()
    ]
    lines = axes.get_lines()
    for line, values in zip(lines, losses.values(), strict=True):
        where, density = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        assert 0.97 < trapezoid(density, where) <= 1.001
        assert where[np.argmax(density)] == pytest.approx(np.median(values), abs=0.03)
    assert lines[0].get_linestyle() != lines[1].get_linestyle()


@pytest.mark.parametrize("values", [np.full(9, 0.3), np.array([0.3]), np.array([]), np.array([0.3, np.nan])])
def test_losses_need_users_that_differ(values: np.ndarray) -> None:
    with pytest.raises(InputError, match="losses of 'FM': a density needs at least two users"):
        losses_figure({"LR": np.array([0.2, 0.3]), "FM": values})


def test_losses_need_a_method() -> None:
    with pytest.raises(InputError, match="0 lines to draw"):
        losses_figure({})


def test_figures_are_saved_as_svg_and_png_and_are_deterministic(tmp_path: Path) -> None:
    def make() -> dict[str, Figure]:
        losses = {"$5 <b>": np.linspace(0.2, 0.8, 50), "FM": np.linspace(0.1, 0.9, 50)}
        return {
            "ecpm": ecpm_figure(table(), {"a": "A"}),
            "support": support_curve_figure({"a": [(0, 0.5), (1, 0.6)]}, "auc"),
            "weights": weights_figure(np.full((5, 3), 1 / 3), NAMES),
            "losses": losses_figure(losses),
        }

    for (name, figure), again in zip(make().items(), make().values(), strict=True):
        svg, png = save_figure(figure, tmp_path / "pictures" / name)
        assert (svg.name, png.name) == (f"{name}.svg", f"{name}.png")
        assert svg.read_text(encoding="utf-8") == to_svg(again)
        assert png.read_bytes().startswith(b"\x89PNG")
    assert "$5 &lt;b&gt;: mean 0.500" in (tmp_path / "pictures" / "losses.svg").read_text(encoding="utf-8")
