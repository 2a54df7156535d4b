"""A small run whose end is known to the bit, for tests that break it off: by an error, Ctrl-C or ``kill -9``."""

import os
import signal
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import torch

from clickwise.checkpoint import save_state
from clickwise.loop import CHECKPOINT, Progression
from clickwise.methods import Supervised
from clickwise.models import DeepFM
from clickwise.training import fit, seeded
from tests.logs import make_logs

# A process runs long enough that even a busy machine does not see it end between two looks.
EPOCHS, EPOCHS_OF_PROCESS, BATCH_SIZE = 3, 30, 60
RESULT = "result.safetensors"


def method(row_sparse: bool = True, dropout: float = 0.3) -> Supervised:
    with seeded(0):
        model = DeepFM(make_logs(60).train.schema, embedding_dim=4, hidden_dims=(8,), dropout=dropout, batch_norm=True)
        return Supervised(model, batch_size=BATCH_SIZE, learning_rate=0.01, row_sparse=row_sparse)


def run(
    trained: Supervised, folder: Path | None = None, checkpoint_seconds: float = 0.0, epochs: int = EPOCHS
) -> Progression:
    """Train on 1,440 rows, going on from where ``folder`` stands."""
    parts = make_logs()
    return fit(
        trained, parts.train, parts.valid, epochs=epochs, patience=epochs, seed=3, device="cpu",
        folder=folder, resume=folder is not None, checkpoint_seconds=checkpoint_seconds, progress=False,
    )  # fmt: skip


def run_and_save(folder: Path) -> None:
    """What a process of its own does; it writes its final parameters into ``folder``."""
    torch.set_num_threads(1)
    trained = method()
    run(trained, folder, epochs=EPOCHS_OF_PROCESS)
    save_state(dict(trained.state_dict()), folder / RESULT)


def start(folder: Path) -> ForkServerProcess:
    """Such a process. The server it is forked from has imported torch already."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.interrupted"])
    process = context.Process(target=run_and_save, args=(folder,))
    process.start()
    return process


def checkpoints_written(folder: Path) -> int:
    """A number that changes with every checkpoint."""
    try:
        return (folder / CHECKPOINT).stat().st_ino
    except FileNotFoundError:
        return 0


def send(process: ForkServerProcess, number: signal.Signals) -> None:
    assert process.pid is not None
    os.kill(process.pid, number)
