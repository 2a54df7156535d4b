"""Importing clickwise is light, and its names are what they say."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import clickwise

HEAVY = ("torch", "polars", "matplotlib", "scipy", "sklearn", "lightning_fabric", "numpy")


def test_nothing_heavy_is_imported() -> None:
    code = f"import sys, clickwise; print(dir(clickwise) and [name for name in {HEAVY} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(Path(clickwise.__file__).parents[1])}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("name", clickwise.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(clickwise, name) is not None


def test_completion_offers_every_public_name() -> None:
    assert dir(clickwise) == sorted(set(clickwise.__all__))
    assert {"fit", "load", "AutoLoss", "models", "methods", "losses", "__version__"} <= set(dir(clickwise))


def test_a_namespace_offers_the_very_same_objects() -> None:
    assert clickwise.MetaSelector is clickwise.methods.MetaSelector
    assert clickwise.losses.LOSSES["focal"] is clickwise.losses.focal


def test_type_checkers_see_the_same_names() -> None:
    """They cannot follow names that are imported when first used, so these stand in the file twice."""
    source = Path(clickwise.__file__).read_text(encoding="utf-8")
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    places = {name.asname: f"{node.module}.{name.name}" for node in imports for name in node.names if name.asname}
    assert sorted(places) == sorted(clickwise.__all__)
    for name, place in places.items():
        if name not in ("__version__", "losses", "methods", "models"):
            assert place == f"clickwise.{clickwise._MODULES[name]}.{name}"


def test_names_that_are_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'DeepFN'"):
        clickwise.DeepFN  # noqa: B018
