"""What is told of a controller: three epochs of its trace."""

import numpy as np
import pytest
import torch

from clickwise.methods.autoloss import AutoLoss
from clickwise.methods.controller_trace import controller_weights
from clickwise.methods.recurrent_meta import RecurrentMeta
from clickwise.methods.supervised import Supervised
from clickwise.models import DNN, FM
from clickwise.training import fit
from tests.logs import make_logs, mixed_schema


@pytest.mark.parametrize(("epochs", "shown"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (6, [1, 3, 6])])
def test_the_first_the_middle_and_the_last_epoch(epochs: int, shown: list[int]) -> None:
    method = AutoLoss(FM(mixed_schema()))
    drawn = torch.rand(epochs, *method.trace.shape[1:]).softmax(-1)
    method.trace[:epochs] = drawn
    found = controller_weights(method)
    assert found is not None and found["epochs"] == shown
    assert found["losses"] == list(method.losses) and found["labels"] == ["no click", "click"]
    expected = drawn[[epoch - 1 for epoch in shown]]
    np.testing.assert_allclose(found["weights"], expected, atol=1e-4)


@pytest.mark.parametrize("classes", [2, 3])
def test_after_training_it_tells_what_the_controller_weighs(classes: int) -> None:
    logs = make_logs(600, classes=classes)
    method = AutoLoss(FM(logs.train.schema), batch_size=100, update_every=2)
    fit(method, logs.train, logs.valid, epochs=1, progress=False, device="cpu")
    found = controller_weights(method)
    assert found is not None
    assert len(found["labels"]) == classes and found["epochs"] == [1]
    np.testing.assert_allclose(found["weights"][0], method.weights_on_grid(), atol=1e-3)


def test_a_loss_within_meta_training_is_told_as_alone() -> None:
    inner = AutoLoss(DNN(mixed_schema()))
    inner.trace[:2] = torch.rand(2, *inner.trace.shape[1:]).softmax(-1)
    found = RecurrentMeta(inner)
    found.model.trace.copy_(inner.trace)
    assert controller_weights(found) == controller_weights(inner)


def test_others_tell_nothing() -> None:
    model = FM(mixed_schema())
    assert controller_weights(Supervised(model)) is None
    assert controller_weights(AutoLoss(model)) is None  # no epoch yet
    assert controller_weights(AutoLoss(model, per_example=False)) is None
