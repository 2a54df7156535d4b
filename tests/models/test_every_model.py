"""What every model promises: a batch in, logits out; one joins by being exported from ``clickwise.models``."""

from dataclasses import replace

import pytest
import torch

from clickwise import models
from clickwise.losses import cross_entropy
from clickwise.models import Model
from clickwise.nn.tables import id_tables
from clickwise.schema import PADDING
from clickwise.training import seeded
from tests.logs import first_batch, make_logs, with_more_padding, with_shuffled_tags

GPU = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))
KINDS = [getattr(models, name) for name in models.__all__ if name != "Model"]
# Every slot of a bag is a field with vectors of its own: order matters by design, another width is another model.
SLOTS_ARE_FIELDS = {models.FFM}
POOLING = [kind for kind in KINDS if kind not in SLOTS_ARE_FIELDS]

every_model = pytest.mark.parametrize("kind", KINDS)
pooling_model = pytest.mark.parametrize("kind", POOLING)
every_label = pytest.mark.parametrize("classes", [2, 3])


def make(kind: type[Model], classes: int = 2, seed: int = 0) -> Model:
    """A model in evaluation mode whose parameters are all different from zero, padding apart."""
    with seeded(seed):
        model = kind(make_logs(60, classes=classes).train.schema)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
    for table in id_tables(model, model.schema.size).values():
        table.data[PADDING] = 0
    return model.eval()


@pytest.mark.parametrize("device", ["cpu", GPU])
@every_label
@every_model
def test_logits_have_the_contracted_shape(kind: type[Model], classes: int, device: str) -> None:
    batch = first_batch(make_logs(60, classes=classes).train, 20).to(torch.device(device))
    logits = make(kind, classes).to(device)(batch)
    assert logits.shape == ((20,) if classes == 2 else (20, classes))
    assert logits.isfinite().all()


@pytest.mark.parametrize("device", ["cpu", GPU])
@every_label
@every_model
def test_every_parameter_has_a_finite_gradient(kind: type[Model], classes: int, device: str) -> None:
    batch = first_batch(make_logs(600, classes=classes).train, 300).to(torch.device(device))
    model = make(kind, classes).to(device).train()
    cross_entropy(model(batch), batch.label).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


@every_model
def test_padding_neither_learns_nor_starts_anywhere_but_at_zero(kind: type[Model]) -> None:
    batch = first_batch(make_logs(60).train, 30)
    assert (batch.ids == PADDING).any()
    with seeded(0):
        model = kind(make_logs(60).train.schema)
    cross_entropy(model(batch), batch.label).sum().backward()
    for name, table in id_tables(model, model.schema.size).items():
        assert not table[PADDING].any(), name
        assert table.grad is not None
        assert not table.grad[PADDING].any(), name


@every_label
@pooling_model
def test_more_padding_changes_nothing(kind: type[Model], classes: int) -> None:
    log = make_logs(60, classes=classes).train
    wide = with_more_padding(log)
    model, wide_model = make(kind, classes), kind(wide.schema).eval()
    wide_model.load_state_dict(model.state_dict())
    torch.testing.assert_close(wide_model(first_batch(wide)), model(first_batch(log)), atol=1e-6, rtol=1e-5)


@every_model
def test_order_within_a_bag(kind: type[Model]) -> None:
    log = make_logs(60).train
    model = make(kind)
    plain, shuffled = model(first_batch(log)), model(first_batch(with_shuffled_tags(log)))
    assert torch.allclose(plain, shuffled, atol=1e-5) == (kind in POOLING)


@every_model
def test_rows_do_not_see_each_other(kind: type[Model]) -> None:
    log, model = make_logs(60).train, make(kind)
    order = torch.randperm(36, generator=torch.Generator().manual_seed(0))
    together = model(first_batch(log))
    torch.testing.assert_close(model(first_batch(log.take(order.numpy()))), together[order], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(model(first_batch(log.take(slice(0, 1)))), together[:1], atol=1e-5, rtol=1e-5)


@every_model
def test_user_time_label_and_row_are_no_inputs(kind: type[Model]) -> None:
    batch, model = first_batch(make_logs(60).train), make(kind)
    other = replace(batch, label=1 - batch.label, user=batch.user + 1, time=batch.time + 1, row=None)
    assert torch.equal(model(other), model(batch))


@every_model
def test_all_id_tables_are_found_by_their_size(kind: type[Model]) -> None:
    model = make(kind)
    embeddings = [module for module in model.modules() if isinstance(module, torch.nn.Embedding)]
    assert len(id_tables(model, model.schema.size)) == len(embeddings) > 0
