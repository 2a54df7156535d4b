"""A run that is broken off anywhere and resumed ends at the very bits of one that was not."""

import random
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from clickwise.checkpoint import load_state
from clickwise.errors import InputError
from clickwise.loop import CHECKPOINT
from clickwise.methods import Supervised
from clickwise.models import FM, LR
from clickwise.training import fit
from tests.interrupted import EPOCHS, RESULT, checkpoints_written, method, run, send, start
from tests.logs import assert_same_bits, make_logs

EPOCH = 24  # steps: 1,440 rows in batches of 60
STEPS = EPOCHS * EPOCH
PATIENCE_SECONDS = 60


def break_off(monkeypatch: pytest.MonkeyPatch, at: int, how: BaseException | signal.Signals) -> None:
    """The next run raises ``how`` in place of its step ``at`` (from 1), or receives the signal within it."""
    taken, step = 0, Supervised.step

    def counting(self: Supervised, episode: Any) -> dict[str, Tensor]:
        nonlocal taken
        taken += 1
        if taken == at and isinstance(how, BaseException):
            raise how
        losses = step(self, episode)
        if taken == at and isinstance(how, signal.Signals):
            signal.raise_signal(how)
        return losses

    monkeypatch.setattr(Supervised, "step", counting)


@pytest.fixture(scope="module", params=[True, False], ids=["row-sparse", "dense"])
def whole(request: pytest.FixtureRequest) -> tuple[bool, Supervised, list[dict[str, float]]]:
    """A run that nothing broke off."""
    trained = method(request.param)
    return request.param, trained, run(trained).history


@pytest.mark.parametrize("checkpoint_seconds", [0.0, 1e9])
@pytest.mark.parametrize("at", [1, EPOCH, EPOCH + 1, STEPS])
def test_after_an_error(
    whole, at: int, checkpoint_seconds: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    row_sparse, expected, history = whole
    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="broken off"):
        break_off(patched, at, RuntimeError("broken off"))
        run(method(row_sparse), tmp_path, checkpoint_seconds)
    resumed = method(row_sparse)
    progression = run(resumed, tmp_path)
    assert_same_bits(resumed.state_dict(), expected.state_dict())
    assert [without_time(row) for row in progression.history] == [without_time(row) for row in history]


def without_time(row: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name != "seconds"}


def test_after_many_errors(whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    row_sparse, expected, _ = whole
    left, draw = STEPS, random.Random(0)
    while left > 20:
        at = draw.randint(1, 20)
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            break_off(patched, at, KeyboardInterrupt())
            run(method(row_sparse), tmp_path)
        left -= at - 1
    resumed = method(row_sparse)
    run(resumed, tmp_path)
    assert_same_bits(resumed.state_dict(), expected.state_dict())


def test_after_ctrl_c_the_step_is_finished_and_saved(whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    row_sparse, expected, _ = whole
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        break_off(patched, EPOCH + 7, signal.SIGINT)
        run(method(row_sparse), tmp_path, checkpoint_seconds=1e9)
    at = load_state(tmp_path / CHECKPOINT)["at"]
    assert (at["epoch"], at["step"], at["finished"]) == (1, 7, False)
    resumed = method(row_sparse)
    run(resumed, tmp_path)
    assert_same_bits(resumed.state_dict(), expected.state_dict())


def test_a_finished_run_is_not_run_again(whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    row_sparse, expected, _ = whole
    run(method(row_sparse), tmp_path)
    break_off(monkeypatch, 1, AssertionError("no step may be taken"))
    again = method(row_sparse)
    assert run(again, tmp_path).finished
    assert_same_bits(again.state_dict(), expected.state_dict())


def wait_for_checkpoints(process, folder: Path, count: int = 1) -> None:  # type: ignore[no-untyped-def]
    """Until the process has written a few checkpoints, or has ended."""
    last, deadline = checkpoints_written(folder), time.monotonic() + PATIENCE_SECONDS
    while count and process.is_alive():
        assert time.monotonic() < deadline, "the run writes no checkpoints"
        if (now := checkpoints_written(folder)) != last:
            last, count = now, count - 1
        time.sleep(0.001)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    """Final parameters of a process that nothing broke off."""
    folder = tmp_path_factory.mktemp("undisturbed")
    process = start(folder)
    process.join(PATIENCE_SECONDS)
    assert process.exitcode == 0
    return load_state(folder / RESULT)


def test_after_kill_9_at_random_moments(undisturbed: dict[str, Tensor], tmp_path: Path) -> None:
    draw, killed = random.Random(1), 0
    for _ in range(6):
        process = start(tmp_path)
        wait_for_checkpoints(process, tmp_path, draw.randint(1, 8))
        time.sleep(draw.uniform(0, 0.02))
        send(process, signal.SIGKILL)
        process.join(PATIENCE_SECONDS)
        killed += process.exitcode == -signal.SIGKILL
        assert not load_state(tmp_path / CHECKPOINT)["at"]["finished"]
    assert killed == 6
    process = start(tmp_path)
    process.join(PATIENCE_SECONDS)
    assert process.exitcode == 0
    assert_same_bits(load_state(tmp_path / RESULT), undisturbed)
    assert sorted(path.name for path in tmp_path.iterdir()) == [CHECKPOINT, "history.csv", RESULT]


def test_after_ctrl_c_to_a_process(undisturbed: dict[str, Tensor], tmp_path: Path) -> None:
    process = start(tmp_path)
    wait_for_checkpoints(process, tmp_path, 5)
    send(process, signal.SIGINT)
    process.join(PATIENCE_SECONDS)
    assert process.exitcode == 1
    assert not load_state(tmp_path / CHECKPOINT)["at"]["finished"]
    process = start(tmp_path)
    process.join(PATIENCE_SECONDS)
    assert_same_bits(load_state(tmp_path / RESULT), undisturbed)


PARTS = make_logs(300)


def resume(trained: Supervised, folder: Path, **options: Any) -> None:
    train = options.pop("train", PARTS.train)
    options = {"epochs": 1, "device": "cpu", "progress": False, "folder": folder, "resume": True, **options}
    fit(trained, train, PARTS.valid, **options)


@pytest.mark.parametrize(
    ("other", "options"),
    [
        (Supervised(LR(PARTS.train.schema)), {"seed": 1}),
        (Supervised(LR(PARTS.train.schema)), {"monitor": "auc"}),
        (Supervised(LR(PARTS.train.schema)), {"train": PARTS.train.take(slice(0, 50))}),
        (Supervised(LR(PARTS.train.schema)), {"train": replace(PARTS.train, label=1 - PARTS.train.label)}),
        (Supervised(LR(PARTS.train.schema), learning_rate=0.2), {}),
        (Supervised(FM(PARTS.train.schema)), {}),
    ],
    ids=["seed", "monitor", "rows", "labels", "option", "model"],
)
def test_a_checkpoint_of_another_run_is_refused(other: Supervised, options: dict[str, Any], tmp_path: Path) -> None:
    resume(Supervised(LR(PARTS.train.schema)), tmp_path)
    with pytest.raises(InputError, match="of a run with other options, seed or rows"):
        resume(other, tmp_path, **options)


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    for name in (f".{CHECKPOINT}.x1y2", ".history.csv.z3"):
        (tmp_path / name).write_text("half")
    (tmp_path / "notes").write_text("mine")
    resume(Supervised(LR(PARTS.train.schema)), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [CHECKPOINT, "history.csv", "notes"]


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    resume(Supervised(LR(PARTS.train.schema)), tmp_path)
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=f"{CHECKPOINT}: not a whole checkpoint"):
        resume(Supervised(LR(PARTS.train.schema)), tmp_path)


def test_without_resume_a_folder_is_begun_afresh(tmp_path: Path) -> None:
    first, second = Supervised(LR(PARTS.train.schema)), Supervised(LR(PARTS.train.schema))
    for trained in (first, second):
        resume(trained, tmp_path, resume=False)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
