"""What the tests of the report share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.report.made_up import made_up_results, write_to


@pytest.fixture
def results() -> dict[str, Any]:
    """Results of seven methods, of which MetaSelector is best and DeepFM the best single model."""
    return made_up_results()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, Any]], tuple[Path, Path, Path]]:
    """Write results and fitting predictions; gives the paths of both and of the report to come."""
    return lambda results: write_to(tmp_path, results)
