"""What is declared of the UDG paper: its numbers, its hyper-parameters, its rows."""

from typing import Any

import pytest

from clickwise.methods.building import build, options_of
from clickwise.methods.gatings import GATINGS
from clickwise.methods.names import parts
from clickwise.reproduce.artefact import study_of
from clickwise.reproduce.job import Job
from clickwise.reproduce.udg.paper import PAPER, recipe
from clickwise.reproduce.udg.published import (
    ALIMAMA,
    AMAZON,
    MODELS,
    MOVIELENS,
    PHASES,
    TABLE,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TABLE_4,
    TABLE_5,
    data_set,
)
from tests.logs import mixed_schema


def test_published_numbers_are_those_of_the_paper() -> None:
    assert TABLE_1[MOVIELENS] == {"users": 26_083, "records": 573_534}
    gains = [TABLE_2[MOVIELENS][f"{model}~udg"]["auc"] - TABLE_2[MOVIELENS][model]["auc"] for model in MODELS]
    assert gains == pytest.approx([0.0030, 0.0040, 0.0038, 0.0020, 0.0035])
    assert list(TABLE_2[AMAZON]["din~udg"].values()) == [0.5023, 0.8323, 0.4082, 0.2753]
    assert list(TABLE_2[ALIMAMA]["wide-deep"].values()) == [0.5730, 0.7700, 0.4420, 0.1734]
    assert TABLE_3[ALIMAMA]["din~doubled"] == {"parameters": 68_080_000, "auc": 0.8720}
    assert TABLE_3[AMAZON]["dien~udg"] == {"parameters": 17_480_000, "auc": 0.8382}
    assert TABLE_4["Explore Feed"] == {"offline_auc": 0.0018, "online_auc": 0.0021, "engagement": 0.02}
    assert TABLE_5["deepfm"]["auc"][True] == (0.0058, 0.0917, 0.1384, 0.1610) and len(PHASES) == 4


@pytest.mark.parametrize("data", [AMAZON, MOVIELENS, ALIMAMA])
def test_tables_2_and_3_agree(data: str) -> None:
    for name, told in TABLE_3[data].items():
        model, gate = parts(name).model, parts(name).gate
        if gate != "doubled":
            assert TABLE_2[data][name]["auc"] == told["auc"]
        else:
            # By the paper's own numbers, embeddings are nearly all of the parameters.
            assert told["parameters"] == pytest.approx(2 * TABLE_3[data][model]["parameters"], rel=0.01)
    for model in MODELS:
        base, gated = TABLE_2[data][model], TABLE_2[data][f"{model}~udg"]
        assert gated["auc"] > base["auc"] and gated["rig"] > base["rig"]
        assert gated["logloss"] < base["logloss"] and gated["rmse"] < base["rmse"]


def test_rows_are_names_of_the_catalogue() -> None:
    assert set(TABLE) - {""} <= set(GATINGS) and TABLE[0] == ""


@pytest.mark.parametrize("gate", TABLE)
def test_the_recipe_of_the_paper_builds(gate: str) -> None:
    name = f"deepfm~{gate}" if gate else "deepfm"
    options = recipe("paper", MODELS)
    made: Any = build(name, mixed_schema(), options_of(name, options), [])
    assert (made.optimizer, made.learning_rate, made.weight_decay, made.batch_size) == ("adam", 1e-3, 0.0, 256)
    model = made.model if gate in ("", "doubled") else made.model.model
    assert (model.hidden_dims, model.dropout) == ((200, 80), 0.0)
    assert model.embedding_dim == (32 if gate == "doubled" else 16)
    assert recipe("tuned", MODELS) == {}


def test_the_gates_know_their_controls() -> None:
    assert GATINGS["udg-shuffled"].options["shuffle_users"] and GATINGS["doubled"].doubled
    assert "user" not in GATINGS["udg-no-user"].options["inputs"]


def test_histories_are_usual_only_where_a_source_has_them(tmp_path: Any) -> None:
    usual = {"shared_vocabulary": True, "history_length": 20}
    study = study_of(PAPER, Job("udg", "table2", tmp_path))
    assert (study.job.source, dict(study.job.source_options), study.epochs) == ("movielens-1m", usual, 3)
    assert len(study.rows) == 25
    given = study_of(PAPER, Job("udg", "table2", tmp_path, source_options={"history_length": 5}, version="tuned"))
    assert given.job.source_options == usual | {"history_length": 5} and given.epochs == 30
    other = study_of(PAPER, Job("udg", "table2", tmp_path, source="synthetic", epochs=2, models=("din",)))
    assert (dict(other.job.source_options), other.epochs, other.models) == ({}, 2, ("din",))


@pytest.mark.parametrize(
    ("source", "name"), [("movielens-1m", MOVIELENS), ("amazon", AMAZON), ("alimama", ALIMAMA), ("synthetic", "")]
)
def test_which_data_set_a_source_stands_for(source: str, name: str) -> None:
    assert data_set(source) == name
