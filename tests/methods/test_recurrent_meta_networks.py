"""The methods of recurrent meta-learning around the networks they are made for."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from clickwise.data.storage import PreparedLog
from clickwise.methods.mamo import MAMO
from clickwise.methods.melu import MeLU
from clickwise.methods.method import Method
from clickwise.methods.recurrent_meta import RecurrentMeta
from clickwise.methods.sequential_meta import SequentialMeta
from clickwise.model_folder import load_model, save_model
from clickwise.models import DNN
from clickwise.models.meta_interaction import MetaInteraction
from clickwise.prediction import predict
from clickwise.schema import Schema
from clickwise.training import fit, seeded
from tests.logs import assert_same_bits, make_logs, with_unknown_ids

KINDS = ("bilevel", "batches", "published", "melu", "mamo")


def made(kind: str, schema: Schema) -> Method:
    with seeded(0):
        if kind == "mamo":
            return MAMO(schema, embedding_dim=4, preference_dim=4, hidden_dims=(8,))
        if kind == "melu":
            return MeLU(DNN(schema, embedding_dim=4, hidden_dims=(8,)))
        network = MetaInteraction(schema, embedding_dim=4, attention_hidden_dims=(8,), hidden_dims=(8, 8))
        if kind == "published":
            return SequentialMeta(network)
        return RecurrentMeta(network, task="batch" if kind == "batches" else "user")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", [2, 3])
def test_two_runs_are_the_same_bits(kind: str, classes: int) -> None:
    parts, methods = make_logs(500, classes=classes), []
    for _ in range(2):
        method = made(kind, parts.train.schema)
        fit(method, parts.train, parts.valid, epochs=1, seed=3, device="cpu", progress=False)
        methods.append(method)
    assert_same_bits(methods[0].state_dict(), methods[1].state_dict())
    whole = predict(methods[0], parts.test)
    assert whole.shape == ((len(parts.test), 3) if classes == 3 else (len(parts.test),)) and np.isfinite(whole).all()
    one = predict(copy.deepcopy(methods[1]), parts.test.take(slice(0, 1)))
    np.testing.assert_allclose(one, whole[:1], atol=1e-5)
    unknown = predict(methods[0], with_unknown_ids(parts.test))
    assert np.isfinite(unknown).all()


@pytest.mark.parametrize("kind", KINDS)
def test_in_half_precision(kind: str) -> None:
    parts = make_logs(300)
    method = made(kind, parts.train.schema)
    history = fit(
        method, parts.train, parts.valid, epochs=1, device="cpu", precision="bf16-mixed", progress=False
    ).history
    assert np.isfinite(history[0]["loss"]) and np.isfinite(predict(method, parts.test)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_folder_predicts_as_the_method_did(kind: str, prepared: PreparedLog, tmp_path: Path) -> None:
    method = made(kind, prepared.schema)
    fit(method, prepared.train, prepared.valid, epochs=1, device="cpu", progress=False)
    method.remember(prepared.train, prepared.valid)
    save_model(method, tmp_path / "model", prepared)
    loaded = load_model(tmp_path / "model").method
    np.testing.assert_array_equal(predict(loaded, prepared.test), predict(method, prepared.test))


def test_the_losses_of_the_session_are_reported() -> None:
    parts = make_logs(300)
    method = made("bilevel", parts.train.schema)
    history = fit(method, parts.train, parts.valid, epochs=1, device="cpu", progress=False).history[0]
    assert {"loss", "of_labels", "session", "l2"} <= set(history)
    weights = {loss.name: loss.weight for loss in method.auxiliary}  # type: ignore[attr-defined]
    total = history["of_labels"] + sum(weight * history[name] for name, weight in weights.items())
    assert history["loss"] == pytest.approx(total, rel=1e-5)
    assert torch.is_grad_enabled()
