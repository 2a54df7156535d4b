"""What user-dependent gating costs over its base model: time of a training step and of scoring a batch.

``python -m benchmarks.gating --repeats 5 --out gating.json``
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

from benchmarks.gating_steps import BASE, GATED, MODELS, WORK
from benchmarks.running import machine, markdown, run_child, write_result
from clickwise.nn.gate_kinds import GATES

Summary = dict[str, dict[str, dict[str, float]]]
FIGURES = ("seconds", "processor_seconds")
HEADER = (
    "model",
    "train ms a batch",
    "of base",
    "processor ms",
    "of base",
    "score ms a batch",
    "of base",
    "processor ms",
    "of base",
)


def summarise(rounds: list[dict[str, Any]], batches: dict[str, int]) -> Summary:
    """Of each contestant and work: medians over the rounds of the time of a batch, and of its ratio to the base.

    Ratios are of one round, so that slow drifts of the machine cancel.
    """
    summary: Summary = {}
    for name in (BASE, GATED):
        summary[name] = {work: {} for work in WORK}
        for work in WORK:
            for figure in FIGURES:
                times = [one[name][work][figure] for one in rounds]
                of_base = [own / one[BASE][work][figure] for own, one in zip(times, rounds, strict=True)]
                summary[name][work][figure] = statistics.median(times) / batches[work]
                summary[name][work][f"{figure}_ratio"] = statistics.median(of_base)
    return summary


def row(name: str, found: dict[str, dict[str, float]]) -> list[str]:
    """A row of the table."""
    cells = [name]
    for work in WORK:
        for figure in FIGURES:
            cells += [f"{1000 * found[work][figure]:.1f}", f"{found[work][f'{figure}_ratio']:.2f}"]
    return cells


def main() -> None:
    """Measure each model, print one table, write all rounds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--gate", choices=GATES, default="udg")
    parser.add_argument("--hidden-dims", type=int, nargs="+", help="of the model's MLP; its own default where left out")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    sizes = [] if options.hidden_dims is None else ["--hidden-dims", *map(str, options.hidden_dims)]
    results: dict[str, Any] = {"machine": machine(options.threads), "gate": options.gate, "models": {}}
    rows = []
    for model in options.models:
        arguments = [model, *sizes, "--gate", options.gate, "--threads", str(options.threads)]
        found = run_child("benchmarks.gating_steps", [*arguments, "--repeats", str(options.repeats)], options.threads)
        results["models"][model] = found
        if "error" in found:
            rows.append([model, f"failed: {found['error']}", *[""] * (len(HEADER) - 2)])
            continue
        summary = found["summary"] = summarise(found["rounds"], found["batches"])
        rows += [row(model, summary[BASE]), row(f"{model}~{options.gate}", summary[GATED])]
        write_result(options.out, results)
    print(markdown(HEADER, rows), flush=True)
    write_result(options.out, results)


if __name__ == "__main__":
    main()
