"""Users a second of MetaSelector's second-order training: clickwise, whole tables, and ``higher``.

``python -m benchmarks.episodes --ids 14025 319687 --repeats 3 --out episodes.json``
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

from benchmarks.episode import CONTESTANTS
from benchmarks.running import machine, markdown, run_child, write_result
from benchmarks.user_log import SHAPES

Round = dict[int, dict[str, dict[str, Any]]]
HEADER = ("ids", "contestant", "users/s", "of dense", "of higher", "of itself at fewest ids", "peak MiB")


def run_rounds(options: argparse.Namespace) -> list[Round]:
    """Every contestant at every number of ids once a round, so that each round sees the same machine."""
    rounds = []
    for _ in range(options.repeats):
        one: Round = {ids: {} for ids in options.ids}
        for ids in options.ids:
            for name in options.contestants:
                arguments = ["--threads", str(options.threads), "--limit", str(options.limit), name, str(ids)]
                one[ids][name] = run_child("benchmarks.episode", arguments, options.threads)
        rounds.append(one)
    return rounds


def rates(rounds: list[Round], ids: int, name: str) -> list[float | None]:
    """Users a second in each round; None where the contestant failed or did not run."""
    return [one[ids].get(name, {}).get("users_per_second") for one in rounds]


def paired_ratio(own: list[float | None], others: list[float | None]) -> float | None:
    """Median over the rounds of one rate over the other: slow drifts of the machine cancel."""
    ratios = [one / other for one, other in zip(own, others, strict=True) if one is not None and other]
    return statistics.median(ratios) if ratios else None


def summarise(rounds: list[Round], ids: int, name: str) -> dict[str, Any]:
    """Medians and paired ratios of one contestant at one number of ids."""
    own, fewest = rates(rounds, ids, name), min(rounds[0])
    known = [rate for rate in own if rate is not None]
    peaks = [one[ids][name]["peak_bytes"] for one in rounds if "peak_bytes" in one[ids][name]]
    return {
        "users_per_second": statistics.median(known) if known else None,
        "of_dense": paired_ratio(own, rates(rounds, ids, "dense")),
        "of_higher": paired_ratio(own, rates(rounds, ids, "higher")),
        "of_fewest_ids": paired_ratio(own, rates(rounds, fewest, name)),
        "peak_bytes": statistics.median(peaks) if peaks else None,
        "error": next((one[ids][name]["error"] for one in rounds if "error" in one[ids][name]), None),
    }


def row(ids: int, name: str, found: dict[str, Any]) -> list[str]:
    """A row of the table."""
    if found["error"]:
        return [f"{ids:,}", name, f"failed: {found['error']}", *[""] * (len(HEADER) - 3)]
    ratios = [found[key] for key in ("of_dense", "of_higher", "of_fewest_ids")]
    return [
        f"{ids:,}",
        name,
        f"{found['users_per_second']:.1f}",
        *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
        f"{found['peak_bytes'] / 2**20:,.0f}",
    ]


def main() -> None:
    """Measure, print one table, write all rounds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ids", type=int, nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=10.0, help="seconds of training, after one episode to warm up")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rounds = run_rounds(options)
    summary = {ids: {name: summarise(rounds, ids, name) for name in options.contestants} for ids in options.ids}
    table = [row(ids, name, summary[ids][name]) for ids in options.ids for name in options.contestants]
    print(markdown(HEADER, table), flush=True)
    write_result(options.out, {"machine": machine(options.threads), "summary": summary, "rounds": rounds})


if __name__ == "__main__":
    main()
