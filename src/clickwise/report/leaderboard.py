"""The leaderboard on a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clickwise.metrics.summary import ORACLE
from clickwise.report.reading import Results, difference, own_difference, ranked, title, verdict
from clickwise.report.wording import STARS, decimals, duration, interval, memory, p_value, percent, signed, stars

METRICS = ("auc", "gauc", "logloss", "rig", "rmse", "ece", "pcoc")
# Columns between two cells in the table style below.
GAP = 2
# Columns that are left out where no method has a value.
SPARSE = ("AUC vs same model", "Gap closed")

Column = tuple[str, list[str]]


def print_leaderboard(results: Results, console: Console) -> None:
    """Print the methods, best AUC first, and the verdict.

    Columns that do not fit beside each other follow in a further table, so that no number is lost on a narrow terminal.
    """
    names = ranked(results)
    titles = [title(results, name) for name in names]
    for columns in _pack(leaderboard_columns(results), titles, console.width):
        console.print(_table(titles, columns))
    same = "; against the same model without its gate or other loss" if results.get("own_model_differences") else ""
    console.print(Text(f"Intervals: 95 %. Against the best single model{same}: {STARS}.", style="dim"))
    console.print(Text(verdict(results), style="bold"))


def print_metrics(metrics: Mapping[str, Any], console: Console) -> None:
    """Print the metrics of one method, a line each, with their 95 % intervals."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False, header_style="bold")
    for heading, justify in (("Metric", "left"), ("Value", "right"), ("95 %", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for name in METRICS:
        table.add_row(name, decimals(metrics[name]["mean"]), interval(metrics[name]))
    console.print(table)


def leaderboard_columns(results: Results, joint: str = " ") -> list[Column]:
    """Headings and cells of the leaderboard, most important first, rows in the order of ``ranked``.

    ``joint`` stands between a value and what belongs to it: its interval or its p-value.
    """
    names = ranked(results)
    methods = [results["methods"][name] for name in names]
    columns = [
        ("AUC [95 %]", [_estimate(m["auc"], joint) for m in methods]),
        ("AUC vs best single", [_against(results, name, joint) for name in names]),
        ("AUC vs same model", [_against_own(results, name, joint) for name in names]),
        ("LogLoss [95 %]", [_estimate(m["logloss"], joint) for m in methods]),
        ("GAUC", [decimals(m["gauc"]["mean"]) for m in methods]),
        ("RelaImpr", [_points(m["relaimpr"]) for m in methods]),
        ("ECE", [decimals(m["ece"]["mean"]) for m in methods]),
        ("PCOC", [decimals(m["pcoc"]["mean"], 3) for m in methods]),
        ("Users won", [percent(m["users_won"]) for m in methods]),
        ("Gap closed", [percent(m["gap_closed"]) for m in methods]),
        ("Training", [duration(m["train_seconds"]) for m in methods]),
        ("Memory", [memory(m["peak_memory_bytes"]) for m in methods]),
    ]
    return [(heading, cells) for heading, cells in columns if heading not in SPARSE or any(c != "-" for c in cells)]


def _against(results: Results, name: str, joint: str) -> str:
    if name == results["best_single"]:
        return "reference"
    entry = difference(results, name, "auc")
    if entry is None:
        return "-" if name == ORACLE else "not tested"
    return _tested(entry, joint)


def _against_own(results: Results, name: str, joint: str) -> str:
    entry = own_difference(results, name, "auc")
    return "-" if entry is None else _tested(entry, joint)


def _tested(entry: Mapping[str, Any], joint: str) -> str:
    return f"{signed(entry['difference'])}{joint}{p_value(entry['p_corrected'])} {stars(entry['p_corrected'])}".rstrip()


def _estimate(metric: Mapping[str, float | None], joint: str) -> str:
    return f"{decimals(metric['mean'])}{joint}{interval(metric)}".rstrip()


def _points(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f} %"


def _pack(columns: Sequence[Column], titles: list[str], width: int) -> list[list[Column]]:
    first = max(cell_len(text) for text in [*titles, "Method"]) + GAP
    room = width - min(first, width // 3) - GAP
    packed: list[list[Column]] = [[]]
    left = room
    for heading, cells in columns:
        need = max(cell_len(text) for text in [heading, *cells]) + GAP
        if need > left and packed[-1]:
            packed.append([])
            left = room
        packed[-1].append((heading, cells))
        left -= need
    return packed


def _table(titles: list[str], columns: list[Column]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False, header_style="bold")
    table.add_column("Method", overflow="fold")
    for heading, _ in columns:
        table.add_column(heading, justify="left" if heading.startswith("AUC vs ") else "right", no_wrap=True)
    for row, text in enumerate(titles):
        table.add_row(Text(text), *(Text(cells[row]) for _, cells in columns))
    return table
