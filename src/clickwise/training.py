"""``fit``: the one training loop around every method."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import nn

from clickwise.data.log import ClickLog
from clickwise.errors import InputError, nearest
from clickwise.interrupt import deferred_interrupt
from clickwise.loop import CHECKPOINT, Loop, Progression
from clickwise.methods.method import Run
from clickwise.methods.supervised import as_method
from clickwise.methods.unseen import require_rows
from clickwise.runlog import RunLog, TrainingProgress

PRECISIONS = ("32-true", "bf16-mixed")
MONITORS = ("logloss", "auc")


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's generators seeded inside the block, and after it as they were before. Build models inside it.

    Args:
        seed: of the generators.
    """
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield


def fit(
    model: nn.Module,
    train: ClickLog,
    valid: ClickLog | None = None,
    *,
    epochs: int = 30,
    patience: int = 2,
    monitor: str = "logloss",
    seed: int = 0,
    device: str = "auto",
    precision: str = "32-true",
    compile: bool = False,
    folder: Path | None = None,
    resume: bool = False,
    checkpoint_seconds: float = 60.0,
    tensorboard: bool = False,
    progress: bool = True,
    after_epoch: Callable[[Mapping[str, float]], None] | None = None,
) -> Progression:
    """Train a model or method, and leave it with the weights of the epoch that is best on validation rows.

    Args:
        model: a method, or a bare model, which ``Supervised`` then trains with its recipe.
        train: training rows.
        valid: validation rows, for early stopping. Without them all epochs are run and the last one stays.
        epochs: passes over the training rows at most.
        patience: epochs without a better validation value before stopping.
        monitor: ``logloss`` (lower is better) or ``auc``, of the validation rows.
        seed: order of the batches, and dropout. Initial weights are drawn when the model is built; see ``seeded``.
        device: ``auto``, ``cpu``, ``cuda`` or another accelerator of Lightning Fabric.
        precision: ``32-true`` or ``bf16-mixed``.
        compile: compile the parts of the model that hold no id table (``torch.compile``).
        folder: where checkpoints and ``history.csv`` go; without one nothing is written and nothing can be resumed.
        resume: go on from a checkpoint in ``folder`` if there is one; the result is an uninterrupted run's, to the bit.
        checkpoint_seconds: seconds between checkpoints; one is also written after every epoch and on Ctrl-C.
        tensorboard: also log to TensorBoard files in ``folder`` (needs the extra ``track``).
        progress: show a progress bar where the output is a terminal.
        after_epoch: is called with each new row of the history; what it raises ends the training.

    Returns:
        The progression of the run, with its history and its ``train_seconds``.

    Raises:
        InputError: an option that cannot be, rows without labels or of another schema, or a checkpoint of another run.
        TrainingDiverged: the loss became NaN or infinite.
        KeyboardInterrupt: Ctrl-C, after the step in progress and a checkpoint.
    """
    fabric = fabric_for(epochs, patience, monitor, device, precision)
    if resume and folder is None:
        raise InputError("resume needs the folder of the run that it goes on with")
    if not len(train) or (valid is not None and not len(valid)):
        raise InputError("the training or the validation part is empty")
    method = as_method(model)
    for part in (train,) if valid is None else (train, valid):
        require_rows(method, part, "fit")
    if monitor == "auc" and valid is not None and (valid.label == valid.label[0]).all():
        raise InputError(
            "monitor 'auc': the validation part holds one class only; watch 'logloss', or take another split"
        )
    clock = time.monotonic()
    firsts = method.before(train, valid)
    seconds = time.monotonic() - clock
    for first in firsts:
        seconds += fit(
            first.method, first.train, first.valid, epochs=epochs, patience=patience, monitor=monitor, seed=seed,
            device=device, precision=precision, compile=compile, resume=resume,
            folder=None if folder is None else folder / first.name,
            checkpoint_seconds=checkpoint_seconds, tensorboard=tensorboard, progress=progress,
        ).train_seconds  # fmt: skip
    method.to(fabric.device)
    with seeded(seed):
        clock = time.monotonic()
        goes_on = resume and folder is not None and (folder / CHECKPOINT).exists()
        method.start(train, valid, Run(fabric, compile, goes_on))
        at = Progression(start_seconds=seconds + time.monotonic() - clock)
        monitored = method.monitored(valid)
        if monitored is not None and not len(monitored):
            raise InputError(f"{type(method).__name__}: no validation row is left to judge it on; give it more")
        most = epochs if method.most_epochs is None else min(epochs, method.most_epochs)
        loop = Loop(method, train, monitored, most, patience, monitor, seed, folder, checkpoint_seconds, at)
        if not method.iterates:
            loop.at.finished = True
        elif resume:
            loop.restore()
        if method.iterates:
            loop.judge_start()
        with TrainingProgress(progress) as bar, RunLog(folder, tensorboard) as log, deferred_interrupt() as interrupted:
            while not loop.at.finished:
                loop.run_epoch(bar, interrupted)
                log.write(loop.at.history)
                if after_epoch is not None:
                    after_epoch(loop.at.history[-1])
        loop.keep_best()
    method.eval()
    return loop.at


def fabric_for(epochs: int, patience: int, monitor: str, device: str, precision: str) -> Fabric:
    """Where a run computes; what cannot be is an ``InputError`` here, before anything is written.

    Args:
        epochs, patience, monitor, device, precision: as in ``fit``.
    """
    for name, value, known in (("monitor", monitor, MONITORS), ("precision", precision, PRECISIONS)):
        if value not in known:
            raise InputError(f"{name} {value!r} is unknown{nearest(value, known)}")
    if epochs < 1 or patience < 1:
        raise InputError(f"epochs and patience must be at least 1, not {epochs} and {patience}")
    try:
        return Fabric(accelerator=device, devices=1, precision=precision)  # type: ignore[arg-type]
    except (ValueError, RuntimeError):
        raise InputError(f"device {device!r} is not on this machine; name 'auto', 'cpu' or one that it has") from None
