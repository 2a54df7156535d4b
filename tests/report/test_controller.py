"""The pictures of a controller and of groups: what they draw is what they are given, and not by hue alone."""

from typing import Any

import numpy as np
import pytest

from clickwise.errors import InputError
from clickwise.losses import LOSSES as ALL
from clickwise.report.canvas import to_png, to_svg
from clickwise.report.controller import controller_figure
from clickwise.report.groups import groups_figure
from clickwise.report.loss_section import losses_section

LOSSES = ("cross_entropy", "focal", "hinge", "kl")


def weights(epochs: int = 3, labels: int = 2, losses: int = 4) -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(losses), (epochs, labels, 21))


@pytest.mark.parametrize("labels", [1, 2, 5])
def test_a_panel_an_epoch_and_label_a_line_a_loss(labels: int) -> None:
    given = weights(labels=labels)
    names = [f"class {label}" for label in range(labels)]
    figure = controller_figure(given, LOSSES, [1, 4, 8], names)
    assert len(figure.axes) == 3 * labels
    for place, axes in enumerate(figure.axes):
        lines = axes.get_lines()
        assert len(lines) == 4
        for loss, line in enumerate(lines):
            np.testing.assert_allclose(line.get_xdata(), np.linspace(0, 1, 21))
            np.testing.assert_allclose(line.get_ydata(), given[place // labels, place % labels, :, loss])
        assert len({line.get_marker() for line in lines}) == len({line.get_linestyle() for line in lines}) == 4
    assert [axes.get_title() for axes in figure.axes[:labels]] == names
    assert [axes.get_ylabel() for axes in figure.axes[::labels]] == ["epoch 1", "epoch 4", "epoch 8"]
    text = to_svg(figure)
    assert all(name.replace("_", " ") in text for name in LOSSES)
    assert to_png(figure) == to_png(controller_figure(given, LOSSES, [1, 4, 8], names))


@pytest.mark.parametrize(
    ("given", "losses", "message"),
    [
        (weights(losses=13), [str(n) for n in range(13)], "13 losses; give 1 to 12"),
        (weights(labels=3), LOSSES, r"give \[epochs, labels, predictions, losses\]"),
        (weights()[0], LOSSES, "do not fit"),
        (2 * weights(), LOSSES, "sum to 1"),
        (np.full((3, 2, 21, 4), np.nan), LOSSES, "sum to 1"),
    ],
)
def test_what_cannot_be_drawn(given: np.ndarray, losses: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        controller_figure(given, losses, [1, 2, 3], ["no click", "click"])


def test_lines_of_every_loss_that_there_is_are_told_apart() -> None:
    figure = controller_figure(weights(losses=len(ALL)), list(ALL), [1, 2, 3], ["no click", "click"])
    lines = figure.axes[0].get_lines()
    assert len({(line.get_color(), line.get_marker(), line.get_linestyle()) for line in lines}) == len(ALL) > 6


def test_groups_have_a_mark_and_an_interval_a_method() -> None:
    def value(mean: float | None) -> dict[str, Any]:
        ends = {"low": None if mean is None else mean - 0.01, "high": None if mean is None else mean + 0.01}
        return {"auc": {"mean": mean, **ends}, "logloss": {"mean": mean, "low": None, "high": None}}

    groups = {"NFM": {"CE": value(0.7), "AL": value(0.72)}, "AutoInt": {"CE": value(0.71), "AL": value(None)}}
    figure = groups_figure(groups, {"auc": "AUC", "logloss": "LogLoss"})
    assert [axes.get_title() for axes in figure.axes] == ["NFM", "AutoInt"] * 2
    assert [axes.get_ylabel() for axes in figure.axes] == ["AUC", "", "LogLoss", ""]
    heights = [[float(y) for line in axes.get_lines() for y in line.get_ydata()] for axes in figure.axes]
    assert heights[0] == pytest.approx([0.69, 0.71, 0.7, 0.71, 0.73, 0.72])
    assert heights[1] == pytest.approx([0.7, 0.72, 0.71]) and heights[2] == pytest.approx([0.7, 0.72])
    marks = [line.get_marker() for line in figure.axes[2].get_lines()]
    assert len(set(marks)) == 2
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["CE", "AL"]


def test_the_section_stands_where_a_controller_was_trained(results: dict[str, Any]) -> None:
    assert losses_section(results) == ""
    found = {
        "losses": list(LOSSES),
        "epochs": [1, 2, 3],
        "labels": ["no click", "click"],
        "weights": weights().tolist(),
    }
    results["methods"]["deepfm"]["loss_weights"] = found
    html = losses_section(results)
    assert html.count("<svg") == 1 and 'id="losses"' in html and "DeepFM" in html
