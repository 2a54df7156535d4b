"""What the runs of a method cost and came to, over its seeds, for ``results["methods"]``."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

FACTS = (
    *("train_seconds", "predict_seconds", "peak_memory_bytes", "best_epoch", "parameters", "valid_auc"),
    *("valid_logloss", "users_without_support", "users_served_by_generator", "model_weights", "loss_weights"),
)
"""What is kept of each run."""


def costs(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Costs over the seeds of one method: mean seconds, largest memory, best epoch of each seed."""

    def mean(key: str) -> float | None:
        values = [fact[key] for fact in facts if fact[key] is not None]
        return float(np.mean(values)) if values else None

    first = facts[0]
    return {
        "train_seconds": mean("train_seconds"),
        "predict_seconds": mean("predict_seconds"),
        "peak_memory_bytes": max(fact["peak_memory_bytes"] for fact in facts),
        "epochs": [fact["best_epoch"] for fact in facts if fact["best_epoch"] is not None],
        "valid": {"auc": mean("valid_auc"), "logloss": mean("valid_logloss")},
        "model_weights": _mean_weights([fact["model_weights"] for fact in facts]),
        **{key: first[key] for key in ("parameters", "users_without_support", "users_served_by_generator")},
        "loss_weights": first["loss_weights"],
    }


def _mean_weights(seeds: Sequence[Mapping[str, Mapping[str, float]] | None]) -> dict[str, dict[str, float]] | None:
    """Summaries of the weights, averaged over the seeds; None for a method without weights."""
    found = [seed for seed in seeds if seed is not None]
    if not found:
        return None
    return {
        model: {key: float(np.mean([seed[model][key] for seed in found])) for key in values}
        for model, values in found[0].items()
    }
