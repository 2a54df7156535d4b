"""What tests share."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from clickwise.data.prepare import prepare
from clickwise.data.storage import PreparedLog
from clickwise.data.tables import from_frame
from clickwise.schema import Schema
from tests.logs import FIELDS

# Logs are so small that threads only wait for each other, on a busy machine for long.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with the official files of public data sets; tests that need it are skipped where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no public data sets at {folder}")
    return folder


@pytest.fixture(scope="session")
def raw_frame() -> pl.DataFrame:
    """A raw table of 1,500 impressions with the columns of the mixed schema and the true click probability."""
    rng, rows = np.random.default_rng(0), 1500
    user, item = rng.integers(0, 25, rows), rng.integers(0, 12, rows)
    probability = 1 / (1 + np.exp(-(np.linspace(-2, 2, 25)[user] + np.linspace(-2, 2, 12)[item])))
    tags = np.array(["", "a", "b|a", "c|b|a", "d"])
    return pl.DataFrame(
        {
            "user": [f"u{code}" for code in user],
            "item": item,
            "tags": tags[rng.integers(0, 5, rows)],
            "age": rng.normal(40, 10, rows),
            "time": rng.integers(0, 500, rows) * 3600,
            "label": (rng.random(rows) < probability).astype(np.int64),
            "true_probability": probability,
        }
    )


@pytest.fixture(scope="session")
def prepared(raw_frame: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> PreparedLog:
    """The raw table as an encoded log on disk."""
    schema = Schema(FIELDS, user="user", time="time", item="item", keep=("true_probability",))
    return prepare(from_frame(raw_frame, "raw"), schema, "chronological", tmp_path_factory.mktemp("log") / "prepared")
