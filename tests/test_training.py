"""``fit``: what it keeps, when it stops, and what it refuses."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.errors import InputError, TrainingDiverged
from clickwise.methods import Supervised
from clickwise.metrics.pointwise import auc, logloss
from clickwise.models import FM, LR, DeepFM
from clickwise.prediction import predict
from clickwise.schema import Schema
from clickwise.training import fit, seeded
from tests.logs import Parts, assert_same_bits, make_logs

PARTS = make_logs(600)


def overfitting(seed: int = 0) -> Supervised:
    """Learns the training rows by heart within a few epochs, so that the best epoch is an early one."""
    with seeded(seed):
        return Supervised(DeepFM(PARTS.train.schema, hidden_dims=(32,), dropout=0.0), learning_rate=0.02, batch_size=50)


def run(method: nn.Module, parts: Parts = PARTS, **options: Any):  # type: ignore[no-untyped-def]
    return fit(method, parts.train, parts.valid, device="cpu", progress=False, **options)


@pytest.mark.parametrize("monitor", ["logloss", "auc"])
def test_the_best_epoch_is_what_stays(monitor: str) -> None:
    method = overfitting()
    progression = run(method, epochs=12, patience=4, monitor=monitor)
    values = [row[f"valid_{monitor}"] for row in progression.history]
    best = min(values) if monitor == "logloss" else max(values)
    assert values.index(best) + 1 == progression.best_epoch < len(values)
    measure = logloss if monitor == "logloss" else auc
    assert measure(PARTS.valid.label, predict(method, PARTS.valid)) == best
    assert len(values) == min(progression.best_epoch + 4, 12)
    assert progression.finished and not method.training


def test_the_best_epoch_equals_a_run_that_ends_there() -> None:
    stopped, short = overfitting(), overfitting()
    best = run(stopped, epochs=12, patience=3).best_epoch
    fit(short, PARTS.train, epochs=best, device="cpu", progress=False)
    assert all(torch.equal(a, b) for a, b in zip(stopped.parameters(), short.parameters(), strict=True))


def test_the_best_epoch_is_kept_through_an_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, options = overfitting(), {"epochs": 12, "patience": 3}
    best = run(whole, **options).best_epoch
    step = Supervised.step

    def breaking(self: Supervised, episode: Batch) -> dict[str, torch.Tensor]:
        if self.at_step == best * self.steps() + 2:
            raise KeyboardInterrupt
        self.at_step += 1
        return step(self, episode)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Supervised, "step", breaking)
        patched.setattr(Supervised, "at_step", 0, raising=False)
        run(overfitting(), folder=tmp_path, **options)
    resumed = overfitting()
    assert run(resumed, folder=tmp_path, resume=True, **options).best_epoch == best
    assert_same_bits(resumed.state_dict(), whole.state_dict())


def test_without_validation_rows_the_last_epoch_stays() -> None:
    progression = fit(overfitting(), PARTS.train, epochs=3, device="cpu", progress=False)
    assert (progression.epoch, progression.best_epoch, len(progression.history)) == (3, 0, 3)
    assert "valid_logloss" not in progression.history[0]


def test_history_says_what_happened(tmp_path: Path) -> None:
    progression = run(overfitting(), epochs=3, folder=tmp_path)
    with (tmp_path / "history.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["valid_logloss"]) for row in rows] == [row["valid_logloss"] for row in progression.history]
    assert [int(row["steps"]) for row in rows] == [-(-len(PARTS.train) // 50)] * 3
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    losses = [row["loss"] for row in progression.history]
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0]


def test_a_bare_model_is_trained_in_place_and_left_ready_to_predict() -> None:
    model = LR(PARTS.train.schema)
    run(model, epochs=2)
    assert model.linear.bias.detach().any()
    assert not model.training
    with pytest.raises(InputError):
        fit(model, PARTS.train, PARTS.valid, monitor="AUC")


def test_training_that_diverges_names_step_rows_and_cause() -> None:
    numbers = PARTS.train.numbers.copy()
    numbers[37, 0] = np.nan
    parts = replace(PARTS, train=replace(PARTS.train, numbers=numbers))
    method = Supervised(LR(parts.train.schema), optimizer="adam", batch_size=50)
    with pytest.raises(TrainingDiverged, match=r"loss became nan at step \d+ of epoch 1 on training rows") as caught:
        run(method, parts)
    message = str(caught.value)
    assert "and 45 more" in message and "learning rate is too high" in message and "\n" not in message
    step = int(message.split("at step ")[1].split(" ")[0])
    order = [batch.row.tolist() for batch in method.batches.epoch(0, 0)]
    assert 37 in order[step - 1]
    assert str((np.array(order[step - 1][:5]) + 1000).tolist()) in message  # numbers of the raw table


@pytest.mark.parametrize("rows", [1, 3, 5])
def test_a_batch_of_few_rows_is_named_whole(rows: int) -> None:
    train = PARTS.train.take(slice(0, rows))
    train = replace(train, numbers=np.full_like(train.numbers, np.inf))
    with pytest.raises(TrainingDiverged) as caught:
        run(Supervised(LR(train.schema), optimizer="adam"), replace(PARTS, train=train))
    assert "more" not in str(caught.value).split(";")[0]


def test_no_checkpoint_is_written_of_what_diverged(tmp_path: Path) -> None:
    numbers = np.full_like(PARTS.train.numbers, np.nan)
    parts = replace(PARTS, train=replace(PARTS.train, numbers=numbers))
    with pytest.raises(TrainingDiverged):
        run(LR(parts.train.schema), parts, folder=tmp_path, checkpoint_seconds=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"monitor": "loglos"}, "monitor 'loglos' is unknown; did you mean 'logloss'"),
        ({"precision": "16"}, "precision '16' is unknown"),
        ({"epochs": 0}, "at least 1, not 0"),
        ({"patience": 0}, "at least 1"),
        ({"resume": True}, "resume needs the folder"),
        ({"tensorboard": True}, "tensorboard needs a folder"),
        ({"device": "abacus"}, "device 'abacus'"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit(LR(PARTS.train.schema), PARTS.train, PARTS.valid, **{"device": "cpu", "progress": False, **options})


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="device 'cuda'"):
        fit(LR(PARTS.train.schema), PARTS.train, PARTS.valid, device="cuda", progress=False)


def test_an_empty_part_is_refused() -> None:
    empty = PARTS.train.take(slice(0, 0))
    for train, valid in ((empty, PARTS.valid), (PARTS.train, empty)):
        with pytest.raises(InputError, match="part is empty"):
            fit(LR(PARTS.train.schema), train, valid, progress=False)


def test_an_auc_that_cannot_be_had_is_refused() -> None:
    one_class = PARTS.valid.take(np.flatnonzero(PARTS.valid.label == 1))
    with pytest.raises(InputError, match="one class"):
        fit(LR(PARTS.train.schema), PARTS.train, one_class, monitor="auc", device="cpu", progress=False)


def test_seeded_repeats_and_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    drawn = []
    for seed in (7, 7, 8):
        with seeded(seed):
            drawn.append(torch.rand(3))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(RuntimeError), seeded(0):
        raise RuntimeError
    assert torch.equal(torch.get_rng_state(), before)


def test_half_precision_trains(tmp_path: Path) -> None:
    method = Supervised(FM(PARTS.train.schema), learning_rate=0.02, batch_size=50)
    progression = run(method, epochs=3, precision="bf16-mixed")
    assert progression.history[-1]["valid_auc"] > 0.6
    assert all(parameter.dtype == torch.float32 for parameter in method.parameters())


@pytest.mark.parametrize(("classes", "words"), [(2, r"\[batch\]"), (3, r"\[batch, 3\]")])
def test_logits_of_another_shape_are_named(classes: int, words: str) -> None:
    class Column(nn.Module):
        def __init__(self, schema: Schema) -> None:
            super().__init__()
            self.biases = nn.Embedding(schema.size, 1)

        def forward(self, batch: Batch) -> Tensor:
            return self.biases(batch.ids).sum(1)  # [batch, 1]

    parts = make_logs(200, classes=classes)
    with pytest.raises(InputError, match=rf"Column: forward gave \[\d+, 1\] for \d+ rows; logits must be {words}"):
        fit(Column(parts.train.schema), parts.train, parts.valid, epochs=1, device="cpu", progress=False)
