"""Names of methods, groups of them, and options for both model and training."""

import re
from dataclasses import replace
from typing import Any

import pytest
from torch import nn

from clickwise.commands.comparing import METHODS as OF_DEMO
from clickwise.commands.comparing import SHORT
from clickwise.errors import InputError
from clickwise.methods import AutoLoss, MeLU, RecurrentMeta, Supervised
from clickwise.methods.building import build, options_of
from clickwise.methods.catalogue import entry, expand, group_of, models_among, with_variants
from clickwise.methods.entries import METHODS, STAGES
from clickwise.methods.gatings import GATINGS
from clickwise.methods.names import bases, divided, parts
from clickwise.methods.trainings import TRAININGS
from clickwise.models.gated import UserDependentGating
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


def test_the_demo_compares_methods_that_there_are_and_gives_options_to_them_alone() -> None:
    names = expand(OF_DEMO.split(","), SCHEMA)
    assert {option.partition(".")[0] for option in SHORT} <= {"source", *names}
    assert {entry(name).group for name in names} == set(STAGES) - {"personal"}
    assert {"metaselector", "deepfm~udg", "deepfm+autoloss", "deepfm+recurrent-meta"} <= set(names)


def test_a_model_can_be_trained_on_other_losses() -> None:
    found = entry("deepfm+autoloss")
    assert (found.title, found.group, found.made_of_models) == ("DeepFM + AutoLoss", "variant", False)
    method = build("deepfm+autoloss", SCHEMA, {"embedding_dim": 3, "update_every": 2}, [])
    assert isinstance(method, AutoLoss)
    assert (method.model.embedding_dim, method.update_every) == (3, 2)
    assert build("lr+focal", SCHEMA, {}, []).loss == "focal"


def test_the_option_loss_adds_trainings_to_models_alone() -> None:
    assert with_variants(["controls", "lr", "fm"], [""], ["cross_entropy", "focal", "autoloss"], SCHEMA) == [
        "controls", "lr", "fm", "lr+focal", "lr+autoloss", "fm+focal", "fm+autoloss",
    ]  # fmt: skip
    assert with_variants(["lr"], [""], ["cross_entropy"], SCHEMA) == ["lr"]
    assert with_variants(["lr"], [""], ["all"], SCHEMA) == ["lr", *(f"lr+{training}" for training in TRAININGS)]
    classes = replace(SCHEMA, classes=5)
    assert {"lr+combined_pair"} == {*with_variants(["lr"], [""], ["all"], SCHEMA)} - {
        *with_variants(["lr"], [""], ["all"], classes)
    }


def test_a_loss_that_does_not_fit_the_classes_is_refused_before_anything_is_trained() -> None:
    classes = replace(SCHEMA, classes=5)
    for name, options in (("lr+combined_pair", {}), ("lr+autoloss", {"losses": ["cross_entropy", "combined_pair"]})):
        with pytest.raises(InputError, match="'combined_pair' needs binary labels, and the schema has 5 classes"):
            build(name, classes, options, [])


def test_every_training_can_be_made() -> None:
    for training in TRAININGS:
        assert isinstance(build(f"fm+{training}", SCHEMA, {}, []), Supervised)


def test_trainings_of_a_model_share_the_options_given_for_it() -> None:
    given = {"fm": {"embedding_dim": 3, "loss": "hinge"}, "fm+autoloss": {"update_every": 2}}
    assert options_of("fm", given) == given["fm"]
    assert options_of("fm+autoloss", given) == {"embedding_dim": 3, "update_every": 2}
    assert options_of("fm+slf", given) == {"embedding_dim": 3}


def test_a_model_can_be_gated_and_trained_on_another_loss() -> None:
    found = entry("pnn~udg+autoloss")
    assert (found.title, found.group) == ("PNN + UDG + AutoLoss", "variant")
    method = build("pnn~udg+autoloss", SCHEMA, {"embedding_dim": 3, "gate_dim": 2, "update_every": 2}, [])
    assert isinstance(method, AutoLoss)
    assert (method.model.gate_dim, method.model.model.embedding_dim, method.update_every) == (2, 3, 2)
    assert build("pnn~doubled", SCHEMA, {"embedding_dim": 3}, []).model.embedding_dim == 6


def test_the_option_gate_adds_gates_to_models_with_an_mlp_alone() -> None:
    assert with_variants(["controls", "lr", "autoint", "nfm"], ["udg", "doubled"], ["focal"], SCHEMA) == [
        "controls", "lr", "autoint", "nfm", "nfm~udg", "nfm~doubled",
        "lr+focal", "autoint+focal", "nfm+focal", "nfm~udg+focal", "nfm~doubled+focal",
    ]  # fmt: skip
    assert with_variants(["nfm"], ["all"], [], SCHEMA) == ["nfm", *(f"nfm~{gate}" for gate in GATINGS)]


@pytest.mark.parametrize(
    ("names", "gates", "message"),
    [
        (["lr"], ["udg"], "gate 'udg', methods lr: LR cannot be gated: it has no MLP; models with one can: .*DeepFM"),
        (["lr", "fm"], ["all"], "gate 'doubled', methods lr, fm: LR and FM cannot be gated: they have no MLP; models"),
        (["controls"], ["udg"], "gate 'udg', methods controls: no model to gate is named"),
        (["nfm~lhuc"], ["udg"], "gate 'udg', methods nfm~lhuc: no model to gate is named"),
    ],
)
def test_a_gate_that_would_gate_nothing_is_refused(names: list[str], gates: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        with_variants(names, gates, [], SCHEMA)


def test_every_gate_can_be_made() -> None:
    for gate in GATINGS:
        assert isinstance(build(f"nfm~{gate}", SCHEMA, {}, []), Supervised)


def test_a_variant_is_held_against_what_it_varies_nearest_first() -> None:
    assert bases("din~udg+focal") == ["din~udg", "din+focal", "din"]
    assert bases("din~udg") == bases("din+focal") == ["din"]
    assert bases("din") == []
    assert bases("din~udg+focal+melu") == [
        "din~udg+focal", "din~udg+melu", "din+focal+melu", "din~udg", "din+focal", "din+melu", "din",
    ]  # fmt: skip
    assert bases("stacking(lr,din~udg)") == ["stacking"]


def test_variants_take_the_options_of_what_they_vary() -> None:
    given = {"fm": {"a": 1, "b": 1, "loss": "hinge"}, "fm~udg": {"b": 2, "c": 2}, "fm+slf": {"d": 3}}
    assert options_of("fm~udg+slf", given) == {"a": 1, "b": 2, "c": 2, "d": 3}


def test_a_gated_model_stands_for_its_model_in_combinations_where_that_is_not_there() -> None:
    assert models_among(["lr", "nfm~udg", "stacking"]) == ["lr", "nfm~udg"]
    assert models_among(["lr", "nfm", "nfm~udg", "lr+focal"]) == ["lr", "nfm"]


def test_losses_are_not_candidates_of_a_mixture_of_models() -> None:
    with pytest.raises(InputError, match="'stacking' needs two models"):
        expand(["stacking", "lr", "lr+focal"], SCHEMA)


@pytest.mark.parametrize(
    ("names", "schema", "message"),
    [
        (["lr+autolos"], SCHEMA, "training 'autolos' is unknown; did you mean 'autoloss'"),
        (["nfm~ugd"], SCHEMA, "gate 'ugd' is unknown; did you mean 'udg'"),
        (["stacking+autoloss"], SCHEMA, "'stacking' does not learn by gradient steps"),
        (["deepfn"], SCHEMA, "method 'deepfn' is unknown; did you mean 'deepfm'"),
        (["contols"], SCHEMA, "did you mean 'controls'"),
        (["LR"], SCHEMA, "method 'LR' is unknown; did you mean 'lr'"),
        (["controls~udg"], SCHEMA, "'controls' is a group of methods"),
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


@pytest.mark.parametrize(
    ("name", "option"), [("pnn", "batch_norm"), ("nfm+recurrent-meta", "pretrain"), ("metaselector", "second_order")]
)
def test_a_switch_is_true_or_false(name: str, option: str) -> None:
    models = [build("lr", SCHEMA, {}, []) for _ in range(2)] if entry(name).made_of_models else []
    assert isinstance(build(name, SCHEMA, {option: True}, models), nn.Module)
    for value in ("maybe", 1, None):
        with pytest.raises(InputError, match=rf"{re.escape(name)}: {option} must be true or false, not {value!r}"):
            build(name, SCHEMA, {option: value}, models)


@pytest.mark.parametrize(
    ("name", "option", "value", "kind"),
    [
        ("nfm+melu", "inner_steps", 1.5, "a whole number"),
        ("nfm+melu", "inner_steps", True, "a whole number"),
        ("nfm+melu", "tasks_per_epoch", 2.5, "a whole number or null"),
        ("mamo", "support_size", "many", "a whole number"),
        ("nfm", "embedding_dim", "four", "a whole number"),
        ("nfm", "dropout", "half", "a number"),
        ("nfm+recurrent-meta", "task", 1, "text"),
    ],
)
def test_a_value_of_another_kind_is_refused(name: str, option: str, value: Any, kind: str) -> None:
    with pytest.raises(InputError, match=rf"{re.escape(name)}: {option} must be {kind}, not {value!r}$"):
        build(name, SCHEMA, {option: value}, [])


def test_one_name_stands_for_a_sequence_of_one() -> None:
    made = build("nfm+recurrent-meta", SCHEMA, {"local": "mlp"}, [])
    assert isinstance(made, RecurrentMeta) and made.local == ("mlp",)


def test_a_models_loss_is_that_of_its_meta_training_unless_another_stands_between() -> None:
    given = {"nfm": {"loss": "focal", "batch_size": 77}}
    for name in ("nfm+melu", "nfm+recurrent-meta", "nfm~udg+sequential-meta"):
        made: Any = build(name, SCHEMA, options_of(name, given), [])
        assert made.model.loss == "focal"
    assert "loss" not in options_of("nfm+jrc+melu", given) | options_of("nfm+autoloss", given)
    assert "batch_size" not in options_of("nfm+melu", given)  # users' rows are not taken in mini-batches
    with pytest.raises(InputError, match=r"nfm\+melu: unknown option 'optimizer'"):
        build("nfm+melu", SCHEMA, {"optimizer": "ftrl"}, [])


def test_names_are_read_and_written_alike() -> None:
    for name in ("din", "din~udg", "din+focal", "din~udg+autoloss+recurrent-meta", "stacking(lr,din~udg+focal)"):
        assert str(parts(name)) == name
    assert parts("stacking(lr, din~udg+focal)").candidates == ("lr", "din~udg+focal")


def test_commas_in_parentheses_divide_no_names() -> None:
    assert divided("lr,metaselector(lr,din+focal),fm") == ["lr", "metaselector(lr,din+focal)", "fm"]
    for wrong in ("stacking(lr,fm", "stacking lr,fm)", "stacking)lr,fm("):
        with pytest.raises(InputError, match="the parentheses do not match"):
            divided(wrong)


def test_a_model_takes_a_gate_a_loss_and_a_meta_training() -> None:
    made = build("nfm~udg+autoloss+melu", SCHEMA, {"update_every": 3, "tasks_per_episode": 2, "gate_dim": 5}, [])
    assert isinstance(made, MeLU) and made.tasks_per_episode == 2
    assert isinstance(made.model, AutoLoss) and made.model.update_every == 3
    assert isinstance(made.network, UserDependentGating) and made.network.gate_dim == 5
    assert entry("nfm~udg+autoloss+melu").title == "NFM + UDG + AutoLoss + MeLU"


def test_options_of_a_model_reach_its_training_within_a_meta_training() -> None:
    given = {"nfm": {"learning_rate": 0.02, "optimizer": "adagrad"}, "nfm+recurrent-meta": {"pretrain": True}}
    made = build("nfm+recurrent-meta", SCHEMA, options_of("nfm+recurrent-meta", given), [])
    assert isinstance(made, RecurrentMeta)
    assert (made.model.learning_rate, made.model.optimizer) == (0.02, "adagrad")
    assert made.outer_learning_rate == pytest.approx(1e-4)  # a rate of Adagrad says nothing of Adam
    given["nfm"] = {"learning_rate": 0.02}
    made = build("nfm+recurrent-meta", SCHEMA, options_of("nfm+recurrent-meta", given), [])
    assert isinstance(made, RecurrentMeta) and made.outer_learning_rate == pytest.approx(0.002)
    assert entry("nfm+recurrent-meta").title == "NFM + RecurrentMeta"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lr+focal+hinge", r"a model takes one loss and then one meta-training, MODEL\[~GATE\]"),
        ("lr+melu+focal", "a model takes one loss and then one meta-training"),
        ("lr+focal+melu+melu", "a model takes one loss and then one meta-training"),
        ("lr+foca", "training 'foca' is unknown; did you mean 'focal'"),
        ("lr(fm,ffm)", "'lr' is not made of other models; leave the parentheses out"),
        ("stacking(lr)", "needs 2 models or more in parentheses"),
        ("stacking(lr,lr)", "needs 2 models or more in parentheses, each once"),
        ("stacking(lr,hedge)", "'hedge' is no model"),
        ("stacking(lr,fmm)", "method 'fmm' is unknown; did you mean 'fm'"),
    ],
)
def test_names_that_stand_for_nothing(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        entry(name)


def test_candidates_are_trained_before_what_is_made_of_them() -> None:
    names = expand(["metaselector(lr,nfm~udg+focal)", "fm", "stacking"], SCHEMA)
    assert names == ["fm", "lr", "nfm~udg+focal", "stacking", "metaselector(lr,nfm~udg+focal)"]
    assert entry(names[-1]).title == "MetaSelector (LR, NFM + UDG + Focal)"
    assert group_of(names[-1]) == "adaptive"


def test_options_of_a_method_hold_for_it_with_candidates_of_its_own() -> None:
    given = {"stacking": {"a": 1}, "metaselector": {"order": "time"}, "metaselector(lr,fm)": {"most_epochs": 2}}
    assert options_of("metaselector(lr,fm)", given) == {"order": "time", "most_epochs": 2}
