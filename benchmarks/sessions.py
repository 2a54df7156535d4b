"""Sessions a second of training of every session method, and what a bilevel step holds in memory.

``python -m benchmarks.sessions --repeats 5 --out sessions.json``
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.running import machine, markdown, run_child, write_result
from benchmarks.session_steps import FEW_TASKS, FIRST_ORDER, MANY_TASKS, SPEED
from clickwise.reproduce.recurrent_meta.published import WITHOUT_LSTM, WITHOUT_META
from clickwise.reproduce.recurrent_meta.rows import BILEVEL

Rounds = Sequence[dict[str, dict[str, float]]]
HEADER = ("row", "sessions/s", "processor ms a session", "of the basic model's")
BASIC = "dnn"


def times(rounds: Rounds, name: str, figure: str = "processor_seconds") -> list[float]:
    """Seconds a session in each round."""
    return [one[name][figure] / one[name]["sessions"] for one in rounds]


def ratio(rounds: Rounds, first: str, second: str) -> float:
    """Median over the rounds of the first's processor time a session over the second's: slow drifts cancel."""
    pairs = zip(times(rounds, first), times(rounds, second), strict=True)
    return statistics.median(own / other for own, other in pairs)


def summarise(rounds: Rounds) -> dict[str, dict[str, float]]:
    """By contestant: medians over the rounds."""
    return {
        name: {
            "sessions_per_second": 1 / statistics.median(times(rounds, name, "seconds")),
            "processor_seconds": statistics.median(times(rounds, name)),
            "of_basic": ratio(rounds, name, BASIC),
        }
        for name in rounds[0]
    }


def row(name: str, found: dict[str, float]) -> list[str]:
    """A row of the table."""
    return [
        name,
        f"{found['sessions_per_second']:,.0f}",
        f"{1000 * found['processor_seconds']:.3f}",
        f"{found['of_basic']:.1f}",
    ]


def main() -> None:
    """Measure, print two tables and the two ratios, write all rounds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    threads = ["--threads", str(options.threads)]
    in_turns = [*threads, "--repeats", str(options.repeats), *SPEED]
    found = run_child("benchmarks.session_steps", in_turns, options.threads)
    if "error" in found:
        parser.exit(1, f"failed: {found['error']}\n")
    rounds, summary = found["rounds"], summarise(found["rounds"])
    print(markdown(HEADER, [row(name, each) for name, each in summary.items()]), flush=True)
    share = 1 - ratio(rounds, WITHOUT_LSTM, WITHOUT_META)
    orders = ratio(rounds, BILEVEL, FIRST_ORDER)
    print(f"\nShare of the LSTM branch and its loss in a step of {WITHOUT_META}: {share:.2f}")
    print(f"Time of second order over first in {BILEVEL}: {orders:.2f}\n", flush=True)
    peaks = {
        name: run_child("benchmarks.session_steps", [*threads, "--repeats", "1", name], options.threads)
        for name in (WITHOUT_META, FIRST_ORDER, FEW_TASKS, BILEVEL, MANY_TASKS)
    }
    cells = [[name, each.get("error") or f"{each['peak_bytes'] / 2**20:,.0f}"] for name, each in peaks.items()]
    print(markdown(("alone in a process", "peak MiB"), cells), flush=True)
    result = {"machine": machine(options.threads), "summary": summary, "rounds": rounds, "peaks": peaks}
    write_result(options.out, {**result, "lstm_share": share, "second_order_of_first": orders})


if __name__ == "__main__":
    main()
