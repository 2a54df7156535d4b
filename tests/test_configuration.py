"""Objects as plain values and back; code outside clickwise runs only where it is trusted."""

import json
from typing import Any

import pytest
from torch import nn

from clickwise.configuration import build, check_options, describe, find_class
from clickwise.errors import InputError
from clickwise.methods import Stacking, Supervised
from clickwise.models import FM, LR, DeepFM
from tests.logs import mixed_schema

SCHEMA = mixed_schema()


class Own(nn.Module):
    def __init__(self, dims: tuple[int, ...] = (3,), table: dict[str, float] | None = None) -> None:
        super().__init__()
        self.dims, self.table = dims, table


class Forgetful(nn.Module):
    def __init__(self, embedding_dim: int = 3) -> None:
        super().__init__()


OBJECTS = [
    LR(SCHEMA),
    DeepFM(SCHEMA, embedding_dim=3, hidden_dims=(4, 5), dropout=0.25),
    Supervised(FM(SCHEMA, embedding_dim=2), optimizer="adagrad", learning_rate=0.1 + 0.2, row_sparse=True),
    Stacking([Supervised(LR(SCHEMA)), FM(SCHEMA)]),
    Supervised(Own(dims=(1, 2), table={"a": 0.5})),
]


@pytest.mark.parametrize("original", OBJECTS, ids=lambda value: type(value).__name__)
def test_round_trip_through_json(original: nn.Module) -> None:
    config = json.loads(json.dumps(describe(original)))
    copy = build(config, SCHEMA, trusted=[Own.__module__])
    assert type(copy) is type(original)
    assert describe(copy) == describe(original) == config
    shapes = {name: value.shape for name, value in original.state_dict().items()}
    assert {name: value.shape for name, value in copy.state_dict().items()} == shapes


def test_options_are_those_of_the_object_and_not_the_defaults() -> None:
    options = describe(DeepFM(SCHEMA, embedding_dim=3, hidden_dims=[4]))["options"]
    assert options["embedding_dim"] == 3 and options["hidden_dims"] == [4]
    assert "schema" not in options


def test_an_argument_without_an_attribute_cannot_be_saved() -> None:
    with pytest.raises(InputError, match="Forgetful cannot be saved: it keeps no attribute 'embedding_dim'"):
        describe(Forgetful())


def test_modules_outside_clickwise_must_be_named() -> None:
    path = f"{Own.__module__}:Own"
    with pytest.raises(InputError, match="lies outside clickwise"):
        find_class(path)
    assert find_class(path, trusted=[Own.__module__]) is Own
    for foreign in ("os:system", "builtins:eval", "subprocess:Popen", "clickwise_evil:Model"):
        with pytest.raises(InputError, match="lies outside clickwise"):
            find_class(foreign)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("clickwise.models", "names no class"),
        ("clickwise.models:DeepFN", "cannot be imported"),
        ("clickwise.nothing:DeepFM", "cannot be imported"),
        ("clickwise.losses:cross_entropy", "is not a class"),
        ("clickwise.training:Path", "lies outside clickwise"),
    ],
)
def test_paths_that_name_no_class_of_clickwise(path: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_class(path)


@pytest.mark.parametrize(
    "config",
    [
        {"class": "clickwise.models.fm:FM", "options": {"no_such": 1}},
        {"class": "clickwise.models.fm:FM", "options": []},
        {"class": 3, "options": {}},
        {"class": "clickwise.methods.supervised:Supervised", "options": {}},
    ],
)
def test_configurations_that_cannot_be_built(config: Any) -> None:
    with pytest.raises(InputError):
        build(config, SCHEMA)


def test_plain_values_stay_what_they_are() -> None:
    value = {"a": [1, 2.5, None, True, "x"], "b": {"c": []}}
    assert build(describe(value), SCHEMA) == value


def test_unknown_options_name_the_nearest() -> None:
    with pytest.raises(InputError, match="fm: unknown option 'embeding_dim'; did you mean 'embedding_dim'"):
        check_options({"embeding_dim": 3}, FM, "fm")
    with pytest.raises(InputError, match="unknown option 'schema'"):
        check_options({"schema": 3}, FM, "fm")
    check_options({"embedding_dim": 3}, FM, "fm")
