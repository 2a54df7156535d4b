"""Rows a second of DIN and DIEN in training and scoring: clickwise, FuxiCTR and DeepCTR-Torch on one table.

``python -m benchmarks.sequences --lengths 20 50 --repeats 3 --out sequences.json``
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

from benchmarks.contestants.sequences import MODELS, MODULES
from benchmarks.running import machine, markdown, run_child, write_result
from benchmarks.training import Round, paired_ratio

PEERS = tuple(name for name in MODULES if name != "clickwise")
RATES = (
    "train_rows_per_second",
    "train_rows_per_processor_second",
    "score_rows_per_second",
    "score_rows_per_processor_second",
)
HEADER = ("model", "contestant", "train rows/s", "of fastest peer", "rows/processor s", "of fastest peer",
          "score rows/s", "of fastest peer", "rows/processor s", "of fastest peer", "test AUC")  # fmt: skip
WITHOUT = {("fuxictr", "dien-auxiliary")}  # its auxiliary loss is off by default, and left out here


def summarise(rounds: list[Round], names: list[str]) -> dict[str, dict[str, Any]]:
    """Medians of each contestant, and ratios to the fastest peer of the same round."""
    peers = [name for name in PEERS if name in names]
    summary: dict[str, dict[str, Any]] = {}
    for name in names:
        found = [one[name] for one in rounds]
        summary[name] = {"error": next((one["error"] for one in found if "error" in one), None)}
        if summary[name]["error"]:
            continue
        for figure in RATES:
            summary[name][figure] = statistics.median(one[figure] for one in found)
            summary[name][f"{figure}_ratio"] = paired_ratio(rounds, name, peers, figure)
        aucs = [one["auc"] for one in found if one["auc"] is not None]
        summary[name]["auc"] = statistics.median(aucs) if aucs else None
    return summary


def row(model: str, name: str, found: dict[str, Any]) -> list[str]:
    """A row of the table."""
    if found["error"]:
        return [model, name, f"failed: {found['error']}", *[""] * (len(HEADER) - 3)]
    cells = [model, name]
    for figure in RATES:
        ratio = found[f"{figure}_ratio"]
        cells += [f"{found[figure]:,.0f}", "" if ratio is None else f"{ratio:.2f}"]
    return [*cells, "" if found["auc"] is None else f"{found['auc']:.4f}"]


def run_rounds(options: argparse.Namespace, model: str, length: int, names: list[str]) -> list[Round]:
    """Every contestant once a round, so that each round sees the same machine."""
    arguments = ["--length", str(length), "--rows", str(options.rows), "--test-rows", str(options.test_rows)]
    arguments += ["--threads", str(options.threads), "--limit", str(options.limit), *["--full"] * options.full]
    module = "benchmarks.sequence_contestant"
    return [
        {name: run_child(module, [*arguments, name, model], options.threads) for name in names}
        for _ in range(options.repeats)
    ]


def main() -> None:
    """Measure at each length, print a table for each, write all rounds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[20, 50], help="slots of a history")
    parser.add_argument("--full", action="store_true", help="every history is full; else 1 behaviour to all of them")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--contestants", nargs="+", choices=MODULES, default=list(MODULES))
    parser.add_argument("--rows", type=int, default=200_000, help="training rows")
    parser.add_argument("--test-rows", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=float, default=30.0, help="seconds of training at most")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    lengths: dict[str, Any] = {}
    results = {"machine": machine(options.threads), "rows": options.rows, "full": options.full, "lengths": lengths}
    for length in options.lengths:
        rows = []
        found: dict[str, Any] = {}
        lengths[str(length)] = found
        for model in options.models:
            names = [name for name in options.contestants if (name, model) not in WITHOUT]
            rounds = run_rounds(options, model, length, names)
            found[model] = {"summary": summarise(rounds, names), "rounds": rounds}
            rows += [row(model, name, found[model]["summary"][name]) for name in names]
            write_result(options.out, results)
        print(f"\n### Histories of {length}\n\n{markdown(HEADER, rows)}", flush=True)


if __name__ == "__main__":
    main()
