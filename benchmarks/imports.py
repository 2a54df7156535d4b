"""Seconds from starting Python to the end of an import, less those of an empty program.

``python -m benchmarks.imports --repeats 5 --out imports.json``
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.running import machine, markdown, write_result

PROGRAMS = {
    "python": "pass",
    "clickwise": "import clickwise",
    "clickwise --help": "",
    "torch": "import torch",
    "fuxictr": "import fuxictr.pytorch.models, fuxictr.pytorch.dataloaders",
    "deepctr-torch": "import deepctr_torch.models",
    "torch-rechub": "import torch_rechub.models.ranking, torch_rechub.trainers",
    "recbole": "import recbole.config, recbole.data, recbole.trainer",
}


def seconds(name: str) -> float | None:
    """Wall-clock of one fresh process, or None where it fails: not installed, or broken on these versions."""
    command = (
        [sys.executable, "-m", *name.split()] if name == "clickwise --help" else [sys.executable, "-c", PROGRAMS[name]]
    )
    start = time.perf_counter()
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start if done.returncode == 0 else None


def main() -> None:
    """Print the medians as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    times: dict[str, list[float | None]] = {name: [] for name in PROGRAMS}
    for name in PROGRAMS:  # once unmeasured: the files are then in the page cache for all
        seconds(name)
    for _ in range(options.repeats):
        for name in PROGRAMS:
            times[name].append(seconds(name))
    medians: dict[str, float | None] = {}
    for name, values in times.items():
        measured = [value for value in values if value is not None]
        medians[name] = statistics.median(measured) if len(measured) == options.repeats else None
    empty = medians["python"] or 0.0
    rows = [
        [name, "failed", ""] if value is None else [name, f"{value:.2f}", f"{value - empty:.2f}"]
        for name, value in medians.items()
    ]
    print(markdown(("program", "seconds", "less an empty program"), rows))
    results: dict[str, Any] = {"machine": machine(threads=1), "median_seconds": medians}
    write_result(options.out, results)


if __name__ == "__main__":
    main()
