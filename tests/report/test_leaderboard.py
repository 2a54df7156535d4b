"""The leaderboard on terminals of several widths."""

import io
from typing import Any

import pytest
from rich.console import Console

from clickwise.report.leaderboard import leaderboard_columns, print_leaderboard
from clickwise.report.reading import ranked, verdict


def printed(results: dict[str, Any], width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_leaderboard(results, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_every_number_is_there_at_every_width(results: dict[str, Any], width: int) -> None:
    text = printed(results, width)
    assert max(len(line) for line in text.splitlines()) <= width
    for number in ("0.8172 [0.8152, 0.8192]", "0.5028 [0.4998, 0.5058]", "0.7672", "0.0123", "1.021", "19.9 %"):
        assert number in text
    for number in ("+0.0041 p < 0.001 ***", "+0.0025 p = 0.210", "+1.31 %", "14.0 %", "90.0 s", "700 MiB"):
        assert number in text
    assert "reference" in text
    assert "..." not in text and "…" not in text


def test_wide_terminals_get_one_table(results: dict[str, Any]) -> None:
    assert printed(results, 200).count("Method") == 1
    assert printed(results, 80).count("Method") > 1


def test_controls_and_oracle_are_marked_in_words(results: dict[str, Any]) -> None:
    text = printed(results, 100)
    assert "Global stacking (control)" in text
    assert "Oracle (upper bound)" in text


def test_the_verdict_is_printed(results: dict[str, Any]) -> None:
    assert verdict(results) in printed(results, 2000)


def test_titles_are_no_markup_and_long_ones_fold(results: dict[str, Any]) -> None:
    results["methods"]["fm"]["title"] = "[bold]FM[/bold]"
    results["methods"]["lr"]["title"] = "L" * 70
    text = printed(results, 80)
    assert "[bold]FM[/bold]" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_missing_values(results: dict[str, Any]) -> None:
    for method in results["methods"].values():
        for name in ("auc", "gauc", "logloss", "ece", "pcoc"):
            method[name] = {"mean": None, "low": None, "high": None}
        for name in ("relaimpr", "gap_closed", "users_won", "train_seconds", "peak_memory_bytes"):
            method[name] = None
    results["differences"] = []
    text = printed(results, 80)
    assert "No verdict" in text
    assert "None" not in text
    assert "Gap closed" not in text


def test_models_on_other_losses_are_held_against_the_same_model(results: dict[str, Any]) -> None:
    assert "same model" not in printed(results, 200)
    against = {"method": "metaselector", "reference": "fm", "difference": 0.0123, "low": 0.01, "high": 0.02}
    results["own_model_differences"] = [
        {**against, "metric": "logloss", "difference": -0.5, "p": 0.1, "p_corrected": 0.1},
        {**against, "metric": "auc", "p": 0.002, "p_corrected": 0.004},
    ]
    columns = dict(leaderboard_columns(results))
    assert list(columns).index("AUC vs same model") == 2
    cells = dict(zip(ranked(results), columns["AUC vs same model"], strict=True))
    assert cells.pop("metaselector") == "+0.0123 p = 0.004 **" and set(cells.values()) == {"-"}
    for width in (60, 200):
        text = printed(results, width)
        assert "+0.0123 p = 0.004 **" in text
    assert "against the same model without its gate or other loss" in printed(results, 200)
    results["own_model_differences"] = []
    assert "AUC vs same model" not in dict(leaderboard_columns(results))
