"""Histories longer than their field: models see the most recent behaviours and no others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from clickwise.data.log import ClickLog
from clickwise.data.prepare import prepare
from clickwise.data.tables import from_frame
from clickwise.models import DIEN, DIN, Model
from clickwise.schema import Schema
from tests.logs import FIELDS, first_batch
from tests.models.by_row import randomised


def with_histories_of(length: int, frame: pl.DataFrame, folder: Path) -> ClickLog:
    fields = tuple(replace(f, length=length) if f.name == "clicked" else f for f in FIELDS)
    schema = Schema(fields, user="user", time="time", item="item")
    return prepare(from_frame(frame, "raw"), schema, "chronological", folder / str(length)).train


@pytest.mark.parametrize("kind", [DIN, DIEN])
def test_the_most_recent_are_kept(kind: type[Model], raw_frame: pl.DataFrame, tmp_path: Path) -> None:
    short, long = (with_histories_of(length, raw_frame, tmp_path) for length in (3, 9))
    slots = long.schema.slots("clicked")
    ids, cut = long.ids.copy(), 0
    for row in ids[:, slots]:
        recent = row[row > 0][-3:]
        cut += int((row > 0).sum() > 3)
        row[:] = 0
        row[: len(recent)] = recent
    assert cut > 100
    model, of_long = (randomised(kind(log.schema, hidden_dims=(8,))) for log in (short, long))
    expected = of_long(first_batch(replace(long, ids=ids), 400))
    torch.testing.assert_close(model(first_batch(short, 400)), expected, atol=1e-5, rtol=1e-5)
    assert np.abs((of_long(first_batch(long, 400)) - expected).detach().numpy()).max() > 1e-3
