"""Ways to train one model, each held against cross-entropy and the best fixed loss, over users and over seeds."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from clickwise.comparison import Comparison, title
from clickwise.metrics import pointwise
from clickwise.metrics.summary import COMPARED, Replicates, differences, replicate
from clickwise.report.wording import MISSING, SIGNIFICANT, decimals, duration, interval, p_value, signed, stars
from clickwise.reproduce.autoloss_runs import CROSS_ENTROPY, FIXED, row
from clickwise.reproduce.selection_table import Rows

Published = Mapping[str, Mapping[str, Mapping[str, float]]]
BEST_FIXED = "best_fixed"
REFERENCES = {CROSS_ENTROPY: "cross-entropy", BEST_FIXED: "the best fixed loss"}


def loss_rows(
    comparison: Comparison, models: Sequence[str], trainings: Sequence[str], published: Published, replicates: int
) -> list[dict[str, Any]]:
    """One entry a model and training, in that order.

    ``against`` holds, by reference and metric, the paired difference under a bootstrap of the users (``p_corrected``
    by Holm over the trainings of the model) and ``p_seeds``, Welch's t-test over the seeds.

    Args:
        comparison: has the rows of all models and trainings, cross-entropy among them.
        models, trainings: see ``clickwise.reproduce.autoloss_runs.row``.
        published: values by model and training.
        replicates: bootstrap resamples of the users.
    """
    rows = Rows.of(comparison)
    wanted = {row(model, training) for model in models for training in (*trainings, *_fixed(comparison, model))}
    rows = Rows(rows.label, rows.user, {name: rows.predictions[name] for name in rows.predictions if name in wanted})
    drawn = replicate(rows.label, rows.user, rows.predictions, None, replicates)
    seeds = {
        name: {metric: [getattr(pointwise, metric)(rows.label, one) for one in each] for metric in COMPARED}
        for name, each in rows.predictions.items()
    }
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
    seeds: Mapping[str, Mapping[str, Sequence[float]]],
) -> list[dict[str, Any]]:
    values = comparison.results["methods"]
    # By validation rows: chosen on test rows it would be the luckiest of several.
    best = max(_fixed(comparison, model), key=lambda training: float(values[row(model, training)]["valid"]["auc"]))
    against: dict[str, dict[str, dict[str, Any]]] = {}
    for reference, training in ((CROSS_ENTROPY, CROSS_ENTROPY), (BEST_FIXED, best)):
        first = row(model, training)
        compared = {row(model, t): rows.predictions[row(model, t)] for t in (training, *trainings)}
        for one in differences(rows.label, rows.user, compared, first, drawn) if len(compared) > 1 else []:
            told = {key: one[key] for key in ("difference", "low", "high", "p", "p_corrected")}
            told["p_seeds"] = welch(seeds[one["method"]][one["metric"]], seeds[first][one["metric"]])
            of_row = against.setdefault(one["method"], {}).setdefault(reference, {"training": training})
            of_row[one["metric"]] = told
    return [
        {
            "model": model,
            "training": training,
            "title": title(row(model, training)),
            "published": published.get(training),
            "published_gain": _gain(published, training),
            **{metric: values[row(model, training)][metric] for metric in COMPARED},
            "seeds": dict(seeds[row(model, training)]),
            "valid_auc": values[row(model, training)]["valid"]["auc"],
            "train_seconds": values[row(model, training)]["train_seconds"],
            "against": against.get(row(model, training), {}),
        }
        for training in trainings
    ]


def _gain(published: Mapping[str, Mapping[str, float]], training: str) -> float | None:
    """Published AUC minus that of cross-entropy."""
    if training not in published or CROSS_ENTROPY not in published or training == CROSS_ENTROPY:
        return None
    return published[training]["auc"] - published[CROSS_ENTROPY]["auc"]


def welch(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Two-sided p of Welch's t-test; None where there are too few values, or none that differ."""
    counts = np.array([len(first), len(second)])
    if counts.min() < 2:
        return None
    shares = np.array([np.var(first, ddof=1), np.var(second, ddof=1)]) / counts
    if not shares.sum() > 0:
        return None
    freedom = shares.sum() ** 2 / (shares**2 / (counts - 1)).sum()
    t = abs(np.mean(first) - np.mean(second)) / math.sqrt(shares.sum())
    return float(2 * stats.t.sf(t, freedom))


def survives(found: Mapping[str, Any] | None) -> bool:
    """True for a gain of AUC that both tests show: over users, corrected, and over seeds."""
    if found is None:
        return False
    tests = (found["auc"]["p_corrected"], found["auc"]["p_seeds"])
    return found["auc"]["difference"] > 0 and all(p is not None and p < SIGNIFICANT for p in tests)


def verdict(rows: Sequence[Mapping[str, Any]], references: Sequence[str] = tuple(REFERENCES)) -> list[str]:
    """Which gains survive, a sentence a model and reference."""
    sentences = []
    for model in dict.fromkeys(one["model"] for one in rows):
        own = [one for one in rows if one["model"] == model]
        for reference in references:
            name = REFERENCES[reference]
            tested = [one for one in own if reference in one["against"]]
            if not tested:
                continue
            training = tested[0]["against"][reference]["training"]
            if reference == BEST_FIXED:
                if training == CROSS_ENTROPY:
                    sentences.append(f"{title(model)}: the best fixed loss on validation rows is cross-entropy.")
                    continue
                name = f"{name} on validation rows, {training},"
            kept = [
                f"{one['title']} ({signed(one['against'][reference]['auc']['difference'])})"
                for one in tested
                if survives(one["against"][reference])
            ]
            listed = ", ".join(kept) or "none"
            sentences.append(
                f"{title(model)}: gains of AUC over {name} that survive both tests, of {len(tested)} rows: {listed}."
            )
    if rows and len(rows[0]["seeds"]["auc"]) < 2:
        sentences.append("One seed allows no test over seeds, so no gain can survive; give --seeds 3 or more.")
    return sentences


HEADINGS = (
    *("Method", "Published AUC", "LogLoss", "AUC - CE", "Ours AUC [95 %]", "LogLoss [95 %]"),
    *("AUC - CE (users; seeds)", "AUC - best fixed (users; seeds)", "LogLoss - CE (users; seeds)", "Training"),
)


def loss_cells(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Cells below ``HEADINGS``, published values first."""
    return [
        [
            one["title"],
            *(decimals(one["published"][metric]) if one["published"] else MISSING for metric in COMPARED),
            signed(one["published_gain"]),
            *(f"{decimals(one[metric]['mean'])} {interval(one[metric])}" for metric in COMPARED),
            _difference(one, CROSS_ENTROPY, "auc"),
            _difference(one, BEST_FIXED, "auc"),
            _difference(one, CROSS_ENTROPY, "logloss"),
            duration(one["train_seconds"]),
        ]
        for one in rows
    ]


def _difference(one: Mapping[str, Any], reference: str, metric: str) -> str:
    if reference not in one["against"]:
        return MISSING
    found = one["against"][reference][metric]
    users = f"{p_value(found['p_corrected'])} {stars(found['p_corrected'])}".rstrip()
    return f"{signed(found['difference'])} ({users}; {p_value(found['p_seeds'])})"
