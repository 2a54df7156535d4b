"""The factorial design against least squares, and the table of all combinations on a small log."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from clickwise.methods.catalogue import entry
from clickwise.reproduce.combinations.effects import effects, sentences
from clickwise.reproduce.combinations.paper import PARTS, all_combinations, name_of, names_of
from tests.commands import refused
from tests.docs.pages import ROOT, blocks, commands, run_command

PAGE = ROOT / "docs" / "combining.md"


def test_effects_are_those_of_least_squares_with_centred_factors() -> None:
    """In a full two-level design with factors -1/2 and 1/2, regression coefficients are effects and interactions."""
    parts = ["a", "b", "c", "d"]
    subsets = [frozenset(s) for n in range(5) for s in combinations(parts, n)]
    rng = np.random.default_rng(0)
    drawn = {subset: rng.normal(size=200) for subset in subsets}
    observed = {subset: float(rng.normal()) for subset in subsets}
    found = effects(parts, drawn.__getitem__, observed.__getitem__)
    centred = np.array([[(part in subset) - 0.5 for part in parts] for subset in subsets])
    pairs = list(combinations(range(4), 2))
    design = np.column_stack([np.ones(16), centred, *(centred[:, i] * centred[:, j] for i, j in pairs)])
    expected = np.linalg.lstsq(design, np.array([observed[s] for s in subsets]), rcond=None)[0][1:]
    np.testing.assert_allclose([one["difference"] for one in found], expected, atol=1e-12)
    replicates = np.linalg.lstsq(design, np.stack([drawn[s] for s in subsets]), rcond=None)[0][1:]
    np.testing.assert_allclose([one["low"] for one in found], np.percentile(replicates, 2.5, axis=1), atol=1e-6)
    assert [one["parts"] for one in found] == [[p] for p in parts] + [[parts[i], parts[j]] for i, j in pairs]


def test_parts_that_only_add_have_no_interaction_and_those_that_cancel_do() -> None:
    gain = {"a": 0.1, "b": 0.2}
    noise = np.random.default_rng(1).normal(scale=1e-3, size=500)

    def value(subset: frozenset[str], together: float) -> float:
        return sum(gain[part] for part in subset) + together * (len(subset) == 2)

    for together, words in ((0.0, "add up"), (-0.1, "take from each other"), (0.1, "reinforce each other")):
        found = effects(
            ["a", "b"],
            lambda s, t=together: value(s, t) + noise * (1 + len(s) * ("a" in s)),  # type: ignore[misc]
            lambda s, t=together: value(s, t),  # type: ignore[misc]
        )
        said = sentences(found, {"a": "A", "b": "B"}, "AUC")
        assert said[0].startswith("A, averaged over what it is combined with, adds: AUC +0.") and words in said[2]


def test_every_combination_has_a_name_that_stands_for_a_method() -> None:
    names = [name_of("din", parts) for parts in all_combinations()]
    assert len(set(names)) == 16 and names[0] == "din"
    assert names[-1] == "metaselector(lr,fm,din~udg+autoloss+recurrent-meta)"
    for name in names_of("din"):
        entry(name)
    assert {*names} < {*names_of("din")}


def test_the_command_of_the_page_writes_all_sixteen_and_their_controls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    shell = (block.text for block in blocks(PAGE) if block.language == "shell")
    run_command(next(one for text in shell for one, _ in commands(text, "shell") if "--models din" in one))
    out = tmp_path / "runs" / "combinations"
    found = json.loads((out / "table.json").read_text(encoding="utf-8"))
    assert [tuple(row["parts"]) for row in found["rows"]] == [
        tuple(part for part in PARTS if part in parts) for parts in all_combinations()
    ]
    assert found["rows"][0]["against"] == {} and all(row["against"] for row in found["rows"][1:])
    assert len(found["effects"]) == 10 and len(found["controls"]) == 2 * (2 + 1 + 8)
    assert found["run"]["split"] == "chronological"
    assert "| UDG | AutoLoss | RecurrentMeta | MetaSelector |" in (out / "table.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--version: no paper has all four together"),
        (["--version", "tuned", "--models", "lr"], "'lr' is no model with an MLP"),
        (["--version", "tuned", "--models", "din,pnn"], "name one of din, pnn"),
        (["--version", "tuned", "--trials", "2"], "--trials: is for the paper autoloss"),
        (["--version", "tuned", "--set", "pnn.dropout=0.1"], "--set pnn.…: the method is not among the rows"),
    ],
)
def test_options_that_it_does_not_take(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in refused(capsys, "reproduce", "combinations", "table", *words)
