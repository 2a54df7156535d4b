"""One step of supervised training: row-sparse against dense, and what it refuses."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.errors import InputError
from clickwise.losses import LOSSES, cross_entropy
from clickwise.methods.method import Run
from clickwise.methods.supervised import Supervised, as_method
from clickwise.models import FFM, FM, LR, DeepFM, Model
from clickwise.nn.tables import id_tables
from clickwise.optim import FTRLProximal, RowSparseAdam, RowWiseAdagrad
from clickwise.training import seeded
from tests.logs import first_batch, make_logs

TRAIN = make_logs(600).train
SMALL: list[tuple[type[Model], dict[str, Any]]] = [
    (LR, {}),
    (FM, {}),
    (FFM, {}),
    (DeepFM, {"hidden_dims": (8,), "dropout": 0.0}),
]
every_model = pytest.mark.parametrize(("kind", "options"), SMALL)


def started(kind: type[Model], options: dict[str, Any], seed: int = 0, **of_method: Any) -> Supervised:
    with seeded(seed):
        method = Supervised(kind(TRAIN.schema, **options), **of_method)
    method.start(TRAIN, None, Run(Fabric(accelerator="cpu", devices=1)))
    return method.train()


def dense(gradient: Tensor | None) -> Tensor:
    assert gradient is not None
    return gradient.to_dense() if gradient.is_sparse else gradient


@every_model
def test_row_sparse_gradients_are_the_dense_ones(kind: type[Model], options: dict[str, Any]) -> None:
    batch = first_batch(TRAIN, 50)
    sparse = started(kind, options, optimizer="adam", row_sparse=True)
    plain = started(kind, options, optimizer="adam", row_sparse=False)
    losses = [method.step(batch)["loss"] for method in (sparse, plain)]
    torch.testing.assert_close(losses[0], losses[1])
    tables = id_tables(sparse.model, TRAIN.schema.size)
    for (name, parameter), other in zip(sparse.model.named_parameters(), plain.model.parameters(), strict=True):
        assert parameter.grad is not None and parameter.grad.is_sparse == (name in tables)
        torch.testing.assert_close(dense(parameter.grad), dense(other.grad), atol=1e-7, rtol=1e-5)


@every_model
@pytest.mark.parametrize("optimizer", ["adam", "adagrad", "ftrl"])
def test_only_touched_rows_move(kind: type[Model], options: dict[str, Any], optimizer: str) -> None:
    batch = first_batch(TRAIN, 3)
    method = started(kind, options, optimizer=optimizer, row_sparse=True)
    before = {name: table.detach().clone() for name, table in id_tables(method.model, TRAIN.schema.size).items()}
    method.step(batch)
    touched = set(batch.ids.flatten().tolist()) - {0}
    for name, table in id_tables(method.model, TRAIN.schema.size).items():
        moved = {row for row in range(len(table)) if not torch.equal(table[row], before[name][row])}
        assert moved == touched, name


def test_the_gradient_is_that_of_the_mean_loss() -> None:
    batch, method, untouched = first_batch(TRAIN, 40), started(FM, {}), started(FM, {})
    expected = cross_entropy(untouched.model(batch), batch.label).mean()
    expected.backward()
    assert torch.equal(method.step(batch)["loss"], expected.detach())
    for found, other in zip(method.model.parameters(), untouched.model.parameters(), strict=True):
        assert torch.equal(dense(found.grad), dense(other.grad))


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_is_the_one_of_that_name(name: str) -> None:
    batch, method = first_batch(TRAIN, 40), started(FM, {}, loss=name)
    expected = LOSSES[name](method.model(batch), batch.label).mean()
    torch.testing.assert_close(method.step(batch)["loss"], expected.detach())


def test_a_binary_loss_does_not_start_on_classes() -> None:
    classes = replace(TRAIN, schema=replace(TRAIN.schema, classes=3))
    message = "'combined_pair' needs binary labels, and the schema has 3 classes"
    with pytest.raises(InputError, match=message):  # where the model has a schema, before anything is trained
        Supervised(FM(classes.schema), loss="combined_pair")
    method = Supervised(torch.nn.Linear(2, 3), loss="combined_pair")
    with pytest.raises(InputError, match=message):
        method.start(classes, None, Run(Fabric(accelerator="cpu", devices=1)))


def test_ftrl_sees_the_sum_over_the_batch() -> None:
    batch, method = first_batch(TRAIN, 40), started(LR, {})
    cross_entropy(method.model(batch), batch.label).sum().backward()
    summed = dense(method.model.linear.bias.grad).clone()
    method.step(batch)
    torch.testing.assert_close(dense(method.model.linear.bias.grad), summed)


def test_large_tables_are_updated_row_by_row_and_small_ones_densely() -> None:
    assert set(started(FM, {}).optimizers) == {"dense"}
    large = replace(TRAIN, schema=TRAIN.schema.fitted({"user": 100_000, "item": 12, "tags": 8}))
    method = Supervised(FM(large.schema, embedding_dim=1))
    method.start(large, None, Run(Fabric(accelerator="cpu", devices=1)))
    assert isinstance(method.optimizers["tables"], RowSparseAdam)


@pytest.mark.parametrize(
    ("optimizer", "kind"), [("adam", RowSparseAdam), ("adagrad", RowWiseAdagrad), ("ftrl", FTRLProximal)]
)
def test_tables_get_the_optimizer_asked_for(optimizer: str, kind: type) -> None:
    method = started(FM, {}, optimizer=optimizer, learning_rate=0.03, weight_decay=0.01, row_sparse=True)
    assert type(method.optimizers["tables"]) is kind
    assert all(o.param_groups[0]["lr"] == 0.03 for o in method.optimizers.values())
    in_groups = [p for o in method.optimizers.values() for p in o.param_groups[0]["params"]]
    assert {id(p) for p in in_groups} == {id(p) for p in method.model.parameters()}


def test_options_left_out_come_from_the_recipe() -> None:
    lr, fm = as_method(LR(TRAIN.schema)), as_method(FM(TRAIN.schema))
    assert isinstance(lr, Supervised) and isinstance(fm, Supervised)
    assert (lr.optimizer, fm.optimizer) == ("ftrl", FM.recipe.get("optimizer", "adam"))
    assert Supervised(LR(TRAIN.schema), optimizer="adam").optimizer == "adam"
    assert as_method(lr) is lr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "adan"}, "'adan' is unknown; did you mean 'adam'"),
        ({"loss": "cross_entrophy"}, "did you mean 'cross_entropy'"),
        ({"learning_rate": 0.0}, "positive"),
        ({"batch_size": 0}, "positive"),
        ({"weight_decay": -1.0}, "at least 0"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Supervised(LR(TRAIN.schema), **options)


class Unused(nn.Module):
    """A model with a table that its logits do not depend on."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.used, self.unused = nn.Embedding(size, 1), nn.Embedding(size, 1)

    def forward(self, batch: Batch) -> Tensor:
        logits: Tensor = self.used(batch.ids).sum((1, 2))
        return logits


@pytest.mark.parametrize("row_sparse", [True, False])
def test_a_table_without_gradient_stays_as_it_is(row_sparse: bool) -> None:
    method = Supervised(Unused(TRAIN.schema.size), row_sparse=row_sparse)
    method.start(TRAIN, None, Run(Fabric(accelerator="cpu", devices=1)))
    before = method.model.unused.weight.detach().clone()
    method.step(first_batch(TRAIN))
    assert torch.equal(method.model.unused.weight, before)
