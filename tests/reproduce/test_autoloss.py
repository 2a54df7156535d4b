"""What is declared of the AutoLoss paper: its numbers, its hyper-parameters, its rows."""

from typing import Any

import pytest

from clickwise.methods.autoloss import AutoLoss
from clickwise.methods.building import build, options_of
from clickwise.methods.trainings import TRAININGS
from clickwise.reproduce.autoloss.paper import MODELS, recipe
from clickwise.reproduce.autoloss.published import (
    ABLATION,
    ABLATIONS,
    CRITEO,
    FIXED,
    ORDER,
    TABLE,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TARGETS,
    row,
)
from tests.logs import mixed_schema


def test_published_numbers_are_those_of_the_paper() -> None:
    assert list(TABLE_1["criteo"].values()) == [45_840_617, 39, 1_086_810, "click or not"]
    assert list(TABLE_1["movielens-20m"].values()) == [20_000_263, 2, 165_771, "rating 1~5"]
    best = {(data, model): rows["autoloss-published"] for data, by in TABLE_2.items() for model, rows in by.items()}
    assert [list(values.values()) for values in best.values()] == [
        [0.8092, 0.4416], [0.8108, 0.4409], [0.7717, 1.2288], [0.7756, 1.2236],
    ]  # fmt: skip
    gains = [
        by["autoloss-published"]["auc"] - by["cross_entropy"]["auc"] for of in TABLE_2.values() for by in of.values()
    ]
    assert gains == pytest.approx([0.0036, 0.0023, 0.0025, 0.0023])


@pytest.mark.parametrize("model", MODELS)
def test_the_papers_order_of_methods_holds_in_every_column(model: str) -> None:
    for data in TABLE_2:
        rows = TABLE_2[data][model]
        assert list(rows) == list(ORDER)
        for name in ORDER[:-1]:
            assert rows[name]["auc"] < rows["autoloss-published"]["auc"]
            assert rows[name]["logloss"] > rows["autoloss-published"]["logloss"]
    assert list(TABLE_3[CRITEO][model]) == list(ABLATIONS)
    assert TABLE_3[CRITEO][model]["autoloss-published"] == TABLE_2[CRITEO][model]["autoloss-published"]


def test_rows_are_methods_of_the_catalogue() -> None:
    assert set(TABLE) == {*ORDER, "autoloss"} and set(ABLATION) == set(ABLATIONS)
    assert {*TABLE, *ABLATION} - {"cross_entropy"} <= set(TRAININGS)
    assert set(FIXED) == set(AutoLoss(_built("deepfm").model).losses)


@pytest.mark.parametrize("name", [*MODELS, *TARGETS])
def test_the_recipe_of_the_paper_builds(name: str) -> None:
    made = _built(name)
    assert (made.optimizer, made.learning_rate, made.weight_decay, made.batch_size) == ("adam", 1e-3, 0.0, 2000)
    model = made.model
    assert (model.embedding_dim, model.hidden_dims, model.batch_norm, model.dropout) == (16, (128, 128), True, 0.2)
    assert name != "pnn" or model.products == "inner"
    assert recipe("tuned", MODELS) == {}


def test_the_published_variant_is_the_papers() -> None:
    made = _built("deepfm+autoloss-published")
    assert (made.update_every, made.unroll, made.objective, made.gumbel) == (7, 0.0, "mixture", True)
    assert (made.first_temperature, made.least_temperature, made.temperature_decay) == (1.0, 0.01, 5e-5)
    assert made.controller_learning_rate == 1e-3
    assert made.controller.hidden_dims == (128, 128) and made.controller.dropout == 0.2
    assert (made.batch_size, made.model.embedding_dim) == (2000, 16)


def test_cross_entropy_is_the_model_itself() -> None:
    assert row("pnn", "cross_entropy") == "pnn" and row("pnn", "slf") == "pnn+slf"


def _built(name: str) -> Any:
    options = recipe("paper", (*MODELS, *TARGETS))
    return build(name, mixed_schema(), options_of(name, options), [])
