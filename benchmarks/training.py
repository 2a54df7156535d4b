"""Training and prediction speed, memory and AUC of one DeepFM in every library.

``python -m benchmarks.training --rows 1000000 --ids 14000 320000 2700000 10000000 --repeats 3 --out training.json``
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.contestants import MODULES, PEERS
from benchmarks.running import machine, markdown, run_child, write_result
from benchmarks.table import write_table

Round = dict[str, dict[str, Any]]
HEADER = (
    "contestant",
    "train rows/s",
    "of bare",
    "of fastest peer",
    "predict rows/s",
    "of fastest peer",
    "peak MiB",
    "test AUC",
    "first step s",
)


def _values(rounds: list[Round], name: str, figure: str) -> list[float]:
    values = (one[name].get(figure) for one in rounds if name in one)
    return [float(value) for value in values if value is not None]


def _median(rounds: list[Round], name: str, figure: str) -> float | None:
    values = _values(rounds, name, figure)
    return statistics.median(values) if values else None


def paired_ratio(rounds: list[Round], name: str, rivals: list[str], figure: str) -> float | None:
    """Median over rounds of ``name`` over the round's fastest rival: slow drifts of the machine cancel."""
    ratios = []
    for one in rounds:
        best = max((one[rival].get(figure) or 0.0 for rival in rivals if rival in one), default=0.0)
        own = one.get(name, {}).get(figure)
        if own is not None and best:
            ratios.append(own / best)
    return statistics.median(ratios) if ratios else None


def summarise(rounds: list[Round], names: list[str]) -> dict[str, dict[str, Any]]:
    """Medians and paired ratios of each contestant."""
    peers = [name for name in PEERS if name in names]
    figures = ("train_rows_per_second", "predict_rows_per_second", "peak_bytes", "auc", "first_step_seconds")
    summary: dict[str, dict[str, Any]] = {}
    for name in names:
        row: dict[str, Any] = {figure: _median(rounds, name, figure) for figure in figures}
        row["train_of_bare"] = paired_ratio(rounds, name, ["bare"], "train_rows_per_second")
        row["train_of_peer"] = paired_ratio(rounds, name, peers, "train_rows_per_second")
        row["predict_of_peer"] = paired_ratio(rounds, name, peers, "predict_rows_per_second")
        row["complete"] = all(one[name].get("complete", False) for one in rounds if name in one)
        row["error"] = next((one[name]["error"] for one in rounds if "error" in one.get(name, {})), None)
        summary[name] = row
    return summary


def _text(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def table(summary: dict[str, dict[str, Any]]) -> str:
    """The summary as Markdown; a star marks a speed of the steps within the time limit, without a whole epoch."""
    rows = []
    for name, row in summary.items():
        if row["error"]:
            rows.append([name, f"failed: {row['error']}", *[""] * (len(HEADER) - 2)])
            continue
        peak = row["peak_bytes"]
        rows.append(
            [
                name,
                _text(row["train_rows_per_second"], ",.0f") + ("" if row["complete"] else "*"),
                _text(row["train_of_bare"], ".2f"),
                _text(row["train_of_peer"], ".2f"),
                _text(row["predict_rows_per_second"], ",.0f"),
                _text(row["predict_of_peer"], ".2f"),
                _text(None if peak is None else peak / 2**20, ",.0f"),
                _text(row["auc"], ".4f"),
                _text(row["first_step_seconds"], ".1f"),
            ]
        )
    return markdown(HEADER, rows)


def run_rounds(options: argparse.Namespace, folder: Path) -> list[Round]:
    """Every contestant once a round, so that each round sees the same machine."""
    rounds = []
    for _ in range(options.repeats):
        one = {}
        for name in options.contestants:
            arguments = ["--threads", str(options.threads), "--limit", str(options.limit), name, str(folder)]
            one[name] = run_child("benchmarks.contestant", arguments, options.threads)
        rounds.append(one)
    return rounds


def main() -> None:
    """Measure at each number of ids, print a table for each, write all rounds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="training rows (whole batches of 2,000)")
    parser.add_argument("--ids", type=int, nargs="+", default=[14_000, 320_000, 2_700_000, 10_000_000])
    parser.add_argument("--contestants", nargs="+", choices=MODULES, default=list(MODULES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--limit", type=float, default=60.0, help="seconds of training at most; slow loops are cut short"
    )
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results: dict[str, Any] = {"machine": machine(options.threads), "rows": options.rows, "ids": {}}
    for ids in options.ids:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "table"
            oracle = write_table(folder, options.rows, ids)
            rounds = run_rounds(options, folder)
        summary = summarise(rounds, options.contestants)
        results["ids"][str(ids)] = {"oracle_auc": oracle, "summary": summary, "rounds": rounds}
        print(f"\n### {ids:,} ids\n\nAUC of the planted probabilities: {oracle:.4f}\n\n{table(summary)}", flush=True)
        write_result(options.out, results)


if __name__ == "__main__":
    main()
