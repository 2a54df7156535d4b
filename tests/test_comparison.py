"""From a table of predictions to values, intervals and differences."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from clickwise.comparison import best_model, compare, evaluate, methods_of, prediction_table, score
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.methods import GlobalRate, Supervised
from clickwise.metrics.summary import METRICS
from clickwise.models import FM, LR
from clickwise.prediction import predict
from clickwise.report.reading import verdict
from clickwise.training import fit
from tests.logs import make_logs


@pytest.fixture(scope="module")
def models(prepared: PreparedLog) -> dict[str, Any]:
    found = {"lr": LR(prepared.schema), "fm": FM(prepared.schema), "global-rate": GlobalRate(prepared.schema)}
    for model in found.values():
        fit(model, prepared.train, prepared.valid, epochs=2, device="cpu", progress=False)
    return found


def test_values_are_those_of_scikit_learn(models: dict[str, Any], prepared: PreparedLog) -> None:
    test = prepared.test
    found = compare(models, test, replicates=200).results
    for name, model in models.items():
        probability = predict(model, test).astype(np.float64)
        values = found["methods"][name]
        assert values["auc"]["mean"] == pytest.approx(roc_auc_score(test.label, probability), abs=1e-6)
        assert values["logloss"]["mean"] == pytest.approx(log_loss(test.label, probability), abs=1e-6)
        assert values["auc"]["low"] <= values["auc"]["mean"] <= values["auc"]["high"]
        alone = evaluate(model, test, replicates=200)
        assert alone == {key: values[key] for key in (*METRICS, "coverage", "cold_start")}
    truth = test.extras["true_probability"]
    assert found["methods"]["oracle"]["auc"]["mean"] == pytest.approx(roc_auc_score(test.label, truth), abs=1e-6)


def test_differences_are_taken_from_the_reference(models: dict[str, Any], prepared: PreparedLog) -> None:
    found = compare(models, prepared.test, reference="fm", replicates=100).results
    assert found["best_single"] == "fm"
    mean = {name: values["auc"]["mean"] for name, values in found["methods"].items()}
    for entry in found["differences"]:
        assert entry["reference"] == "fm" != entry["method"]
        assert entry["p_corrected"] >= entry["p"]
        if entry["metric"] == "auc":
            assert entry["difference"] == pytest.approx(mean[entry["method"]] - mean["fm"])
    assert {(e["method"], e["metric"]) for e in found["differences"]} == {
        (name, metric) for name in ("lr", "global-rate") for metric in ("auc", "logloss")
    }
    assert [found["methods"][name]["control"] for name in models] == [False, False, True]
    gap = mean["oracle"] - mean["fm"]
    assert found["methods"]["lr"]["gap_closed"] == pytest.approx((mean["lr"] - mean["fm"]) / gap)
    assert found["methods"]["lr"]["relaimpr"] == pytest.approx(((mean["lr"] - 0.5) / (mean["fm"] - 0.5) - 1) * 100)


def test_what_is_saved_is_whole_and_readable(models: dict[str, Any], prepared: PreparedLog, tmp_path: Path) -> None:
    comparison = compare(models, prepared.test, replicates=100)
    comparison.save(tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "predictions.parquet",
        "report.html",
        "results.json",
    ]
    assert json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8")) == comparison.results
    table = pl.read_parquet(tmp_path / "out" / "predictions.parquet")
    np.testing.assert_array_equal(table["lr@0"].to_numpy(), predict(models["lr"], prepared.test))
    assert score(table, replicates=100)["methods"] == comparison.results["methods"]


def test_the_table_names_users_and_seeds(prepared: PreparedLog) -> None:
    test = prepared.test
    one, other = np.zeros(len(test), np.float32), np.ones(len(test), np.float32)
    table = prediction_table(test, {"a": [one, other], "b": [one]}, [4, 7])
    assert [name for name in table.columns if "@" in name] == ["a@4", "a@7", "b@4"]
    assert test.users is not None and table["user"][0] == test.users[int(test.user[0])]
    assert {name: len(arrays) for name, arrays in methods_of(table).items()} == {"a": 2, "b": 1}


def test_several_classes() -> None:
    parts = make_logs(900, classes=3)
    model = Supervised(LR(parts.train.schema), batch_size=50)
    fit(model, parts.train, parts.valid, epochs=2, device="cpu", progress=False)
    comparison = compare({"lr": model, "fm": FM(parts.train.schema)}, parts.test, replicates=100)
    probability = predict(model, parts.test).astype(np.float64)
    expected = log_loss(parts.test.label, probability / probability.sum(1, keepdims=True))
    assert comparison.results["methods"]["lr"]["logloss"]["mean"] == pytest.approx(expected, abs=1e-5)
    assert "oracle" not in comparison.results["methods"]


def test_what_is_a_click_is_the_schemas_word() -> None:
    parts = make_logs(900, classes=3)
    schema = replace(parts.train.schema, click_from=2)
    test = replace(parts.test, schema=schema, user=np.arange(len(parts.test)), users=None)  # all have one class
    clicks, model = int((test.label == 2).sum()), LR(schema)
    found = compare({"lr": model}, test, replicates=10).results
    assert found["run"]["click_from"] == 2 and found["run"]["click_rate"] == clicks / len(test)
    for coverage in (found["methods"]["lr"]["coverage"], evaluate(model, test, replicates=10)["coverage"]):
        assert coverage["users_only_clicks"] == clicks
        assert coverage["users_without_clicks"] == len(test) - clicks


def test_the_best_single_model_is_no_control() -> None:
    assert best_model({"stacking": 0.9, "lr": 0.7, "fm": 0.8, "mine": 0.75}) == "fm"
    assert best_model({"stacking": 0.9, "global-rate": 0.5}) == "stacking"


def test_rows_of_one_class_cannot_be_compared(models: dict[str, Any], prepared: PreparedLog) -> None:
    clicks = prepared.test.take(np.flatnonzero(prepared.test.label == 1))
    with pytest.raises(InputError, match=f"all {len(clicks)} rows have the label 1"):
        compare(models, clicks)


def test_an_unknown_reference_names_the_nearest(models: dict[str, Any], prepared: PreparedLog) -> None:
    with pytest.raises(InputError, match="reference 'fn' is not among the methods; did you mean 'fm'"):
        compare(models, prepared.test, reference="fn", replicates=100)


def test_a_kept_score_of_ones_own_is_not_the_truth(models: dict[str, Any], prepared: PreparedLog) -> None:
    table = compare(models, prepared.test, replicates=100).predictions
    own = score(table.rename({"true_probability": "probability"}), replicates=100)
    assert "oracle" in score(table, replicates=100)["methods"] and "oracle" not in own["methods"]


def scores(users: int, methods: int, rows: int = 600) -> pl.DataFrame:
    """One method that is nearly an oracle, among others that toss coins."""
    rng = np.random.default_rng(0)
    label = rng.integers(2, size=rows)
    good = np.clip(label * 0.6 + 0.4 * rng.random(rows), 0.01, 0.99)
    others = {f"model{i}@0": rng.random(rows) for i in range(methods - 1)}
    return pl.DataFrame({"user": np.arange(rows) % users, "label": label, "earlier": 0, "good@0": good, **others})


def test_many_methods_leave_a_difference_a_chance() -> None:
    found = score(scores(100, 40), replicates=50)
    assert found["replicates"] > 1000
    assert all(one["p_corrected"] < 0.05 for one in found["differences"])
    assert score(scores(100, 2), replicates=1000)["replicates"] == 1000


def test_one_user_says_nothing_of_others_and_few_say_little() -> None:
    alone, few, many = (score(scores(users, 2), replicates=100) for users in (1, 5, 100))
    assert all((one["low"], one["p"], one["p_corrected"]) == (None, None, None) for one in alone["differences"])
    assert alone["methods"]["good"]["auc"]["mean"] > 0.9 and alone["methods"]["good"]["auc"]["low"] is None
    assert "too few" not in verdict(many | {"run": {}})
    assert verdict(few | {"run": {}}).endswith(
        "The test rows are of 5 users: too few for intervals and p-values to speak of others."
    )
    assert "was not tested" in verdict(alone | {"run": {}}) and "are of one user" in verdict(alone | {"run": {}})
