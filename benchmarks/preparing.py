"""From a raw file to encoded rows: time and peak memory.

``python -m benchmarks.preparing --repeats 3 --out preparing.json``, and the large file alone:
``python -m benchmarks.preparing --shapes criteo --criteo-rows 10000000 --encoders clickwise --repeats 1``.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.encoders import ENCODERS
from benchmarks.raw_files import WRITERS
from benchmarks.running import machine, markdown, run_child, write_result

HEADER = ("encoder", "seconds", "rows/s", "of fuxictr", "time of pyarrow", "peak MiB", "memory of fuxictr")


def summarise(rounds: list[dict[str, dict[str, Any]]], names: list[str], rows: int) -> dict[str, dict[str, Any]]:
    """Medians over the rounds; an encoder that failed keeps its error."""
    summary: dict[str, dict[str, Any]] = {}
    for name in names:
        errors = [one[name]["error"] for one in rounds if "error" in one[name]]
        if errors:
            summary[name] = {"error": errors[0]}
            continue
        seconds = statistics.median(one[name]["seconds"] for one in rounds)
        peak = statistics.median(one[name]["peak_bytes"] for one in rounds)
        summary[name] = {"seconds": seconds, "rows_per_second": rows / seconds, "peak_bytes": peak}
    return summary


def _ratio(summary: dict[str, dict[str, Any]], name: str, rival: str, figure: str) -> str:
    own, other = summary[name].get(figure), summary.get(rival, {}).get(figure)
    return format(own / other, ".2f") if own is not None and other else ""


def table(summary: dict[str, dict[str, Any]]) -> str:
    """The summary as Markdown."""
    rows = []
    for name, row in summary.items():
        if "error" in row:
            rows.append([name, f"failed: {row['error']}", *[""] * (len(HEADER) - 2)])
            continue
        rows.append(
            [
                name,
                f"{row['seconds']:.2f}",
                f"{row['rows_per_second']:,.0f}",
                _ratio(summary, name, "fuxictr", "rows_per_second"),
                _ratio(summary, name, "pyarrow", "seconds"),
                f"{row['peak_bytes'] / 2**20:,.0f}",
                _ratio(summary, name, "fuxictr", "peak_bytes"),
            ]
        )
    return markdown(HEADER, rows)


def main() -> None:
    """Write each file once, run the encoders on it in turn, print a table for each file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", choices=WRITERS, default=list(WRITERS))
    parser.add_argument("--integer-rows", type=int, default=1_100_000)
    parser.add_argument("--criteo-rows", type=int, default=200_000)
    parser.add_argument("--encoders", nargs="+", choices=ENCODERS, default=list(ENCODERS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results: dict[str, Any] = {"machine": machine(options.threads), "files": {}}
    sizes = {"integers": options.integer_rows, "criteo": options.criteo_rows}
    for shape in options.shapes:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{shape}.csv"
            WRITERS[shape](file, sizes[shape])
            file_bytes = file.stat().st_size
            rounds = [
                {
                    name: run_child("benchmarks.encoders", [name, shape, str(file)], options.threads)
                    for name in options.encoders
                }
                for _ in range(options.repeats)
            ]
        summary = summarise(rounds, options.encoders, sizes[shape])
        results["files"][shape] = {"rows": sizes[shape], "bytes": file_bytes, "summary": summary, "rounds": rounds}
        print(f"\n### {shape}: {sizes[shape]:,} rows, {file_bytes / 2**20:,.0f} MiB\n\n{table(summary)}", flush=True)
        write_result(options.out, results)


if __name__ == "__main__":
    main()
