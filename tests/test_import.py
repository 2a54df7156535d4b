"""Importing clickwise is light, and its names are what they say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import clickwise

HEAVY = ("torch", "polars", "matplotlib", "scipy", "sklearn", "lightning_fabric", "numpy")


def test_nothing_heavy_is_imported() -> None:
    code = f"import sys, clickwise; print([name for name in {HEAVY} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(Path(clickwise.__file__).parents[1])}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("name", clickwise.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(clickwise, name) is not None


def test_names_that_are_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'DeepFN'"):
        clickwise.DeepFN  # noqa: B018
