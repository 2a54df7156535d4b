"""Methods beside what was published of them: values, upper bounds by perfect selection, and paired differences."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from clickwise.comparison import Comparison, title
from clickwise.methods.catalogue import entry
from clickwise.metrics.pointwise import relaimpr
from clickwise.metrics.selectors import perfect_sample, perfect_user
from clickwise.metrics.summary import COMPARED, Predictions, summarise
from clickwise.report.wording import MISSING, decimals, estimate, minus, signed
from clickwise.reproduce.against import Rows

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
    everything = Rows(rows.label, rows.user, {**rows.predictions, **bounds})
    drawn = everything.draw(replicates)
    values = summarise(rows.label, rows.user, everything.predictions, replicates=drawn)
    references = [best, *([STACKING] if STACKING in rows.predictions else [])]
    # Upper bounds are no hypotheses.
    against = {reference: rows.minus(rows.predictions, reference, drawn) for reference in references}
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
    differences = ((best, "auc"), (STACKING, "auc"), (STACKING, "logloss"))
    return headings, [
        [
            row["title"],
            KINDS[row["kind"]],
            *_published(row["published"]),
            *(estimate(row[metric]) for metric in COMPARED),
            f"{signed(row['relaimpr'], 2)} %",
            *(minus(row["against"].get(name, {}).get(metric), "p_corrected") for name, metric in differences),
        ]
        for row in rows
    ]


def _published(values: Values | None) -> list[str]:
    if values is None:
        return [MISSING] * 3
    return [decimals(values["auc"]), decimals(values["logloss"], 5), f"{signed(values['relaimpr'], 2)} %"]
