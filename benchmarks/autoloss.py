"""What AutoLoss costs over cross-entropy: time of a step, by how often the controller learns, and memory.

``python -m benchmarks.autoloss --repeats 5 --out autoloss.json``
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

from benchmarks.autoloss_steps import CONTESTANTS, PLAIN, SHAPES, STEPS
from benchmarks.running import machine, markdown, run_child, write_result

HEADER = ("trained on", "ms a step", "of cross-entropy", "processor ms a step", "of cross-entropy", "peak MiB")
FIGURES = ("seconds", "processor_seconds")


def child(shape: str, names: list[str], repeats: int, threads: int) -> dict[str, Any]:
    """Contestants in turns, in one process of their own."""
    arguments = ["--threads", str(threads), "--repeats", str(repeats), shape, *names]
    found = run_child("benchmarks.autoloss_steps", arguments, threads)
    if "error" in found:
        raise SystemExit(f"{shape}, {', '.join(names)}: {found['error']}")
    return found


def summarise(rounds: list[dict[str, Any]], name: str) -> dict[str, float]:
    """Medians over the rounds of the time of a step, and of its ratio to cross-entropy in the same round."""
    summary = {}
    for figure in FIGURES:
        summary[figure] = statistics.median(one[name][figure] / STEPS for one in rounds)
        summary[f"{figure}_ratio"] = statistics.median(one[name][figure] / one[PLAIN][figure] for one in rounds)
    return summary


def row(name: str, found: dict[str, float]) -> list[str]:
    """A row of the table."""
    cells = [name]
    for figure in FIGURES:
        cells += [f"{1000 * found[figure]:.1f}", f"{found[f'{figure}_ratio']:.2f}"]
    return [*cells, f"{found['peak_bytes'] / 2**20:,.0f}" if "peak_bytes" in found else ""]


def main() -> None:
    """Measure on each log, print a table for each, write all rounds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--every", type=int, nargs="+", default=[1, 3, 7, 15], help="steps a controller update, f")
    parser.add_argument("--memory-every", type=int, default=7, help="f at which memory is measured")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    names = [name for name, of in CONTESTANTS.items() if of is None or of[1] in options.every]
    results: dict[str, Any] = {"machine": machine(options.threads), "steps": STEPS, "logs": {}}
    for shape in options.shapes:
        found = child(shape, names, options.repeats, options.threads)
        summary = {name: summarise(found["rounds"], name) for name in names}
        for name in names:
            of = CONTESTANTS[name]
            if of is None or of[1] == options.memory_every:  # alone in its process, one round
                summary[name]["peak_bytes"] = child(shape, [name], 1, options.threads)["peak_bytes"]
        results["logs"][shape] = {"summary": summary, **found}
        table = markdown(HEADER, [row(name, summary[name]) for name in names])
        print(f"\n### {shape}: {found['ids']:,} ids in {found['slots']} slots\n\n{table}", flush=True)
        write_result(options.out, results)


if __name__ == "__main__":
    main()
