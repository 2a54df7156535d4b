"""One contestant in a process of its own: ``python -m benchmarks.sequence_contestant NAME MODEL RESULT``."""

import argparse
import importlib
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import roc_auc_score
from torch.optim.optimizer import Optimizer

from benchmarks.clock import StepClock
from benchmarks.contestants import Contestant
from benchmarks.contestants.sequences import BATCH_SIZE, MODELS, MODULES
from benchmarks.sequence_table import SequenceTable, draw_table

SCORINGS = 3


class ProcessorClock(StepClock):
    """Also the processor time of every step; that of a loader's worker processes is not in it."""

    def __init__(self, warm_up: int, limit: float) -> None:
        super().__init__(warm_up, limit)
        self.used: list[float] = []

    def _after_step(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            super()._after_step(optimizer, args, kwargs)
        finally:
            if len(self.used) < len(self.times):
                self.used.append(time.process_time())

    def rows_per_processor_second(self, batch_size: int) -> float:
        """Rate after the warm-up."""
        steps = len(self.used) - 1 - self.warm_up
        return steps * batch_size / (self.used[-1] - self.used[self.warm_up])


def score(contestant: Contestant) -> tuple[npt.NDArray[np.floating], float, float]:
    """Probabilities, rows a second, and rows a second of the processor: medians of three calls after one to warm up."""
    probability = np.asarray(contestant.predict()).reshape(-1)
    seconds, used = [], []
    for _ in range(SCORINGS):
        start, start_used = time.perf_counter(), time.process_time()
        contestant.predict()
        seconds.append(time.perf_counter() - start)
        used.append(time.process_time() - start_used)
    rows = len(probability)
    return probability, rows / statistics.median(seconds), rows / statistics.median(used)


def run(name: str, model: str, table: SequenceTable, folder: Path, limit: float, warm_up: int) -> dict[str, Any]:
    """Build, train and score; AUC only after a whole epoch."""
    module = importlib.import_module(f"benchmarks.contestants.{MODULES[name]}")
    contestant: Contestant = module.build(model, table, folder)
    with ProcessorClock(warm_up, limit) as clock:
        contestant.fit()
    probability, score_rate, score_rate_of_processor = score(contestant)
    return {
        "train_rows_per_second": clock.rows_per_second(BATCH_SIZE),
        "train_rows_per_processor_second": clock.rows_per_processor_second(BATCH_SIZE),
        "score_rows_per_second": score_rate,
        "score_rows_per_processor_second": score_rate_of_processor,
        "steps": len(clock.times),
        "auc": float(roc_auc_score(table.test_label, probability)) if clock.complete else None,
    }


def main() -> None:
    """Read the arguments, draw the table, run in a temporary folder, write the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=MODULES)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("result", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--test-rows", type=int, default=20_000)
    parser.add_argument("--length", type=int, default=20)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=float, default=30.0)
    parser.add_argument("--warm-up", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    table, result = draw_table(options.rows, options.test_rows, options.length, options.full), options.result.resolve()
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # some peers write logs and checkpoints to wherever they stand
        measured = run(options.name, options.model, table, Path(folder), options.limit, options.warm_up)
        os.chdir(home)
    result.write_text(json.dumps(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
