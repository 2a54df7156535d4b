"""Wide & Deep against its formula, row by row."""

import copy

import pytest
import torch

from clickwise.configuration import build, describe
from clickwise.models import WideDeep
from tests.logs import first_batch, make_logs
from tests.models.by_row import linear_of_row, mlp_of_row, randomised, vectors_of_row
from tests.models.synthetic_log import auc_after_training


@pytest.mark.parametrize("classes", [2, 3])
def test_logits(classes: int) -> None:
    log = make_logs(60, classes=classes).train
    model, batch = WideDeep(log.schema, embedding_dim=3, hidden_dims=(5, 4), batch_norm=True), first_batch(log, 12)
    model(batch)  # running means and variances other than their initial ones
    randomised(model)
    for row, logits in enumerate(model(batch)):
        deep = mlp_of_row(model.mlp.layers, torch.cat(vectors_of_row(model.embedding, log.schema, batch, row)))
        expected = linear_of_row(model.linear, log.schema, batch, row) + deep
        torch.testing.assert_close(logits, expected[0] if classes == 2 else expected, atol=1e-5, rtol=1e-5)


def test_copied_or_described_and_built_again() -> None:
    log = make_logs(60).train
    model, batch = randomised(WideDeep(log.schema, embedding_dim=3, hidden_dims=(5, 4), dropout=0.1)), first_batch(log)
    built = build(describe(model), log.schema).eval()
    built.load_state_dict(model.state_dict())
    assert describe(built) == describe(model)
    assert torch.equal(built(batch), model(batch))
    assert torch.equal(copy.deepcopy(model)(batch), model(batch))


def test_it_learns() -> None:
    assert auc_after_training(WideDeep) > 0.58
