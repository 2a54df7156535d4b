"""User-dependent gating around models: equal to them where it does nothing, and a model like any other."""

import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import functional_call, grad, jvp

from clickwise import models
from clickwise.configuration import build, describe
from clickwise.data.log import Batch
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.losses import cross_entropy
from clickwise.methods.autoloss import AutoLoss
from clickwise.methods.catalogue import can_be_gated
from clickwise.methods.entries import METHODS
from clickwise.methods.metaselector import MetaSelector
from clickwise.methods.supervised import Supervised
from clickwise.metrics.pointwise import auc
from clickwise.model_folder import load_model, save_model
from clickwise.models import FM, LR, NFM, PNN, AutoInt, DeepFM, Model, WideDeep
from clickwise.models.gated import UserDependentGating
from clickwise.nn.gate_kinds import GATES
from clickwise.nn.gated_mlp import GatedMLP
from clickwise.nn.mlp import MLP
from clickwise.nn.tables import id_tables, touched_rows
from clickwise.prediction import predict
from clickwise.schema import Field, Schema
from clickwise.training import fit, seeded
from tests.logs import assert_same_bits, first_batch, make_logs, mixed_schema

SMALL: dict[str, Any] = {"embedding_dim": 3, "hidden_dims": (5, 4), "initial_deviation": 0.3}
BASES = [DeepFM, NFM, PNN, WideDeep, models.DIN, models.DIEN]
IDENTITY_AT_START = ("lhuc", "ppnet", "epnet", "poso", "apg")
every_gate = pytest.mark.parametrize("gate", GATES)
every_base = pytest.mark.parametrize("base", BASES)


def base_model(kind: type[Model] = DeepFM, classes: int = 2, **options: Any) -> Model:
    with seeded(0):
        return kind(mixed_schema(classes), **{**SMALL, **options})


def gated(gate: str = "udg", kind: type[Model] = DeepFM, classes: int = 2, **options: Any) -> UserDependentGating:
    """Gates with no parameter at zero, so that they all do something."""
    with seeded(1):
        model = UserDependentGating(base_model(kind, classes), gate, gate_hidden_dims=(4, 3), **options)
        for parameter in model.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.3)
    for table in id_tables(model, model.schema.size).values():
        table.data[0] = 0
    return model.eval()


def rows_of(count: int = 20, classes: int = 2) -> Batch:
    return first_batch(make_logs(400, classes=classes).train, count)


@pytest.mark.parametrize("gate", IDENTITY_AT_START)
@every_base
def test_gates_that_start_at_one_change_no_prediction(base: type[Model], gate: str) -> None:
    plain, rows = base_model(base).eval(), rows_of()
    before = plain(rows)
    with seeded(1):
        wrapped = UserDependentGating(plain, gate).eval()
    torch.testing.assert_close(wrapped(rows), before)


@pytest.mark.parametrize("classes", [2, 3])
@every_gate
@every_base
def test_logits_and_gradients(base: type[Model], gate: str, classes: int) -> None:
    model, rows = gated(gate, base, classes).train(), rows_of(200, classes)
    logits = model(rows)
    assert logits.shape == ((200,) if classes == 2 else (200, 3))
    cross_entropy(logits, rows.label).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@every_gate
def test_one_row_and_rows_without_any_history(gate: str) -> None:
    model, rows = gated(gate), rows_of()
    ids = rows.ids.clone()
    ids[:, model.schema.slots("clicked")] = 0
    logits = model(rows.with_ids(ids))
    assert logits.isfinite().all()
    one = replace(rows_of(1), ids=ids[:1])
    torch.testing.assert_close(model(one), logits[:1], rtol=1e-5, atol=1e-6)
    assert model.train()(one).isfinite().all()


def double(model: torch.nn.Module, rows: Batch) -> tuple[torch.nn.Module, Batch]:
    return model.double(), replace(rows, numbers=rows.numbers.double())


@every_gate
def test_the_gradient_and_its_gradient_are_finite_differences(gate: str) -> None:
    model, rows = double(gated(gate), rows_of(6))
    # A gradient that is stopped on its way into the field vectors is not that of the logits.
    names = [name for name, _ in model.named_parameters() if not (GATES[gate].stop_gradient and "embedding" in name)]
    values = [model.get_parameter(name).detach().clone().requires_grad_() for name in names]

    def loss(*given: Tensor) -> Tensor:
        return cross_entropy(functional_call(model, dict(zip(names, given, strict=True)), (rows,)), rows.label).mean()

    assert torch.autograd.gradcheck(loss, values, fast_mode=True)
    assert torch.autograd.gradgradcheck(loss, values, fast_mode=True)


# Torch's own forward differentiation imports what warns.
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
@every_gate
def test_forward_and_backward_differentiation_agree(gate: str) -> None:
    model, rows = double(gated(gate), rows_of(6))
    touched, local = touched_rows(rows.ids)
    tables = id_tables(model, model.schema.size)
    values = {name: p.detach()[touched] if name in tables else p.detach() for name, p in model.named_parameters()}
    with seeded(2):
        direction = {name: torch.randn_like(value) for name, value in values.items()}

    def loss(given: dict[str, Tensor]) -> Tensor:
        return cross_entropy(functional_call(model, given, (rows.with_ids(local),)), rows.label).mean()

    def along(given: dict[str, Tensor]) -> Tensor:
        gradient = grad(loss)(given)
        return torch.stack([(gradient[name] * direction[name]).sum() for name in given]).sum()

    with torch.no_grad():
        _, slope = jvp(loss, (values,), (direction,))
    torch.testing.assert_close(slope, along(values))
    _, curvature = jvp(along, (values,), (direction,))
    second = grad(along)(values)
    twice = torch.stack([(second[name] * direction[name]).sum() for name in values]).sum()
    torch.testing.assert_close(curvature, twice)


@every_gate
def test_touched_rows_stand_in_for_the_whole_tables(gate: str) -> None:
    model, rows = gated(gate), rows_of()
    touched, local = touched_rows(rows.ids)
    small = {name: table.detach()[touched] for name, table in id_tables(model, model.schema.size).items()}
    assert any(len(table) < model.schema.size for table in small.values())
    assert torch.equal(functional_call(model, small, (rows.with_ids(local),)), model(rows))


def test_its_own_table_of_users_is_found() -> None:
    model = gated()
    tables = id_tables(model, model.schema.size)
    assert model.user_table == "model.mlp.gates.inputs.user.weight"
    assert tables[model.user_table].shape == (model.schema.size, 3)
    assert len(tables) == len(id_tables(base_model(), model.schema.size)) + 1
    assert gated(gate_dim=7).get_parameter(model.user_table).shape == (model.schema.size, 7)
    for gate in ("gatenet", "poso"):
        with pytest.raises(InputError, match=f"gate '{gate}' has no table of users"):
            _ = gated(gate).user_table


@every_gate
def test_the_user_matters_through_the_gates_alone(gate: str) -> None:
    """With the base model's own user vectors all equal, another user changes the logit only where gates read one."""
    model, rows = gated(gate), rows_of()
    place = model.schema.slots("user").start
    for name, table in id_tables(model, model.schema.size).items():
        start = model.schema.offsets["user"]
        users = table.data[start : start + model.schema.vocabularies["user"]]
        torch.nn.init.normal_(users) if "gates" in name else users.fill_(0.1)
    ids = rows.ids.clone()
    ids[:, place] = ids[:, place].roll(1)
    changed = ~torch.isclose(model(rows.with_ids(ids)), model(rows), rtol=0, atol=1e-7)
    different = ids[:, place] != rows.ids[:, place]
    assert not changed[~different].any()
    assert (changed.sum() > 0.5 * different.sum()) if "user" in GATES[gate].inputs else not changed.any()


@every_gate
def test_predictions_are_the_same_without_gradients(gate: str) -> None:
    model, rows = gated(gate), rows_of()
    with torch.no_grad():
        found = model(rows)
        again = model(rows)
    assert torch.equal(found, again)
    torch.testing.assert_close(found, model(rows))


@every_gate
def test_a_copy_has_gates_of_its_own(gate: str) -> None:
    model, rows = gated(gate), rows_of()
    before = model(rows)
    twin = copy.deepcopy(model)
    assert torch.equal(twin(rows), before)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    assert torch.equal(twin(rows), before)


@every_gate
def test_describe_and_build(gate: str) -> None:
    model = gated(gate, PNN, gate_dim=2)
    config = describe(model)
    rebuilt = build(config, model.schema)
    assert describe(rebuilt) == config
    rebuilt.load_state_dict(model.state_dict())
    assert torch.equal(rebuilt.eval()(rows_of()), model(rows_of()))
    assert rebuilt.recipe == PNN.recipe


def small_fit(model: Model, log: PreparedLog, **options: Any) -> Supervised:
    method = Supervised(model, batch_size=100, learning_rate=0.02, **options)
    fit(method, log.train, log.valid, epochs=5, device="cpu", progress=False)
    return method


@pytest.mark.parametrize("row_sparse", [False, True])
def test_trained_saved_and_loaded(prepared: PreparedLog, tmp_path: Path, row_sparse: bool) -> None:
    with seeded(0):
        model = UserDependentGating(DeepFM(prepared.schema, **SMALL))
    method = small_fit(model, prepared, row_sparse=row_sparse)
    probability = predict(method, prepared.test)
    assert auc(prepared.test.label, probability) > 0.75
    save_model(method, tmp_path / "model", prepared)
    assert np.array_equal(predict(load_model(tmp_path / "model").method, prepared.test), probability)


def test_a_run_is_reproducible_with_users_shuffled(prepared: PreparedLog) -> None:
    states = []
    for _ in range(2):
        with seeded(0):
            method = small_fit(UserDependentGating(DeepFM(prepared.schema, **SMALL), shuffle_users=True), prepared)
        states.append(method.state_dict())
        assert np.array_equal(predict(method, prepared.test), predict(method, prepared.test))
    assert_same_bits(*states)


def test_shuffled_users_gate_by_another_user() -> None:
    model, rows = gated(shuffle_users=True), rows_of()
    plain = gated()
    assert not torch.isclose(model(rows), plain(rows)).all()
    assert torch.equal(model(rows), model(rows))
    torch.testing.assert_close(model(rows_of(1)), plain(rows_of(1)))


def test_autoloss_trains_a_gated_model() -> None:
    parts = make_logs(600)
    with seeded(0):
        method = AutoLoss(UserDependentGating(DeepFM(parts.train.schema, **SMALL)), batch_size=60, update_every=2)
    table = method.model.get_parameter(method.model.user_table)
    before = table.detach().clone()
    fit(method, parts.train, parts.valid, epochs=1, device="cpu", progress=False)
    assert not torch.equal(table, before)
    assert np.isfinite(predict(method, parts.test)).all()


@pytest.mark.parametrize("gate", ["udg", "ppnet", "apg"])
def test_metaselector_adapts_gated_models(gate: str) -> None:
    parts = make_logs(1200)
    with seeded(0):
        networks = [LR(parts.train.schema), UserDependentGating(DeepFM(parts.train.schema, **SMALL), gate)]
        method = MetaSelector(networks, users_per_episode=4, most_epochs=1, train_models=True)
    fit(method, parts.train, parts.valid, epochs=1, device="cpu", progress=False)
    method.remember(parts.train, parts.valid)
    assert auc(parts.test.label, predict(method, parts.test)) > 0.6


@pytest.mark.parametrize("kind", [LR, FM, models.FFM, AutoInt])
def test_models_without_an_mlp(kind: type[Model]) -> None:
    message = f"^{kind.__name__} cannot be gated: it has no MLP; models with one can: .*PNN.*DeepFM"
    with pytest.raises(InputError, match=message):
        UserDependentGating(kind(mixed_schema()))
    with pytest.raises(InputError, match="AutoInt with hidden_dims"):
        UserDependentGating(kind(mixed_schema()))


def test_autoint_with_an_mlp() -> None:
    assert gated(kind=partial(AutoInt, layers=1, attention_dim=2))(rows_of()).shape == (20,)  # type: ignore[arg-type]


def test_a_model_is_gated_once() -> None:
    model = base_model()
    wrapped = UserDependentGating(model)
    for again in (model, wrapped):
        with pytest.raises(InputError, match="is gated already"):
            UserDependentGating(again)
    assert isinstance(model.mlp, GatedMLP)


def test_a_pass_that_fails_keeps_nothing() -> None:
    model, rows = gated(), rows_of()
    expected = model(rows)

    def fail(*_: Any) -> None:
        raise RuntimeError("half way")

    hook = model.model.embedding.pooling.register_forward_hook(fail)  # type: ignore[operator, union-attr]
    with pytest.raises(RuntimeError, match="half way"):
        model(rows)
    hook.remove()
    assert model.model.mlp.vectors is None  # type: ignore[union-attr]
    assert torch.equal(model(rows), expected)


@pytest.mark.parametrize("name", [name for name in models.__all__ if name != "Model"])
def test_models_say_whether_they_can_always_be_gated(name: str) -> None:
    kind = getattr(models, name)
    made = kind(mixed_schema())
    assert kind.has_mlp == isinstance(getattr(made, "mlp", None), MLP)
    assert can_be_gated(next(key for key, entry in METHODS.items() if entry.kind is kind)) == kind.has_mlp


def test_what_a_schema_lacks() -> None:
    plain = Schema((Field("user", "user"), Field("item", "item")), user="user").fitted({"user": 5, "item": 5})
    assert UserDependentGating(DeepFM(plain, **SMALL)).inputs == ("item", "user")
    with pytest.raises(
        InputError, match="this schema has no field for 'behaviour'; it has item, user, category, fields"
    ):
        UserDependentGating(DeepFM(plain, **SMALL), inputs=("item", "behaviour", "user"))
    with pytest.raises(InputError, match="gate 'poso' reads profile and fullness"):
        UserDependentGating(DeepFM(plain, **SMALL), "poso")
    nobody = Schema((Field("item", "item"),)).fitted({"item": 5})
    with pytest.raises(InputError, match="inputs: 'user' needs the schema to name its 'user'"):
        UserDependentGating(DeepFM(nobody, **SMALL))


def test_options_that_cannot_be() -> None:
    with pytest.raises(InputError, match="gate 'pnet' is unknown; did you mean"):
        UserDependentGating(base_model(), "pnet")
    with pytest.raises(InputError, match="gate 'gatenet' reads the MLP alone, not user"):
        UserDependentGating(base_model(), "gatenet", inputs=("user",))
    with pytest.raises(InputError, match="shuffle_users: gate 'gatenet' reads nothing of the user"):
        UserDependentGating(base_model(), "gatenet", shuffle_users=True)
    for options in ({"gate_dim": 0}, {"gate_hidden_dims": ()}, {"gate_hidden_dims": (4, 0)}):
        with pytest.raises(InputError, match="must be at least 1"):
            UserDependentGating(base_model(), **options)
    for wrong in ({"gate": "ugd"}, {"gate_dim": 0}, {"inputs": ("nothing",)}):
        model = base_model()
        with pytest.raises(InputError):
            UserDependentGating(model, **wrong)
        assert not isinstance(model.mlp, GatedMLP)  # what was refused is as it was
