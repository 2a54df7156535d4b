"""The comparison that the main job writes, on a planted truth."""

import json

import numpy as np
import pytest

from clickwise.errors import InputError
from clickwise.metrics import bootstrap, grouped, pointwise, summary
from clickwise.metrics.bootstrap import bootstrap_metrics
from clickwise.metrics.significance import percentile_interval

Log = tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, list[np.ndarray]]]


@pytest.fixture(scope="module")
def log() -> Log:
    """label, user, truth, predictions: 3 seeds each of a good and a bad view of the truth, 1 of a constant."""
    generator = np.random.default_rng(0)
    user = generator.integers(100, size=3000)
    logit = generator.normal(size=3000) + generator.normal(size=100)[user]
    truth = 1 / (1 + np.exp(-logit))

    def view(noise: float) -> np.ndarray:
        return (1 / (1 + np.exp(-logit - noise * generator.normal(size=3000)))).astype(np.float32)

    label = (generator.uniform(size=3000) < truth).astype(np.int32)
    predictions = {"good": [view(0.2) for _ in range(3)], "bad": [view(1.5) for _ in range(3)]}
    return label, user, truth, {**predictions, "rate": [np.full(3000, label.mean())]}


def test_means_are_over_seeds_and_intervals_hold_them(log: Log) -> None:
    label, user, truth, predictions = log
    found = summary.summarise(label, user, predictions, truth=truth, replicates=100)
    assert list(found) == ["good", "bad", "rate", "oracle"]
    for method, seeds in predictions.items():
        for metric in ("auc", "logloss", "rig", "rmse", "ece", "pcoc"):
            expected = np.mean([getattr(pointwise, metric)(label, p) for p in seeds])
            assert found[method][metric]["mean"] == pytest.approx(expected)
        gauc = np.mean([grouped.gauc(grouped.user_table(label, p, user)).value for p in seeds])
        assert found[method]["gauc"]["mean"] == pytest.approx(gauc)
    for metric in ("auc", "gauc", "logloss", "rig", "rmse", "pcoc"):
        value = found["good"][metric]
        assert value["low"] < value["mean"] < value["high"]
    assert found["oracle"]["logloss"]["mean"] < found["good"]["logloss"]["mean"] < found["bad"]["logloss"]["mean"]
    assert found["good"]["ece"]["low"] is not None
    assert (found["rate"]["ece"]["low"], found["rate"]["seeds"], found["good"]["seeds"]) == (None, 1, 3)


def test_one_seed_has_the_plain_user_bootstrap(log: Log) -> None:
    label, user, truth, _ = log
    found = summary.summarise(label, user, {"m": [truth]}, replicates=50, seed=3)["m"]
    drawn = bootstrap_metrics(label, {"m": truth}, user, ("auc",), 50, 3)["m"]["auc"]
    assert (found["auc"]["low"], found["auc"]["high"]) == pytest.approx(percentile_interval(drawn))


def test_users_won_coverage_and_cold_start(log: Log) -> None:
    label, user, truth, predictions = log
    earlier = np.arange(3000) // 100
    found = summary.summarise(label, user, predictions, earlier, truth, replicates=20)
    assert sum(found[m]["users_won"] for m in predictions) == pytest.approx(1.0)
    assert found["good"]["users_won"] > found["bad"]["users_won"]
    assert found["oracle"]["users_won"] is None
    table = grouped.user_table(label, truth, user)
    assert found["bad"]["coverage"]["impressions"] == grouped.gauc(table).coverage
    curve = found["good"]["cold_start"]
    assert [(b["from"], b["to"], b["rows"]) for b in curve[:4]] == [(0, 0, 100), (1, 1, 100), (2, 2, 100), (3, 5, 300)]
    assert curve[-1] == {"from": 101, "to": None, "rows": 0, "auc": None}
    first = np.mean([pointwise.auc(label[:100], p[:100]) for p in predictions["good"]])
    assert curve[0]["auc"] == pytest.approx(first)


def test_differences_are_signed_paired_and_corrected(log: Log) -> None:
    label, user, _, predictions = log
    found = summary.differences(label, user, predictions, "good", replicates=200)
    assert [(row["method"], row["metric"]) for row in found] == [
        ("bad", "auc"),
        ("rate", "auc"),
        ("bad", "logloss"),
        ("rate", "logloss"),
    ]
    for row in found:
        seeds = predictions[row["method"]], predictions["good"]
        means = [np.mean([getattr(pointwise, row["metric"])(label, p) for p in part]) for part in seeds]
        assert row["difference"] == pytest.approx(means[0] - means[1])
        assert row["low"] < row["difference"] < row["high"]
        assert (row["difference"] < 0) == (row["metric"] == "auc")
        assert row["reference"] == "good"
        assert row["p"] == pytest.approx(2 / 201) and row["p_corrected"] == pytest.approx(4 / 201)


def test_a_copy_of_the_reference_differs_by_nothing(log: Log) -> None:
    label, user, _, predictions = log
    copies = {"a": predictions["good"], "b": predictions["good"]}
    for row in summary.differences(label, user, copies, "a", replicates=50):
        assert (row["difference"], row["low"], row["high"], row["p"]) == (0.0, 0.0, 0.0, 1.0)


def test_shared_replicates_give_the_same_results(log: Log) -> None:
    label, user, truth, predictions = log
    shared = summary.replicate(label, user, predictions, truth, replicates=40, seed=9)
    direct = summary.summarise(label, user, predictions, None, truth, replicates=40, seed=9)
    assert summary.summarise(label, user, predictions, None, truth, shared) == direct
    found = summary.differences(label, user, predictions, "good", shared)
    expected = summary.differences(label, user, predictions, "good", 40, 9)
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other)


def test_rows_are_ranked_once_for_all_results(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    label, user, truth, predictions = log
    expected = summary.summarise(label, user, predictions, None, truth, 40, 9)
    ranked: list[int] = []
    for module, name in ((summary, "user_table"), (bootstrap, "user_table"), (pointwise, "roc_auc_score")):
        whole = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, whole=whole: (ranked.append(1), whole(*given))[1])
    shared = summary.replicate(label, user, predictions, truth, 40, 9)
    assert len(ranked) == 2 * (1 + sum(map(len, predictions.values())))  # each prediction by user, and as a whole
    assert summary.summarise(label, user, predictions, None, truth, shared) == expected
    for reference in predictions:
        summary.differences(label, user, predictions, reference, shared)
    assert len(ranked) == 2 * (1 + sum(map(len, predictions.values())))


def test_undefined_values_are_none_and_json_strict() -> None:
    label, user, probability = np.zeros(4, dtype=int), np.array([1, 1, 2, 2]), np.full(4, 0.25)
    predictions = {"a": [probability], "b": [probability / 2]}
    found = summary.summarise(label, user, predictions, np.zeros(4, dtype=int), replicates=10)
    rows = summary.differences(label, user, predictions, "a", replicates=10)
    json.dumps([found, rows], allow_nan=False)
    assert found["a"]["auc"] == {"mean": None, "low": None, "high": None}
    assert found["a"]["logloss"]["mean"] == pytest.approx(-np.log(0.75))
    assert [row["p"] for row in rows[:1]] == [None]
    assert rows[1]["p_corrected"] == rows[1]["p"]


def test_multi_class_summary() -> None:
    generator = np.random.default_rng(1)
    label, user = generator.integers(5, size=400), generator.integers(30, size=400)
    seeds = [generator.dirichlet(np.ones(5) + 4 * np.eye(5)[c]) for c in label]
    predictions = {"seen": [np.array(seeds)], "blind": [generator.dirichlet(np.ones(5), size=400)]}
    found = summary.summarise(label, user, predictions, replicates=30)
    assert found["seen"]["auc"]["low"] > found["blind"]["auc"]["high"]
    rows = summary.differences(label, user, predictions, "seen", replicates=199)
    assert all(row["p"] == pytest.approx(2 / 200) for row in rows)


def test_bad_input_is_named(log: Log) -> None:
    label, user, truth, predictions = log
    with pytest.raises(InputError, match="did you mean 'good'"):
        summary.differences(label, user, predictions, "god")
    with pytest.raises(InputError, match="'empty' has none"):
        summary.summarise(label, user, {"empty": []})
    with pytest.raises(InputError, match="at least one method"):
        summary.summarise(label, user, {})
    with pytest.raises(InputError, match="named 'oracle'"):
        summary.summarise(label, user, {"oracle": [truth]}, truth=truth)
    shared = summary.replicate(label, user, {"good": predictions["good"]}, replicates=5)
    with pytest.raises(InputError, match="replicates: none of method 'bad'"):
        summary.summarise(label, user, predictions, replicates=shared)
