"""What a training is said to have taken, on a clock that moves by what the method does and by nothing else."""

import csv
import signal
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from torch import Tensor

from clickwise import loop, training
from clickwise.checkpoint import load_state, save_state
from clickwise.data.log import Batch, ClickLog
from clickwise.errors import InputError
from clickwise.loop import CHECKPOINT, Progression
from clickwise.methods import Supervised
from clickwise.methods.controls import GlobalRate
from clickwise.methods.method import Before, Run
from clickwise.models import LR
from clickwise.training import fit
from tests.logs import make_logs

PARTS = make_logs(500)  # 300 training rows
STEPS, EPOCHS = 6, 3
BEFORE, START, STEP, JUDGE = 1.0, 100.0, 2.0, 10_000.0


class Timed(Supervised):
    """Takes its time, on the clock of the test."""

    now: ClassVar[float] = 0.0
    broken_off_at: ClassVar[int | None] = None

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        super().start(train, valid, run)
        Timed.now += START

    def step(self, episode: Batch) -> dict[str, Tensor]:
        Timed.now += STEP
        if Timed.broken_off_at is not None:
            Timed.broken_off_at -= 1
            if Timed.broken_off_at == 0:
                signal.raise_signal(signal.SIGINT)
        return super().step(episode)

    def judge(self, valid: ClickLog) -> np.ndarray:
        Timed.now += JUDGE
        return super().judge(valid)


class AfterAnother(Timed):
    """Needs another one that is trained before."""

    def before(self, train: ClickLog, valid: ClickLog | None) -> Sequence[Before]:
        Timed.now += BEFORE
        return [Before("model-0", Timed(LR(train.schema), batch_size=50), train, valid)]


class Closed(GlobalRate):
    """Fitted in closed form."""

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        super().start(train, valid, run)
        Timed.now += START


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Timed, "now", 1e9)
    monkeypatch.setattr(Timed, "broken_off_at", None)
    for module in (loop, training):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: Timed.now))


def run(kind: type[Timed], folder: Path | None = None, **options: Any) -> Progression:
    given = {"epochs": EPOCHS, "patience": EPOCHS, "checkpoint_seconds": 1e12, "resume": folder is not None, **options}
    method = kind(LR(PARTS.train.schema), batch_size=50)
    return fit(method, PARTS.train, PARTS.valid, device="cpu", folder=folder, progress=False, **given)


ALONE = START + EPOCHS * STEPS * STEP


def test_start_and_steps_count_and_validation_does_not() -> None:
    progression = run(Timed)
    assert progression.train_seconds == ALONE
    assert [row["seconds"] for row in progression.history] == [STEPS * STEP] * EPOCHS


def test_what_is_trained_before_counts() -> None:
    assert run(AfterAnother).train_seconds == BEFORE + ALONE + ALONE


def test_a_method_in_closed_form_is_measured_in_the_same_way() -> None:
    progression = fit(Closed(PARTS.train.schema), PARTS.train, PARTS.valid, device="cpu", progress=False)
    assert progression.train_seconds == START


@pytest.mark.parametrize("checkpoint_seconds", [0.0, 1e12])
@pytest.mark.parametrize(
    ("kind", "expected", "at"),
    [
        *((Timed, ALONE, at) for at in (1, STEPS - 1, STEPS, STEPS + 2)),
        *((AfterAnother, BEFORE + 2 * ALONE, at) for at in (1, STEPS + 2, EPOCHS * STEPS + 3)),
    ],
)
def test_an_interruption_changes_nothing(
    kind: type[Timed], expected: float, at: int, checkpoint_seconds: float, tmp_path: Path
) -> None:
    Timed.broken_off_at = at
    with pytest.raises(KeyboardInterrupt):
        run(kind, tmp_path, checkpoint_seconds=checkpoint_seconds)
    Timed.now += 1e6  # and nobody looks for days
    progression = run(kind, tmp_path)
    assert progression.train_seconds == expected
    with (tmp_path / "history.csv").open(newline="", encoding="utf-8") as file:
        assert [float(row["seconds"]) for row in csv.DictReader(file)] == [STEPS * STEP] * EPOCHS


def test_a_finished_run_tells_the_same_when_it_is_read(tmp_path: Path) -> None:
    run(AfterAnother, tmp_path)
    assert run(AfterAnother, tmp_path).train_seconds == BEFORE + 2 * ALONE


def test_a_checkpoint_of_a_version_that_counted_otherwise_is_refused(tmp_path: Path) -> None:
    run(Timed, tmp_path)
    state = load_state(tmp_path / CHECKPOINT)
    del state["version"]
    save_state(state, tmp_path / CHECKPOINT)
    with pytest.raises(InputError, match="of another version of clickwise; delete it to start afresh"):
        run(Timed, tmp_path)
