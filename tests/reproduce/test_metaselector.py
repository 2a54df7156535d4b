"""What is declared of the MetaSelector paper: its numbers and its hyper-parameters."""

import inspect
from typing import Any

import pytest

from clickwise.methods.building import build, pretraining
from clickwise.methods.entries import METHODS
from clickwise.metrics.pointwise import relaimpr
from clickwise.nn.selector import Selector
from clickwise.reproduce.metaselector.paper import PAPER, recipe
from clickwise.reproduce.metaselector.published import COLD_START, COMPARED, OF_PAPER, TABLE_1, TABLE_2, TABLE_3
from tests.logs import mixed_schema


def test_published_numbers_are_those_of_the_paper() -> None:
    movielens, amazon = TABLE_3["movielens-1m"], TABLE_3["amazon"]
    assert list(movielens) == list(amazon)
    assert [row["auc"] for row in movielens.values()] == [
        *(0.7914, 0.7928, 0.7936, 0.7957, 0.9008, 0.8187, 0.7963, 0.7999, 0.8036, 0.8047)
    ]
    assert [row["logloss"] for row in movielens.values()] == [
        *(0.55112, 0.54917, 0.54826, 0.54672, 0.41079, 0.51829, 0.54482, 0.54058, 0.53550, 0.53531)
    ]
    assert [row["auc"] for row in amazon.values()] == [
        *(0.6981, 0.6953, 0.7114, 0.7101, 0.8411, 0.8135, 0.7121, 0.7124, 0.7134, 0.7141)
    ]
    assert [row["logloss"] for row in amazon.values()] == [
        *(0.46374, 0.46242, 0.45216, 0.45696, 0.37088, 0.38999, 0.45152, 0.45117, 0.45044, 0.44996)
    ]
    assert [f"{100 * share:.2f}" for share in TABLE_1["movielens-1m"].values()] == ["21.37", "18.49", "20.11", "40.03"]
    assert [f"{100 * share:.2f}" for share in TABLE_1["amazon"].values()] == ["13.73", "13.61", "20.08", "52.58"]
    assert list(TABLE_2["movielens-1m"].values()) == [6040, 3952, 1000209, 14025]
    assert list(TABLE_2["amazon"].values()) == [192403, 63001, 1689188, 319687]


@pytest.mark.parametrize(("source", "best"), [("movielens-1m", "deepfm"), ("amazon", "ffm")])
def test_published_relaimpr_follows_from_the_published_auc(source: str, best: str) -> None:
    published = TABLE_3[source]
    for name, row in published.items():
        assert row["relaimpr"] == pytest.approx(relaimpr(row["auc"], published[best]["auc"]), abs=0.03), name


def test_published_shares_add_up() -> None:
    for shares in TABLE_1.values():
        assert sum(shares.values()) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("source", ["movielens-1m", "amazon"])
def test_the_recipe_of_the_paper_builds(source: str) -> None:
    schema, options = mixed_schema(), recipe("paper", source)
    models = [build(name, schema, options[name], []) for name in ("lr", "fm", "ffm", "deepfm")]
    made: dict[str, Any] = {name: build(name, schema, options[name], models) for name in options}
    amazon = source == "amazon"
    assert made["lr"].optimizer == "ftrl"
    for name in ("fm", "ffm", "deepfm"):
        assert (made[name].model.embedding_dim, made[name].optimizer) == (10, "adam")
        assert (made[name].learning_rate, made[name].batch_size) == (1e-3, 1000)
    assert made["deepfm"].model.hidden_dims == ((400,) * 3 if amazon else (256,) * 3)
    assert made["deepfm"].model.dropout == 0.1
    selector = made["metaselector"]
    assert selector.selector.hidden_dims == (200, 200, 200) and selector.selector.inputs == "features"
    assert selector.inner_learning_rate == (1e-4 if amazon else 1e-3)
    assert selector.outer_learning_rate == pytest.approx(selector.inner_learning_rate / 10)
    assert selector.users_per_episode == 10 and selector.second_order and selector.rates == "parameter"
    for name in (*OF_PAPER, "metaselector-shuffled"):
        assert pretraining(name, options[name]) == (0.75, "random")
    for name in ("sample-selector", "user-selector"):
        assert made[name].hidden_dims == (400, 400, 400)


@pytest.mark.parametrize("name", ["metaselector", "metaselector-simplified"])
def test_no_default_decides_what_the_paper_does(name: str) -> None:
    own = {*inspect.signature(METHODS[name].kind).parameters, *inspect.signature(Selector).parameters}
    left_open = {"models", "selector", "schema", "shuffle_users", "initial_deviation"}
    assert set(recipe("paper", "movielens-1m")[name]) == own - left_open


def test_tuned_is_the_defaults_and_every_name_is_known() -> None:
    assert recipe("tuned", "movielens-1m") == {}
    assert {*OF_PAPER, *COLD_START} <= set(METHODS)
    assert {"controls", "selectors"} < set(COMPARED)
    assert set(PAPER.artefacts) == {"table1", "table2", "table3", "figure2", "figure3", "cold-start"}
