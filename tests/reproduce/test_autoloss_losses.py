"""Ways to train one model: values and tests agree with scipy and scikit-learn, the verdict with what was planted."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats
from sklearn.metrics import log_loss, roc_auc_score

from clickwise.comparison import Comparison, score
from clickwise.reproduce.against import welch
from clickwise.reproduce.autoloss.losses import BEST_FIXED, HEADINGS, loss_cells, loss_rows, survives, verdict

PUBLISHED = {"fm": {"cross_entropy": {"auc": 0.8, "logloss": 0.5}, "focal": {"auc": 0.79, "logloss": 0.51}}}
TRAININGS = ("focal", "hinge", "cross_entropy", "autoloss")
NOISE = {"fm": 1.0, "fm+focal": 1.0, "fm+hinge": 3.0, "fm+autoloss": 0.1}


def comparison(seeds: int = 4, classes: int = 2) -> Comparison:
    """AutoLoss is far better than the others, hinge far worse; focal is cross-entropy with other noise."""
    rng, rows = np.random.default_rng(0), 3000
    user = rng.integers(0, 60, rows)
    score_of = rng.normal(size=rows)
    label = rng.binomial(classes - 1, 1 / (1 + np.exp(-2 * score_of)))
    columns: dict[str, Any] = {"row": np.arange(rows), "user": user, "time": np.arange(rows), "label": label}
    columns["earlier"] = np.zeros(rows, dtype=np.int64)
    for name, noise in NOISE.items():
        for seed in range(seeds):
            logit = np.clip(2 * (score_of + rng.normal(0, noise, rows)), -6, 6)
            if classes > 2:
                logits = np.linspace(-1, 1, classes) * logit[:, None]
                values = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
                columns[f"{name}@{seed}"] = pl.Series(values.astype(np.float32), dtype=pl.Array(pl.Float32, classes))
            else:
                columns[f"{name}@{seed}"] = (1 / (1 + np.exp(-logit))).astype(np.float32)
    table = pl.DataFrame(columns)
    results = score(table, replicates=300)
    for name, values in results["methods"].items():
        values["valid"] = {"auc": 0.9 if name == "fm+focal" else 0.8, "logloss": 0.5}
        values["train_seconds"] = 1.5
    return Comparison(results, table)


def rows_of(found: Comparison) -> dict[str, Any]:
    return {one["training"]: one for one in loss_rows(found, ["fm"], TRAININGS, PUBLISHED, 300)}


@pytest.mark.parametrize("classes", [2, 4])
def test_values_and_both_tests(classes: int) -> None:
    found = comparison(classes=classes)
    rows = rows_of(found)
    assert list(rows) == list(TRAININGS)
    label = found.predictions["label"].to_numpy()
    for training, one in rows.items():
        name = "fm" if training == "cross_entropy" else f"fm+{training}"
        columns = [found.predictions[f"{name}@{seed}"].to_numpy().astype(np.float64) for seed in range(4)]
        if classes > 2:
            columns = [p / p.sum(1, keepdims=True) for p in columns]  # in double precision, as scikit-learn asks
        aucs = [roc_auc_score(label, p, multi_class="ovr") if classes > 2 else roc_auc_score(label, p) for p in columns]
        assert one["seeds"]["auc"] == pytest.approx(aucs)
        assert one["seeds"]["logloss"] == pytest.approx([log_loss(label, p) for p in columns], rel=1e-3)
    against = rows["autoloss"]["against"]
    for reference, other in (("cross_entropy", "cross_entropy"), (BEST_FIXED, "focal")):
        auc = against[reference]["auc"]
        assert against[reference]["training"] == other
        gain = np.mean(rows["autoloss"]["seeds"]["auc"]) - np.mean(rows[other]["seeds"]["auc"])
        assert auc["difference"] == pytest.approx(gain) and gain > 0.05
        expected = stats.ttest_ind(
            rows["autoloss"]["seeds"]["auc"], rows[other]["seeds"]["auc"], equal_var=False
        ).pvalue
        assert auc["p_seeds"] == pytest.approx(expected, rel=1e-6)
        assert auc["p"] <= auc["p_corrected"] < 0.05 and survives(against[reference])
    assert rows["cross_entropy"]["against"].keys() == {BEST_FIXED}  # and not itself
    assert rows["focal"]["against"].keys() == {"cross_entropy"}
    assert not survives(rows["hinge"]["against"]["cross_entropy"])
    assert rows["focal"]["published_gain"] == pytest.approx(-0.01) and rows["hinge"]["published"] is None


def test_the_verdict_says_which_gains_survive() -> None:
    rows = list(rows_of(comparison()).values())
    first, second = verdict(rows)
    assert "FM: gains of AUC over cross-entropy" in first and "of 3 rows: FM + AutoLoss (+0." in first
    assert "focal, that survive both tests, of 3 rows: FM + AutoLoss (+0." in second
    assert "FM + Focal" not in first + second and len(verdict(rows, ["cross_entropy"])) == 1
    single = list(rows_of(comparison(seeds=1)).values())
    assert all(": none." in sentence for sentence in verdict(single)[:2])
    assert "give --seeds 3 or more" in verdict(single)[2]
    assert all(
        one["against"]["cross_entropy"]["auc"]["p_seeds"] is None for one in single if one["training"] == "focal"
    )


def test_a_cell_a_heading() -> None:
    cells = loss_cells(list(rows_of(comparison()).values()))
    assert {len(row) for row in cells} == {len(HEADINGS)}
    assert cells[0][:4] == ["FM + Focal", "0.7900", "0.5100", "-0.0100"] and cells[1][1:4] == ["-", "-", "-"]
    assert cells[2][6] == "-" and cells[0][7] == "-"
    assert cells[3][6].startswith("+0.") and "; p " in cells[3][6] and "*" in cells[3][6]


@pytest.mark.parametrize(
    ("first", "second"),
    [([0.1, 0.2, 0.4], [0.3, 0.35, 0.31]), ([1.0, 2.0], [1.5, 9.0, 4.0]), ([0.81, 0.82, 0.8], [0.81, 0.8101, 0.81])],
)
def test_welch_is_scipys(first: list[float], second: list[float]) -> None:
    assert welch(first, second) == pytest.approx(stats.ttest_ind(first, second, equal_var=False).pvalue)
    assert welch(second, first) == pytest.approx(welch(first, second))


def test_welch_without_anything_to_test() -> None:
    assert welch([0.5], [0.4]) is None and welch([0.5], [0.4, 0.3]) is None
    assert welch([0.5, 0.5], [0.4, 0.4]) is None and welch([0.1] * 3, [0.2] * 3) is None  # 0.1 * 3 / 3 is not 0.1
    assert 0 < welch([0.1, 0.1, 0.1], [0.1, 0.2, 0.3]) < 1  # type: ignore[operator]  # and no warning of scipy's


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows_of(comparison(seeds=1))
    assert not list(tmp_path.iterdir())
