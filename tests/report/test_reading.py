"""The verdict says what the numbers say, and no more."""

from typing import Any

import pytest

from clickwise.report.reading import ranked, title, verdict

Results = dict[str, Any]


def set_p(results: Results, method: str, p: float | None, metric: str = "auc") -> None:
    for entry in results["differences"]:
        if (entry["method"], entry["metric"]) == (method, metric):
            entry["p_corrected"] = p


def keep(results: Results, *names: str) -> None:
    results["methods"] = {name: results["methods"][name] for name in names}
    results["differences"] = [entry for entry in results["differences"] if entry["method"] in names]


def test_order_and_marks(results: Results) -> None:
    results["methods"]["lr"]["auc"]["mean"] = None
    assert ranked(results)[:2] == ["oracle", "metaselector"]
    assert ranked(results)[-1] == "lr"
    assert title(results, "oracle") == "Oracle (upper bound)"
    assert title(results, "stacking") == "Global stacking (control)"
    assert title(results, "fm") == "FM"


def test_better_and_larger_than_chance(results: Results) -> None:
    text = verdict(results)
    assert text.startswith(
        "MetaSelector (AUC 0.8172) is best: 0.0041 [0.0026, 0.0056] above the best single model, DeepFM (0.8131), "
        "which is larger than chance (corrected p < 0.001)."
    )
    assert "Its LogLoss is 0.0041 lower, which is better" in text
    assert "closes 14 % of the gap" in text


def test_better_auc_with_worse_logloss_is_told(results: Results) -> None:
    for entry in results["differences"]:
        if entry["metric"] == "logloss":
            entry["difference"] = abs(entry["difference"])
    assert "Its LogLoss is 0.0041 higher, which is worse (corrected p < 0.001)." in verdict(results)


def test_no_larger_than_chance(results: Results) -> None:
    set_p(results, "metaselector", 0.05)
    text = verdict(results)
    assert text.startswith("No method is shown to be better than the best single model, DeepFM (0.8131)")
    assert "no larger than chance would give (corrected p = 0.050)" in text
    assert "is best" not in text
    assert "gap" not in text


def test_a_smaller_lead_that_is_shown_is_told(results: Results) -> None:
    set_p(results, "metaselector", 0.3)
    set_p(results, "stacking", 0.02)
    text = verdict(results)
    assert text.startswith("MetaSelector (AUC 0.8172) is highest, but its lead of 0.0041")
    assert "the lead of Global stacking (control), 0.0025, is larger (corrected p = 0.020)" in text


def test_a_control_that_leads_is_called_one(results: Results) -> None:
    results["methods"]["stacking"]["auc"]["mean"] = 0.82
    set_p(results, "stacking", 0.001)
    set_p(results, "metaselector", 0.2)
    text = verdict(results)
    assert text.startswith("Global stacking (control) (AUC 0.8200) is best")
    assert "The highest is a control; the best method that is none, MetaSelector, stands +0.0041" in text
    assert "no larger than chance would give (corrected p = 0.200)" in text


def test_a_control_alone_above_the_best_single_model(results: Results) -> None:
    keep(results, "lr", "deepfm", "stacking")
    assert "no method of another kind is above the best single model" in verdict(results)


@pytest.mark.parametrize(("p", "words"), [(0.001, "more than chance would give"), (0.4, "no larger than chance")])
def test_the_best_single_model_leads(results: Results, p: float, words: str) -> None:
    keep(results, "lr", "fm", "deepfm", "oracle")
    set_p(results, "fm", p)
    text = verdict(results)
    assert text.startswith("DeepFM (AUC 0.8131), the best single model, is best")
    assert "0.0079" in text
    assert words in text


@pytest.mark.parametrize("difference", [0.0, -0.00004])
def test_what_equals_the_best_single_model_has_no_lead_of_nothing(results: Results, difference: float) -> None:
    keep(results, "lr", "fm", "deepfm", "stacking")
    set_p(results, "stacking", 1.0)
    next(entry for entry in results["differences"] if entry["method"] == "stacking")["difference"] = difference
    highest = verdict(results)
    assert "stacking (control) (AUC 0.8156), which is highest, equals it to four decimals." in highest
    results["methods"]["stacking"]["auc"]["mean"] = 0.8131 + difference
    results["methods"]["deepfm"]["auc"]["mean"] = 0.81315
    leads = verdict(results)
    assert leads.endswith("nothing else is above it; Global stacking (control) equals it to four decimals.")
    assert "0.0000" not in highest + leads


def test_without_anything_to_compare(results: Results) -> None:
    keep(results, "deepfm")
    assert verdict(results).endswith("and nothing else was compared.")
    results["best_single"] = None
    assert "no single model was trained" in verdict(results)
    results["methods"]["deepfm"]["auc"]["mean"] = None
    assert verdict(results) == "No verdict: no method has an AUC on the test rows."


@pytest.mark.parametrize("untested", ["missing", "no p-value"])
def test_untested_differences_are_never_called_chance(results: Results, untested: str) -> None:
    if untested == "missing":
        results["differences"] = []
    else:
        for entry in results["differences"]:
            entry["p_corrected"] = None
    text = verdict(results)
    assert "was not tested" in text
    assert "chance" not in text


def test_methods_that_were_stopped_while_they_improved(results: dict[str, Any]) -> None:
    assert "Still improving" not in verdict(results)
    results["methods"]["deepfm"]["epochs"] = [4, 10, 3]
    results["methods"]["global-rate"]["epochs"] = []
    ends = "compare them with more --epochs before you judge them."
    assert verdict(results).endswith(f"Still improving at the last of 10 epochs: DeepFM; {ends}")
    for method in results["methods"].values():
        method["epochs"] = [1]
    results["run"]["options"]["epochs"] = 1
    assert f"and {len(results['methods']) - 3} more; {ends}" in verdict(results)
    assert "Still improving at the only epoch: " in verdict(results)
