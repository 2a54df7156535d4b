"""The site names what there is: nothing left out, nothing that no longer exists."""

import importlib.util
import inspect
import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from clickwise.cli import COMMANDS
from clickwise.data.sources import SOURCES
from clickwise.data.splits import SPLITS
from clickwise.data.storage import PreparedLog
from clickwise.experiment import run_comparison
from clickwise.methods.entries import GROUPS, METHODS
from clickwise.methods.supervised import OPTIMIZERS
from clickwise.methods.trainings import TRAININGS
from clickwise.runs import Plan
from clickwise.schema import NUMBER_TRANSFORMS, TIME_TRANSFORMS, Field, Schema
from tests.docs.pages import ROOT, blocks, pages

DOCS = ROOT / "docs"


def named(page: str) -> set[str]:
    """Whatever stands in single backticks on a page."""
    return set(re.findall(r"`([^`\n]+)`", (DOCS / page).read_text(encoding="utf-8")))


def test_every_split_states_its_fractions_and_what_it_leaks() -> None:
    text = (DOCS / "splits.md").read_text(encoding="utf-8")
    for split in SPLITS.values():
        shares = ", ".join(f"{100 * share:.0f} %" for share in split.fractions)
        assert f"| `{split.name}` | {shares} | {split.leaks} |" in text
    assert len(re.findall(r"^\| `[a-z]", text, flags=re.MULTILINE)) == len(SPLITS)


def test_every_key_of_the_schema_is_explained() -> None:
    keys = {field.name for field in (*fields(Schema), *fields(Field))}
    assert keys | {*NUMBER_TRANSFORMS, *TIME_TRANSFORMS} <= named("schema.md")


def test_every_method_and_source_is_named() -> None:
    assert {*METHODS, *GROUPS} <= named("models.md")
    assert set(OPTIMIZERS) <= named("training.md")
    assert set(SOURCES) - {"synthetic"} <= named("data-sets.md")


def test_every_training_of_a_model_is_named() -> None:
    assert set(TRAININGS) <= named("autoloss.md") | named("losses.md")


def test_every_option_that_a_page_gives_exists() -> None:
    known = {"--help", "--version", "--config"}
    for command in COMMANDS.values():
        known |= {f"--{name.replace('_', '-')}" for name in inspect.signature(command).parameters}
    for page in pages():
        lines = [
            line for block in blocks(page) if block.runnable and not block.title for line in block.text.splitlines()
        ]
        text = "\n".join([*lines, page.read_text(encoding="utf-8").replace("```", "")])
        given = {
            word for line in re.findall(r"clickwise [a-z]+ [^`\n]*", text) for word in re.findall(r"--[a-z-]+", line)
        }
        assert given <= known, page.name


def test_every_field_of_results_is_explained(prepared: PreparedLog, tmp_path: Path) -> None:
    plan = Plan(["global-rate", "lr", "fm"], seeds=2, epochs=1, replicates=100, device="cpu")
    run_comparison(prepared, plan, tmp_path / "out", progress=False)
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    keys = set(results) | set(results["run"]) | set(results["differences"][0]) | set(results["run"]["rows"])
    for values in results["methods"].values():
        keys |= _keys(values)
    assert keys <= named("comparing.md")


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for item in value.values() for key in _keys(item)}
    return {key for item in value for key in _keys(item)} if isinstance(value, list) else set()


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r"[\w/-]+\.md", json.dumps(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    assert sorted(listed) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


@pytest.mark.skipif(importlib.util.find_spec("mkdocstrings") is None, reason="the extra 'docs' is not installed")
def test_the_site_builds(tmp_path: Path) -> None:
    # Not --quiet, which keeps warnings from --strict too.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site" / "reference.html").read_text(encoding="utf-8")
    assert "Raises" in page and "checkpoint_seconds" in page
