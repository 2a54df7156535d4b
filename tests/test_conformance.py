"""What every method promises; one joins by being in the catalogue."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.optim import Optimizer

from clickwise.configuration import build, describe
from clickwise.data.loading import ShuffledBatches
from clickwise.data.log import ClickLog
from clickwise.data.storage import PreparedLog
from clickwise.methods.building import build as build_method
from clickwise.methods.building import options_of
from clickwise.methods.catalogue import entry
from clickwise.methods.entries import METHODS
from clickwise.methods.method import Method
from clickwise.metrics.pointwise import auc, logloss
from clickwise.model_folder import load_model, save_model
from clickwise.nn.tables import id_tables
from clickwise.prediction import predict
from clickwise.training import fit
from tests.logs import assert_same_bits, with_shuffled_tags, with_unknown_ids
from tests.trained import COMBINED, OPTIONS, VARIANTS, logs, state, trained, untrained

GPU = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))
# The slots of a bag are fields of their own, so the order of a bag's values matters by design.
SLOTS_ARE_FIELDS = {"ffm"}
LEARNS_NOTHING_OF_A_ROW = {"global-rate"}
FITTED_BY_STEPS = [name for name, entry in METHODS.items() if entry.group == "model"]

every_method = pytest.mark.parametrize("name", [*METHODS, *VARIANTS])
every_label = pytest.mark.parametrize("classes", [2, 3])
every_device = pytest.mark.parametrize("device", ["cpu", GPU])


def score(name: str, log: ClickLog, classes: int = 2, device: str = "cpu", batch_size: int = 10_000) -> np.ndarray:
    return predict(trained(name, classes, device=device), log, batch_size)


@every_device
@every_label
@every_method
def test_predicts_probabilities(name: str, classes: int, device: str) -> None:
    test = logs(classes).test
    probability = score(name, test, classes, device)
    assert probability.shape == ((len(test),) if classes == 2 else (len(test), classes))
    assert probability.dtype == np.float32
    assert ((probability >= 0) & (probability <= 1)).all()
    if classes > 2:
        np.testing.assert_allclose(probability.sum(1), 1, atol=1e-5)


@every_device
@every_label
@every_method
def test_learns_a_planted_truth(name: str, classes: int, device: str) -> None:
    test = logs(classes).test
    probability, chance = score(name, test, classes, device), score("global-rate", test, classes)
    if name in LEARNS_NOTHING_OF_A_ROW:
        return
    assert logloss(test.label, probability) < logloss(test.label, chance) - (0.06 if classes == 2 else 0.04)
    assert auc(test.label, probability) > 0.65


@pytest.mark.parametrize("name", ["fm", "ffm", "deepfm", "pnn", "nfm", "autoint"])
def test_learns_what_lies_in_pairs_alone(name: str) -> None:
    test = logs(truth="pairwise").test
    of_lr = auc(test.label, predict(trained("lr", truth="pairwise"), test))
    assert of_lr < 0.6
    assert auc(test.label, predict(trained(name, truth="pairwise"), test)) > of_lr + 0.15


@every_method
def test_order_of_rows_does_not_matter(name: str) -> None:
    test = logs().test
    order = np.random.default_rng(0).permutation(len(test))
    np.testing.assert_allclose(score(name, test.take(order)), score(name, test)[order], atol=1e-6)


@every_label
@every_method
def test_size_of_batches_does_not_matter(name: str, classes: int) -> None:
    test = logs(classes).test
    whole = score(name, test, classes)
    for batch_size in (1, 7, len(test)):
        rows = test.take(slice(0, 50)) if batch_size == 1 else test
        parts = score(name, rows, classes, batch_size=batch_size)
        np.testing.assert_allclose(parts, whole[: len(parts)], atol=1e-6)


@every_method
def test_order_within_a_bag_does_not_matter(name: str) -> None:
    test = logs().test
    shuffled, plain = score(name, with_shuffled_tags(test)), score(name, test)
    if name in SLOTS_ARE_FIELDS:
        assert not np.allclose(shuffled, plain, atol=1e-4)
    else:
        np.testing.assert_allclose(shuffled, plain, atol=1e-6)


@every_device
@every_label
@every_method
def test_unknown_ids_are_ordinary(name: str, classes: int, device: str) -> None:
    probability = score(name, with_unknown_ids(logs(classes).test), classes, device)
    assert np.isfinite(probability).all()
    assert ((probability > 0) & (probability < 1)).all()


@every_method
def test_predicts_the_same_without_what_steps_alone_need(name: str) -> None:
    method = copy.deepcopy(trained(name))
    method.end()
    for part in method.modules():
        if isinstance(part, Method):
            assert not part.optimizers
            assert not any(attribute in vars(part) for attribute in part.for_steps)
            assert not any(isinstance(value, ShuffledBatches | Optimizer) for value in vars(part).values())
    np.testing.assert_array_equal(predict(method, logs().test, 10_000), score(name, logs().test))


@every_label
@pytest.mark.parametrize("name", FITTED_BY_STEPS)
def test_unknown_and_missing_rows_leave_their_initial_values(name: str, classes: int) -> None:
    schema = logs(classes).train.schema
    before, after = (id_tables(m, schema.size) for m in (untrained(name, classes), trained(name, classes)))
    assert after
    for offset in schema.offsets.values():
        for table in after:
            for special in (offset, offset + 1):
                assert not torch.equal(before[table][special], after[table][special]), table


@every_label
@every_method
def test_described_and_built_again_it_predicts_the_same_bits(name: str, classes: int) -> None:
    method, test = trained(name, classes), logs(classes).test
    copy = build(describe(method), test.schema)
    copy.load_state_dict(method.state_dict())
    assert np.array_equal(predict(copy, test), predict(method, test))


@every_method
def test_saved_and_loaded_it_predicts_the_same_bits(name: str, tmp_path: Path, prepared: PreparedLog) -> None:
    combined = entry(name).made_of_models
    models = [build_method(other, prepared.schema, OPTIONS[other], []) for other in COMBINED] if combined else []
    method = build_method(name, prepared.schema, options_of(name, OPTIONS | VARIANTS), models)
    fit(method, prepared.train, prepared.valid, epochs=1, progress=False)
    save_model(method, tmp_path / "model", prepared)
    loaded = load_model(tmp_path / "model")
    assert loaded.schema == prepared.schema
    assert np.array_equal(predict(loaded.method, prepared.test), predict(method, prepared.test))


@every_method
def test_same_seed_gives_the_same_bits(name: str) -> None:
    once, again = untrained(name), untrained(name)
    assert_same_bits(once.state_dict(), again.state_dict())
    parts = logs()
    for method in (once, again):
        fit(method, parts.train, parts.valid, epochs=2, seed=5, device="cpu", progress=False)
    assert_same_bits(once.state_dict(), again.state_dict())


@pytest.mark.parametrize("name", FITTED_BY_STEPS)
def test_another_seed_gives_another_order(name: str) -> None:
    parts, states = logs(), []
    for seed in (5, 6):
        method = untrained(name)
        fit(method, parts.train, parts.valid, epochs=1, seed=seed, device="cpu", progress=False)
        states.append(state(method))
    assert any(not torch.equal(value, states[1][key]) for key, value in states[0].items())


@every_method
def test_training_and_predicting_leave_the_global_generator_alone(name: str) -> None:
    torch.manual_seed(123)
    before, of_numpy = torch.get_rng_state(), np.random.get_state()[1].copy()
    method, parts = untrained(name), logs()
    fit(method, parts.train, parts.valid, epochs=1, device="cpu", progress=False)
    predict(method, parts.test)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], of_numpy)
