"""Methods beside what was published of them: values, upper bounds by perfect selection, and paired differences."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from clickwise.comparison import Comparison, methods_of, title
from clickwise.methods.catalogue import entry
from clickwise.metrics.pointwise import relaimpr
from clickwise.metrics.selectors import perfect_sample, perfect_user
from clickwise.metrics.summary import COMPARED, Replicates, differences, replicate, summarise
from clickwise.report.wording import MISSING, decimals, interval, p_value, signed, stars

PERFECT_SAMPLE, PERFECT_USER = "perfect-sample", "perfect-user"
UPPER_BOUNDS = {PERFECT_SAMPLE: "Perfect sample-level selector", PERFECT_USER: "Perfect user-level selector"}
STACKING = "stacking"
KINDS = {
    "model": "single model",
    "bound": "upper bound, chosen on test labels",
    "paper": "of the paper",
    "rival": "rival",
    "control": "control",
}

Values = Mapping[str, float]
Predictions = dict[str, list[npt.NDArray[np.float32]]]


@dataclass(frozen=True)
class Rows:
    """The test rows of a comparison.

    Attributes:
        label: ``[rows]``.
        user: ``[rows]``, dense codes.
        predictions: by method one array ``[rows]`` a seed.
    """

    label: npt.NDArray[np.int64]
    user: npt.NDArray[np.int64]
    predictions: Predictions

    @classmethod
    def of(cls, comparison: Comparison) -> "Rows":
        """Those that a comparison predicted."""
        table = comparison.predictions
        user = table["user"].rank("dense").to_numpy().astype(np.int64) - 1
        return cls(table["label"].to_numpy(), user, methods_of(table))


def selection_rows(
    comparison: Comparison, published: Mapping[str, Values], of_paper: Iterable[str], replicates: int
) -> list[dict[str, Any]]:
    """One entry a method, in the order of the paper's table, then the others.

    Args:
        comparison: of single models, stacking, and what selects among them.
        published: by method its ``auc``, ``logloss`` and ``relaimpr``; empty where nothing is published.
        of_paper: methods that the paper proposes or compares with.
        replicates: bootstrap resamples of the users.

    Returns:
        ``method``, ``title``, ``kind``, ``published`` (or None), ``auc`` and ``logloss`` with their 95 % intervals,
        ``relaimpr`` (Eq. 7, per cent over the single model that is best on validation rows), and ``against`` that model
        and stacking: by metric the difference, its interval, p and p corrected over the methods (Holm).
    """
    rows, best = Rows.of(comparison), comparison.results["best_single"]
    models = [name for name in rows.predictions if entry(name).group == "model"]
    bounds = _upper_bounds(rows, models)
    drawn = replicate(rows.label, rows.user, {**rows.predictions, **bounds}, None, replicates)
    values = summarise(rows.label, rows.user, {**rows.predictions, **bounds}, replicates=drawn)
    references = [best, *([STACKING] if STACKING in rows.predictions else [])]
    against = {reference: _against(rows, reference, drawn) for reference in references}
    order = [*models, *bounds, *(name for name in rows.predictions if name not in models)]
    return [
        {
            "method": name,
            "title": UPPER_BOUNDS.get(name) or title(name),
            "kind": _kind(name, of_paper),
            "published": dict(published[name]) if name in published else None,
            **{metric: values[name][metric] for metric in COMPARED},
            "relaimpr": relaimpr(values[name]["auc"]["mean"], values[best]["auc"]["mean"]),
            "seeds": values[name]["seeds"],
            "against": {reference: found[name] for reference, found in against.items() if name in found},
        }
        for name in sorted(order, key=lambda name: list(KINDS).index(_kind(name, of_paper)))
    ]


def _upper_bounds(rows: Rows, models: Sequence[str]) -> Predictions:
    """What the perfect selectors over the models of each seed predict."""
    seeds = [
        dict(zip(models, each, strict=True)) for each in zip(*(rows.predictions[name] for name in models), strict=True)
    ]
    return {
        PERFECT_SAMPLE: [perfect_sample(rows.label, each) for each in seeds],
        PERFECT_USER: [perfect_user(rows.label, rows.user, each).probability for each in seeds],
    }


def _against(rows: Rows, reference: str, drawn: Replicates) -> dict[str, dict[str, Any]]:
    """Differences of every method to the reference, by method and metric. Upper bounds are no hypotheses."""
    found: dict[str, dict[str, Any]] = {}
    for one in differences(rows.label, rows.user, rows.predictions, reference, drawn):
        shown = {key: value for key, value in one.items() if key not in ("method", "reference", "metric")}
        found.setdefault(one["method"], {})[one["metric"]] = shown
    return found


def _kind(name: str, of_paper: Iterable[str]) -> str:
    if name in UPPER_BOUNDS:
        return "bound"
    found = entry(name)
    if found.group == "model":
        return "model"
    if name in set(of_paper):
        return "paper"
    return "control" if found.control else "rival"


def selection_cells(rows: Sequence[Mapping[str, Any]], best: str) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of ``selection_rows``, published values first."""
    headings = ["Method", "Kind", "Published AUC", "LogLoss", "RelaImpr", "Ours AUC [95 %]", "LogLoss [95 %]"]
    headings += ["RelaImpr", f"AUC - {title(best)}", "AUC - stacking", "LogLoss - stacking"]
    return headings, [
        [
            row["title"],
            KINDS[row["kind"]],
            *_published(row["published"]),
            f"{decimals(row['auc']['mean'])} {interval(row['auc'])}",
            f"{decimals(row['logloss']['mean'])} {interval(row['logloss'])}",
            f"{signed(row['relaimpr'], 2)} %",
            _difference(row, best, "auc"),
            _difference(row, STACKING, "auc"),
            _difference(row, STACKING, "logloss"),
        ]
        for row in rows
    ]


def _published(values: Values | None) -> list[str]:
    if values is None:
        return [MISSING] * 3
    return [decimals(values["auc"]), decimals(values["logloss"], 5), f"{signed(values['relaimpr'], 2)} %"]


def _difference(row: Mapping[str, Any], reference: str, metric: str) -> str:
    if reference not in row["against"]:
        return MISSING
    found = row["against"][reference][metric]
    return f"{signed(found['difference'])} {p_value(found['p_corrected'])} {stars(found['p_corrected'])}".rstrip()
