"""Milliseconds to adapt to one new user and to score 100 candidates for that user.

``python -m benchmarks.new_user --ids 14025 319687 --support 50 --out new_user.json``
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.episode import meta_selector
from benchmarks.running import machine, markdown, write_result
from benchmarks.user_log import SHAPES
from clickwise.data.log import Batch

WARM_UP = 20
HEADER = ("ids", "support rows", "candidates", "median ms", "p99 ms", "without adapting, median ms")


def measure(ids: int, support_rows: int, candidates: int, repeats: int) -> dict[str, Any]:
    """Times of single requests, each of another user; models and sizes as in ``benchmarks.episode``."""
    method, episodes = meta_selector(ids)
    method.eval()
    tasks = [task for episode in episodes.epoch(0, 0) for task in episode if len(task.support) >= support_rows]
    users = [
        (rows(task.support, support_rows), rows(tasks[(place + 1) % len(tasks)].support, candidates))
        for place, task in enumerate(tasks)
    ]
    times: dict[str, list[float]] = {"adapted": [], "unadapted": []}
    with torch.inference_mode():
        for place in range(WARM_UP + repeats):
            support, query = users[place % len(users)]
            for name, given in (("adapted", support), ("unadapted", None)):
                started = time.perf_counter()
                method.outputs_for(given, query)
                times[name].append(1000 * (time.perf_counter() - started))
    found = {name: np.array(values[WARM_UP:]) for name, values in times.items()}
    return {
        "ids": ids,
        "support_rows": support_rows,
        "candidates": candidates,
        "median_ms": float(np.median(found["adapted"])),
        "p99_ms": float(np.quantile(found["adapted"], 0.99)),
        "unadapted_median_ms": float(np.median(found["unadapted"])),
    }


def rows(batch: Batch, count: int) -> Batch:
    """``count`` rows of a batch, from the start again where it has fewer."""
    return batch.select(torch.arange(count) % len(batch))


def main() -> None:
    """Measure, print one table, write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ids", type=int, nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--support", type=int, default=50)
    parser.add_argument("--candidates", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=500)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    found = [measure(ids, options.support, options.candidates, options.repeats) for ids in options.ids]
    cells = [
        [f"{one['ids']:,}", str(one["support_rows"]), str(one["candidates"]), f"{one['median_ms']:.1f}",
         f"{one['p99_ms']:.1f}", f"{one['unadapted_median_ms']:.1f}"]
        for one in found
    ]  # fmt: skip
    print(markdown(HEADER, cells))
    write_result(options.out, {"machine": machine(options.threads), "requests": found})


if __name__ == "__main__":
    main()
