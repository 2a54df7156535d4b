"""Names of methods, groups of them, and options for both model and training."""

import pytest

from clickwise.errors import InputError
from clickwise.methods import Supervised
from clickwise.methods.catalogue import METHODS, STAGES, build, entry, expand
from clickwise.schema import Field, Schema
from tests.logs import mixed_schema

SCHEMA = mixed_schema()
WITHOUT_ITEM = Schema((Field("city"), Field("age", kind="number"))).fitted({"city": 5})


def test_groups_are_written_out_once_and_combinations_come_last() -> None:
    assert expand(["all"], SCHEMA) == expand(["controls", "all", "lr"], SCHEMA)
    assert set(expand(["all"], SCHEMA)) == set(METHODS)
    kinds = [entry(name).group for name in expand(["stacking", "lr", "controls", "fm"], SCHEMA)]
    assert kinds == sorted(kinds, key=STAGES.index)
    assert expand(["fm", "lr"], SCHEMA) == ["fm", "lr"]


def test_a_group_leaves_out_what_the_log_does_not_allow() -> None:
    assert "mean-logit" not in expand(["controls"], WITHOUT_ITEM)
    assert not {"stacking", "uniform-average"} & set(expand(["controls", "lr"], SCHEMA))


@pytest.mark.parametrize(
    ("names", "schema", "message"),
    [
        (["deepfn"], SCHEMA, "method 'deepfn' is unknown; did you mean 'deepfm'"),
        (["contols"], SCHEMA, "did you mean 'controls'"),
        ([""], SCHEMA, "name at least one of"),
        (["stacking", "lr"], SCHEMA, "'stacking' needs two models"),
        (["mean-logit"], WITHOUT_ITEM, "'mean-logit' needs the schema to name its item"),
    ],
)
def test_names_that_cannot_be_used(names: list[str], schema: Schema, message: str) -> None:
    with pytest.raises(InputError, match=message):
        expand(names, schema)


def test_options_go_to_the_model_and_to_its_training() -> None:
    method = build("deepfm", SCHEMA, {"embedding_dim": 3, "batch_size": 7, "optimizer": "adagrad"}, [])
    assert isinstance(method, Supervised)
    assert (method.model.embedding_dim, method.batch_size, method.optimizer) == (3, 7, "adagrad")


@pytest.mark.parametrize("name", METHODS)
def test_unknown_options_are_refused_by_every_method(name: str) -> None:
    models = [build("lr", SCHEMA, {}, []) for _ in range(2)] if METHODS[name].made_of_models else []
    with pytest.raises(InputError, match=f"{name}: unknown option 'batchsize'"):
        build(name, SCHEMA, {"batchsize": 3}, models)
