"""The benchmark of sequence models: the table, ratios, and every contestant on a small one."""

import importlib
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.contestants.sequences import BATCH_SIZE, MODELS, MODULES
from benchmarks.contestants.sequences_ours import encoded, schema_of
from benchmarks.sequence_contestant import ProcessorClock, run
from benchmarks.sequence_table import CATEGORIES, HISTORIES, SIZES, SequenceTable, draw_table
from benchmarks.sequences import HEADER, RATES, WITHOUT, row, summarise
from clickwise.schema import PADDING

LENGTH = 6


@pytest.fixture(scope="module")
def table() -> SequenceTable:
    return draw_table(4 * BATCH_SIZE, 500, LENGTH, full=False)


def test_the_table_holds_histories_of_every_length_in_front(table: SequenceTable) -> None:
    before = table.train["items_before"]
    behaviours = (before > 0).sum(axis=1)
    assert ((before > 0) == (np.arange(LENGTH) < behaviours[:, None])).all()
    assert np.bincount(behaviours, minlength=LENGTH + 1)[1:].min() > 0.9 * len(before) / LENGTH
    assert (behaviours > 0).all()
    assert ((table.train["categories_before"] > 0) == (before > 0)).all()
    for name, size in SIZES.items():
        assert table.train[name].min() >= 1
        assert table.train[name].max() <= size
    assert (table.train["category"] == (table.train["item"] - 1) % CATEGORIES + 1).all()


def test_full_histories_leave_no_slot_empty() -> None:
    assert (draw_table(50, 10, LENGTH, full=True).train["items_before"] > 0).all()


def test_a_candidate_of_the_category_in_the_history_is_clicked_more_often(table: SequenceTable) -> None:
    known = (table.train["categories_before"] == table.train["category"][:, None]).sum(axis=1)
    assert table.train_label[known >= 2].mean() > table.train_label[known == 0].mean() + 0.1


def test_ids_of_a_history_are_those_of_what_it_collects(table: SequenceTable) -> None:
    schema = schema_of(LENGTH)
    ids = encoded(schema, table.train)
    assert schema.size == 1 + sum(size + 2 for size in SIZES.values())
    for name, of in HISTORIES.items():
        slots = ids[:, schema.slots(name)]
        assert ((slots == PADDING) == (table.train[name] == 0)).all()
        same = table.train[name] == table.train[of][:, None]
        assert ((slots == ids[:, schema.slots(of)]) == same).all()


def test_a_ratio_is_to_the_fastest_peer_of_its_round() -> None:
    def found(rate: float) -> dict[str, Any]:
        return {**dict.fromkeys(RATES, rate), "auc": None}

    rounds = [
        {"clickwise": found(30.0), "fuxictr": found(10.0), "deepctr-torch": found(15.0)},
        {"clickwise": found(80.0), "fuxictr": found(20.0), "deepctr-torch": found(10.0)},
    ]
    summary = summarise(rounds, list(rounds[0]))
    assert summary["clickwise"]["train_rows_per_second_ratio"] == pytest.approx((2.0 + 4.0) / 2)
    assert summary["fuxictr"]["score_rows_per_processor_second"] == pytest.approx(15.0)
    assert len(row("din", "clickwise", summary["clickwise"])) == len(HEADER)
    failed = summarise([{"fuxictr": {"error": "no such module"}}], ["fuxictr"])
    assert "no such module" in " ".join(row("din", "fuxictr", failed["fuxictr"]))


def test_the_clock_counts_the_processor_and_not_waiting() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    with ProcessorClock(warm_up=0, limit=60.0) as clock:
        for _ in range(3):
            weight.grad = torch.ones(2)
            optimizer.step()
            time.sleep(0.05)
    assert clock.rows_per_second(10) < 10 / 0.05
    assert clock.rows_per_processor_second(10) > 2 * clock.rows_per_second(10)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("model", MODELS)
def test_every_contestant_trains_and_scores(name: str, model: str, table: SequenceTable, tmp_path: Path) -> None:
    if (name, model) in WITHOUT:
        pytest.skip("this peer has no such model")
    if name != "clickwise":
        pytest.importorskip({"fuxictr": "fuxictr", "deepctr-torch": "deepctr_torch"}[name])
    importlib.import_module(f"benchmarks.contestants.{MODULES[name]}")
    home = Path.cwd()
    os.chdir(tmp_path)
    try:
        found = run(name, model, table, tmp_path, limit=60.0, warm_up=1)
    finally:
        os.chdir(home)
    assert found["steps"] == 4
    assert 0.0 < found["auc"] < 1.0
    assert min(found[rate] for rate in RATES) > 0
