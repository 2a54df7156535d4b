"""Ways to train one model, each held against cross-entropy and the best fixed loss, over users and over seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

from clickwise.comparison import Comparison, title
from clickwise.metrics.summary import COMPARED, Replicates
from clickwise.report.wording import MISSING, decimals, duration, estimate, minus, signed
from clickwise.reproduce.against import Rows, SeedValues, is_gain
from clickwise.reproduce.autoloss.published import CROSS_ENTROPY, FIXED, row

Published = Mapping[str, Mapping[str, Mapping[str, float]]]
BEST_FIXED = "best_fixed"
REFERENCES = {CROSS_ENTROPY: "cross-entropy", BEST_FIXED: "the best fixed loss"}
BOTH = ("p_corrected", "p_seeds")
"""Tests over users and over seeds."""


def loss_rows(
    comparison: Comparison, models: Sequence[str], trainings: Sequence[str], published: Published, replicates: int
) -> list[dict[str, Any]]:
    """One entry a model and training, in that order.

    ``against`` holds, by reference and metric, the paired difference under a bootstrap of the users (``p_corrected``
    by Holm over the trainings of the model) and ``p_seeds``, Welch's t-test over the seeds.

    Args:
        comparison: has the rows of all models and trainings, cross-entropy among them.
        models, trainings: see ``clickwise.reproduce.autoloss.published.row``.
        published: values by model and training.
        replicates: bootstrap resamples of the users.
    """
    rows = Rows.of(comparison)
    wanted = {row(model, training) for model in models for training in (*trainings, *_fixed(comparison, model))}
    rows = rows.only(name for name in rows.predictions if name in wanted)
    drawn, seeds = rows.draw(replicates), rows.seeds()
    return [
        entry
        for model in models
        for entry in _of_model(comparison, rows, model, trainings, published.get(model, {}), drawn, seeds)
    ]


def _fixed(comparison: Comparison, model: str) -> list[str]:
    return [training for training in FIXED if row(model, training) in comparison.results["methods"]]


def _of_model(
    comparison: Comparison,
    rows: Rows,
    model: str,
    trainings: Sequence[str],
    published: Mapping[str, Mapping[str, float]],
    drawn: Replicates,
    seeds: SeedValues,
) -> list[dict[str, Any]]:
    values, names = comparison.results["methods"], {training: row(model, training) for training in trainings}
    # By validation rows: chosen on test rows it would be the luckiest of several.
    best = max(_fixed(comparison, model), key=lambda training: float(values[row(model, training)]["valid"]["auc"]))
    against: dict[str, dict[str, dict[str, Any]]] = {}
    for reference, training in ((CROSS_ENTROPY, CROSS_ENTROPY), (BEST_FIXED, best)):
        for name, found in rows.minus(names.values(), row(model, training), drawn, seeds).items():
            against.setdefault(name, {})[reference] = {"training": training, **found}
    return [
        {
            "model": model,
            "training": training,
            "title": title(name),
            "published": published.get(training),
            "published_gain": _gain(published, training),
            **{metric: values[name][metric] for metric in COMPARED},
            "seeds": dict(seeds[name]),
            "valid_auc": values[name]["valid"]["auc"],
            "train_seconds": values[name]["train_seconds"],
            "against": against.get(name, {}),
        }
        for training, name in names.items()
    ]


def _gain(published: Mapping[str, Mapping[str, float]], training: str) -> float | None:
    """Published AUC minus that of cross-entropy."""
    if training not in published or CROSS_ENTROPY not in published or training == CROSS_ENTROPY:
        return None
    return published[training]["auc"] - published[CROSS_ENTROPY]["auc"]


def survives(found: Mapping[str, Any]) -> bool:
    """True for a gain of AUC that both tests show: over users, corrected, and over seeds."""
    return is_gain(found["auc"], *BOTH)


def verdict(rows: Sequence[Mapping[str, Any]], references: Sequence[str] = tuple(REFERENCES)) -> list[str]:
    """Which gains survive, a sentence a model and reference."""
    sentences = []
    for model in dict.fromkeys(one["model"] for one in rows):
        for reference in references:
            tested = [one for one in rows if one["model"] == model and reference in one["against"]]
            sentences += [_survivors(model, reference, tested)] if tested else []
    if rows and len(rows[0]["seeds"]["auc"]) < 2:
        sentences.append("One seed allows no test over seeds, so no gain can survive; give --seeds 3 or more.")
    return sentences


def _survivors(model: str, reference: str, tested: Sequence[Mapping[str, Any]]) -> str:
    name, training = REFERENCES[reference], tested[0]["against"][reference]["training"]
    if reference == BEST_FIXED:
        if training == CROSS_ENTROPY:
            return f"{title(model)}: the best fixed loss on validation rows is cross-entropy."
        name = f"{name} on validation rows, {training},"
    kept = [
        f"{one['title']} ({signed(one['against'][reference]['auc']['difference'])})"
        for one in tested
        if survives(one["against"][reference])
    ]
    listed = ", ".join(kept) or "none"
    return f"{title(model)}: gains of AUC over {name} that survive both tests, of {len(tested)} rows: {listed}."


HEADINGS = (
    *("Method", "Published AUC", "LogLoss", "AUC - CE", "Ours AUC [95 %]", "LogLoss [95 %]"),
    *("AUC - CE (users; seeds)", "AUC - best fixed (users; seeds)", "LogLoss - CE (users; seeds)", "Training"),
)


def loss_cells(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Cells below ``HEADINGS``, published values first."""
    differences = ((CROSS_ENTROPY, "auc"), (BEST_FIXED, "auc"), (CROSS_ENTROPY, "logloss"))
    return [
        [
            one["title"],
            *(decimals(one["published"][metric]) if one["published"] else MISSING for metric in COMPARED),
            signed(one["published_gain"]),
            *(estimate(one[metric]) for metric in COMPARED),
            *(minus(one["against"].get(reference, {}).get(metric), *BOTH) for reference, metric in differences),
            duration(one["train_seconds"]),
        ]
        for one in rows
    ]
