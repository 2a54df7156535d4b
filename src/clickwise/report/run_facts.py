"""What is known of the run: a line below the title, and a section."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from clickwise.report.markup import facts, section, subheading
from clickwise.report.reading import Results
from clickwise.report.wording import count, duration, percent


def run_line(results: Results) -> str:
    """The split, its rows and the seeds, in a line."""
    run = _known(results)
    parts = []
    if "split" in run:
        parts.append(f"{run['split']} split")
    if "rows" in run:
        parts.append(f"{_rows(run['rows'])} rows")
    if "seeds" in run:
        parts.append(f"{'seed' if len(run['seeds']) == 1 else 'seeds'} {_list(run['seeds'])}")
    return " \N{MIDDLE DOT} ".join(parts)


def run_section(results: Results) -> str:
    """The run's facts and its options."""
    options = {key: _written(value) for key, value in _known(results).get("options", {}).items()}
    parts = [subheading("Options"), facts(options)] if options else []
    return section("run", "The run", facts(dict(_facts(results))), *parts)


def _facts(results: Results) -> Iterator[tuple[str, str]]:
    shown: dict[str, tuple[str, Callable[[Any], str]]] = {
        "source": ("Source", str),
        "split": ("Split", str),
        "split_leaks": ("What the split leaks", str),
        "rows": ("Rows", _rows),
        "users": ("Users", count),
        "click_rate": ("Click rate", lambda rate: percent(rate, 2)),
        "classes": ("Classes", str),
        "seeds": ("Seeds", _list),
        "started": ("Started", str),
        "wall_clock_seconds": ("Wall clock", duration),
        "clickwise": ("clickwise", str),
        "torch": ("torch", str),
        "platform": ("Machine", str),
        "commit": ("Commit", str),
        "command": ("Command", str),
    }
    run = _known(results)
    for key, (heading, written) in shown.items():
        if key in run:
            yield heading, written(run[key])


def _known(results: Results) -> dict[str, Any]:
    """Entries that have a value; a comparison of models trained elsewhere knows less than the command does."""
    return {key: value for key, value in results["run"].items() if value is not None}


def _rows(rows: dict[str, int]) -> str:
    return ", ".join(f"{part} {count(number)}" for part, number in rows.items())


def _list(values: list[Any]) -> str:
    return ", ".join(str(value) for value in values)


def _written(value: Any) -> str:
    if isinstance(value, list | dict) and not value:
        return "none"
    if isinstance(value, list) and not any(isinstance(each, list | dict) for each in value):
        return _list(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
