"""Metrics after so many support rows, with intervals and paired differences: what a cold-start curve is drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from clickwise.data.log import ClickLog
from clickwise.metrics import pointwise
from clickwise.metrics.bootstrap import bootstrap_metrics
from clickwise.metrics.significance import combine, holm, paired_difference, percentile_interval
from clickwise.metrics.summary import COMPARED
from clickwise.reproduce.cold_start import Predictions


def curve_rows(query: ClickLog, predicted: Predictions, reference: str, replicates: int) -> list[dict[str, Any]]:
    """One entry a method and size of the support: AUC and LogLoss with their 95 % intervals, and against a reference.

    ``against`` holds, by metric, the difference to the reference after as many rows, its interval, p, and p corrected
    over methods and sizes (Holm). Intervals are of users and seeds.
    """
    flat = {(*key, seed): each for key, arrays in predicted.items() for seed, each in enumerate(arrays)}
    drawn = bootstrap_metrics(query.label, flat, query.user, COMPARED, replicates)
    replicated = {
        (key, metric): combine(np.stack([drawn[*key, seed][metric] for seed in range(len(arrays))]), 0)
        for key, arrays in predicted.items()
        for metric in COMPARED
    }
    observed = {
        (key, metric): float(np.mean([getattr(pointwise, metric)(query.label, each) for each in arrays]))
        for key, arrays in predicted.items()
        for metric in COMPARED
    }
    rows: list[dict[str, Any]] = []
    for name, size in predicted:
        entry: dict[str, Any] = {"method": name, "support_rows": size, "against": {}}
        for metric in COMPARED:
            low, high = percentile_interval(replicated[(name, size), metric])
            entry[metric] = {"mean": observed[(name, size), metric], "low": low, "high": high}
        rows.append(entry)
    for metric in COMPARED:
        tested = [row for row in rows if row["method"] != reference]
        keys = [((row["method"], row["support_rows"]), (reference, row["support_rows"])) for row in tested]
        found = [
            paired_difference(replicated[a, metric], replicated[b, metric], observed[a, metric] - observed[b, metric])
            for a, b in keys
        ]
        for row, one, corrected in zip(tested, found, holm([one.p for one in found]), strict=True):
            row["against"][metric] = {**asdict(one), "p_corrected": float(corrected)}
    return rows


def curves(
    rows: Sequence[Mapping[str, Any]], metric: str, titles: Mapping[str, str]
) -> dict[str, list[tuple[int, float]]]:
    """By title, pairs of the number of support rows and the value there."""
    found: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        found.setdefault(titles[row["method"]], []).append((row["support_rows"], row[metric]["mean"]))
    return found
