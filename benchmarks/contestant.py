"""One contestant in a process of its own: ``python -m benchmarks.contestant NAME TABLE RESULT``."""

import argparse
import importlib
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from benchmarks.clock import StepClock
from benchmarks.contestants import BATCH_SIZE, MODULES, Contestant
from benchmarks.memory import peak_memory
from benchmarks.table import Table, load_table


def predict_rate(contestant: Contestant, table: Table) -> tuple[float, np.ndarray]:
    """Rows a second (median of three calls after one to warm up) and the probabilities."""
    probability = np.asarray(contestant.predict()).reshape(-1)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        contestant.predict()
        seconds.append(time.perf_counter() - start)
    return len(table.test_label) / statistics.median(seconds), probability


def run(name: str, table: Table, folder: Path, limit: float, warm_up: int) -> dict[str, float | bool | None]:
    """Build, train and predict; speeds in rows a second, memory in bytes, AUC only after a whole epoch."""
    contestant = importlib.import_module(f"benchmarks.contestants.{MODULES[name]}").build(table, folder)
    with StepClock(warm_up, limit) as clock:
        contestant.fit()
    training_peak = peak_memory()
    rate, probability = predict_rate(contestant, table)
    return {
        "train_rows_per_second": clock.rows_per_second(BATCH_SIZE),
        "first_step_seconds": clock.first_step_seconds(),
        "steps": len(clock.times),
        "complete": clock.complete,
        "peak_bytes": training_peak,
        "auc": float(roc_auc_score(table.test_label, probability)) if clock.complete else None,
        "predict_rows_per_second": rate,
    }


def main() -> None:
    """Read the arguments, run in a temporary folder, write the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=MODULES)
    parser.add_argument("table", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=60.0)
    parser.add_argument("--warm-up", type=int, default=20)
    options = parser.parse_args()
    del sys.argv[1:]  # RecBole reads the command line by itself
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    table, result = load_table(options.table.resolve()), options.result.resolve()
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # some peers write logs and checkpoints to wherever they stand
        measured = run(options.name, table, Path(folder), options.limit, options.warm_up)
        os.chdir(home)
    result.write_text(json.dumps(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
