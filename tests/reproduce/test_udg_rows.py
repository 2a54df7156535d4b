"""Models with gates and without: differences and tests agree with scipy, the verdict with what was planted."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from clickwise.comparison import Comparison, score
from clickwise.reproduce.udg.published import CONTROLS, TABLE
from clickwise.reproduce.udg.rows import BASE, gate_rows, survives, verdict

NOISE = {"": 1.0, "udg": 0.3, "udg-shuffled": 1.0, "doubled": 0.9, "udg-no-user": 3.0}
PUBLISHED = {"pnn": {"auc": 0.80, "logloss": 0.5}, "pnn~udg": {"auc": 0.81, "logloss": 0.49}}


def comparison(seeds: int = 4, doubled: float = 0.9) -> Comparison:
    """PNN gains by UDG; what it makes of DIN is other noise alone."""
    rng, rows = np.random.default_rng(0), 3000
    user, signal = rng.integers(0, 60, rows), rng.normal(size=rows)
    label = rng.binomial(1, 1 / (1 + np.exp(-2 * signal)))
    columns: dict[str, Any] = {"row": np.arange(rows), "user": user, "time": np.arange(rows), "label": label}
    columns["earlier"] = np.zeros(rows, dtype=np.int64)
    for model in ("pnn", "din"):
        for gate, noise in (NOISE | {"doubled": doubled}).items():
            name = f"{model}~{gate}" if gate else model
            for seed in range(seeds):
                spread = noise if model == "pnn" else 1.0
                logit = np.clip(2 * (signal + rng.normal(0, spread, rows)), -6, 6)
                columns[f"{name}@{seed}"] = (1 / (1 + np.exp(-logit))).astype(np.float32)
    table = pl.DataFrame(columns)
    results = score(table, replicates=200)
    for values in results["methods"].values():
        values |= {"parameters": 10, "train_seconds": 1.0, "predict_seconds": 0.1}
    return Comparison(results, table)


def rows_of(found: Comparison) -> dict[str, Any]:
    return {one["method"]: one for one in gate_rows(found, ["pnn", "din"], TABLE, PUBLISHED, 200)}


def test_differences_and_both_tests() -> None:
    found = comparison()
    rows = rows_of(found)
    label = found.predictions["label"].to_numpy()
    for name, one in rows.items():
        aucs = [roc_auc_score(label, found.predictions[f"{name}@{seed}"].to_numpy()) for seed in range(4)]
        assert one["seeds"]["auc"] == pytest.approx(aucs)
    assert set(rows["pnn~udg"]["against"]) == {BASE, *CONTROLS} and not rows["pnn"]["against"]
    assert set(rows["pnn~doubled"]["against"]) == {BASE}
    for reference, first in ((BASE, "pnn"), ("doubled", "pnn~doubled"), ("udg-shuffled", "pnn~udg-shuffled")):
        auc = rows["pnn~udg"]["against"][reference]["auc"]
        ours, theirs = rows["pnn~udg"]["seeds"]["auc"], rows[first]["seeds"]["auc"]
        assert auc["difference"] == pytest.approx(np.mean(ours) - np.mean(theirs)) and auc["low"] > 0
        assert auc["p_seeds"] == pytest.approx(stats.ttest_ind(ours, theirs, equal_var=False).pvalue, rel=1e-6)
    assert rows["pnn~udg"]["published_gain"] == pytest.approx(0.01)
    assert rows["pnn"]["published_gain"] is None and rows["din"]["published"] is None


def test_p_over_users_is_that_of_the_comparison() -> None:
    found = comparison()
    rows = rows_of(found)
    own = {(one["method"], one["metric"]): one for one in found.results["own_model_differences"]}
    assert len(own) == 16
    for (method, metric), one in own.items():
        ours = rows[method]["against"][BASE][metric]
        assert {key: ours[key] for key in ("difference", "p", "p_corrected")} == pytest.approx(
            {key: one[key] for key in ("difference", "p", "p_corrected")}
        )


def test_the_verdict_names_what_stands_above_every_control() -> None:
    rows = rows_of(comparison())
    assert survives(rows["pnn~udg"], "users") and survives(rows["pnn~udg"], "seeds")
    assert not survives(rows["din~udg"], "users")
    first, second, users, seeds = verdict(list(rows.values()))
    assert (
        first.startswith("PNN: AUC with UDG minus the base model +0.") and "over users: yes, over seeds: yes" in first
    )
    assert "doubled embedding" in first and "users shuffled" in first
    assert second.startswith("DIN: ") and "over users: no" in second
    assert users.endswith("of 2 models: PNN.") and seeds.endswith("of 2 models: PNN.")


def test_a_control_that_is_as_good_denies_the_gain() -> None:
    rows = rows_of(comparison(doubled=0.3))
    assert rows["pnn~udg"]["against"][BASE]["auc"]["p_corrected"] < 0.05
    assert not survives(rows["pnn~udg"], "users")
    assert "of 2 models: none." in verdict(list(rows.values()))[2]


def test_one_seed_allows_no_test_over_seeds() -> None:
    rows = list(rows_of(comparison(seeds=1)).values())
    assert "give --seeds 3 or more" in verdict(rows)[-1]
    assert not any(survives(one, "seeds") for one in rows if one["gate"] == "udg")
