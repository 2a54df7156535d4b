"""Figure 3 of the UDG paper: the last hidden layer of a model with UDG and without, for two users."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from scipy import stats

from clickwise.array_types import BoolArray, FloatArray, IntArray
from clickwise.comparison import title
from clickwise.data.log import ClickLog
from clickwise.metrics.significance import over_seeds
from clickwise.report.canvas import FONT_SIZE, INK, SERIES, add_axes, new_figure, plain
from clickwise.report.curves import MARKERS
from clickwise.report.wording import MISSING, decimals, estimate, interval, p_value, signed
from clickwise.reproduce.result import Result
from clickwise.reproduce.study import Study
from clickwise.reproduce.udg.hidden import last_hidden, plane, silhouettes, users_of_both_labels
from clickwise.reproduce.udg.notes import notes
from clickwise.reproduce.udg.published import SHOWN, UDG, row

RUNS = "hidden"
"""Folder of the runs, below the job's own."""
PAIR, JUDGED = 2, 100
LABELS = ("dislike", "like")
PANEL, MARGIN, TOP = 200.0, 12.0, 58.0

WHO = (
    "The picture shows the two users with most test rows of their rarer label, and the model of seed 0; the paper does "
    "not say how it chose its two. The mean is over the {users} users with most such rows and over the seeds."
)
SILHOUETTE = (
    "Silhouette: of a user's rows by label in the hidden layer itself, not in the picture, whose distances mean "
    "little; 1 where likes lie apart from dislikes, 0 where they are mixed. p is of a t-test of the users' differences."
)


def figure3(study: Study) -> Result:
    """Figure 3: t-SNE of what the output layer reads, for two users, and how far labels lie apart for many."""
    job, log = study.job, study.log()
    model = (job.models or (SHOWN,))[0]
    names = [row(model, ""), row(model, UDG)]
    users = users_of_both_labels(log.test, JUDGED)  # too few must not surface after an hour
    comparison, folder = study.whole(log, names, RUNS)
    rows = log.test.take(np.flatnonzero(np.isin(log.test.user, users)))
    hidden = {name: [last_hidden(study.model(folder, name, seed), rows) for seed in range(job.seeds)] for name in names}
    apart = {name: np.mean([silhouettes(one, rows, users) for one in each], axis=0) for name, each in hidden.items()}
    pair = users[:PAIR]
    of_pair = np.isin(rows.user, pair)
    points = {name: plane(each[0][of_pair]) for name, each in hidden.items()}
    entries = [_entry(name, apart, pair, users) for name in names]
    return Result(
        title=f"Figure 3: last hidden layer of {title(model)} with UDG and without, {job.source}",
        log=log,
        setting=job.setting_name,
        rows=entries,
        headings=["Model", "Silhouette, user A", "user B", f"mean of {len(users)} users [95 %]", "minus base [95 %]"],
        cells=[_cells(one) for one in entries],
        notes=[*_users_told(rows, pair), WHO.format(users=len(users)), SILHOUETTE, *notes(job)],
        figures={"figure3": points_figure(points, rows.user[of_pair] == pair[1], rows.label[of_pair])},
        facts={
            "points": {name: np.round(one, 4).tolist() for name, one in points.items()},
            "label": rows.label[of_pair].tolist(),
            "user": (rows.user[of_pair] == pair[1]).astype(int).tolist(),
        },
        runs=comparison.results["run"],
    )


def _entry(name: str, apart: Mapping[str, FloatArray], pair: IntArray, users: IntArray) -> dict[str, Any]:
    base = next(iter(apart))
    difference = apart[name] - apart[base]
    mean, against = over_seeds(apart[name]), over_seeds(difference)
    tested = name != base and np.ptp(difference) > 0
    return {
        "method": name,
        "title": title(name),
        "silhouette_of_two": apart[name][: len(pair)].tolist(),
        "users": len(users),
        "silhouette": {"mean": mean.mean, "low": mean.low, "high": mean.high},
        "against_base": None
        if name == base
        else {
            "difference": against.mean,
            "low": against.low,
            "high": against.high,
            "p": float(stats.ttest_1samp(difference, 0.0).pvalue) if tested else None,
        },
    }


def _cells(one: Mapping[str, Any]) -> list[str]:
    against, mean = one["against_base"], one["silhouette"]
    return [
        one["title"],
        *(decimals(value) for value in one["silhouette_of_two"]),
        estimate(mean),
        MISSING if against is None else f"{signed(against['difference'])} {interval(against)} {p_value(against['p'])}",
    ]


def _users_told(rows: ClickLog, pair: IntArray) -> list[str]:
    told = []
    for letter, user in zip("AB", pair, strict=True):
        own = rows.user == user
        told.append(f"User {letter} has {int(own.sum())} test rows, {int(rows.label[own].sum())} of them clicks.")
    return [" ".join(told)]


def points_figure(points: Mapping[str, FloatArray], second: BoolArray, label: npt.NDArray[Any]) -> Figure:
    """A panel a model; colours tell labels, markers the two users.

    Args:
        points: by method, ``[rows, 2]``.
        second: ``[rows]``, of the second user.
        label: ``[rows]``.
    """
    width = MARGIN + len(points) * (PANEL + MARGIN)
    figure = new_figure(width, TOP + PANEL + MARGIN)
    for place, (name, each) in enumerate(points.items()):
        left = MARGIN + place * (PANEL + MARGIN)
        axes = add_axes(figure, left, width - left - PANEL, TOP, MARGIN)
        axes.set_xticks([])
        axes.set_yticks([])
        for code, meaning in enumerate(LABELS):
            for user, letter in ((False, "A"), (True, "B")):
                own = each[(label == code) & (second == user)]
                axes.plot(
                    own[:, 0], own[:, 1], MARKERS[int(user)], color=SERIES[code], markersize=3.5, alpha=0.75,
                    label=f"{letter}: {meaning}" if place == 0 else None,
                )  # fmt: skip
        axes.set_title(plain(title(name)), color=INK, fontsize=FONT_SIZE, pad=6)
    figure.legend(loc="upper center", ncols=2, frameon=False, fontsize=FONT_SIZE - 1, labelcolor=INK)
    return figure
