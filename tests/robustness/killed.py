"""A small comparison as a process of its own that can be killed: forked from a server that has imported everything."""

from functools import partial
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import torch

from clickwise import runs
from clickwise.data.storage import open_prepared
from clickwise.experiment import run_comparison
from clickwise.runs import Plan
from clickwise.training import fit

PLAN = Plan(
    ["lr", "fm", "metaselector-simplified"],
    options={
        "lr": {"batch_size": 200},
        "fm": {"batch_size": 200, "embedding_dim": 2},
        "metaselector-simplified": {"users_per_episode": 4, "most_epochs": 2},
    },
    epochs=2,
    patience=2,
    device="cpu",
    replicates=100,
)


def compare(log: Path, out: Path) -> None:
    """The comparison of PLAN, begun or gone on with, a checkpoint a step."""
    torch.set_num_threads(1)
    setattr(runs, "fit", partial(fit, checkpoint_seconds=0.0))  # noqa: B010 (runs does not export it)
    run_comparison(open_prepared(log), PLAN, out, resume=True, progress=False)


def start(log: Path, out: Path) -> ForkServerProcess:
    """Such a process. Its server has imported torch but computed nothing, so that it has no threads to lose."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.robustness.killed", "clickwise.report.page", "tests.interrupted"])
    process = context.Process(target=compare, args=(log, out))
    process.start()
    return process


def timeless(value: Any) -> Any:
    """Results less what a clock, the machine's memory or the checkout says."""
    changing = ("seconds", "started", "peak_memory", "commit", "command")
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if not any(word in k for word in changing)}
    return [timeless(item) for item in value] if isinstance(value, list) else value
