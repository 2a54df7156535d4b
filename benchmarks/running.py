"""Running a contestant in a process of its own, and numbers as text."""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "clickwise",
    "torch",
    "numpy",
    "polars",
    "pyarrow",
    "fuxictr",
    "deepctr-torch",
    "torch-rechub",
    "recbole",
    "higher",
)


def run_child(module: str, arguments: Sequence[str], threads: int) -> dict[str, Any]:
    """Run ``python -m module ARGUMENTS... RESULT`` with ``threads`` threads and read the JSON it writes to RESULT.

    A contestant that fails gives ``{"error": last line of its output}``: the others go on.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    environment["POLARS_MAX_THREADS"] = str(threads)
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments, str(result)],
            check=False,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        if done.returncode:
            return {"error": (done.stdout.strip().splitlines() or [f"exit status {done.returncode}"])[-1]}
        measured: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return measured


def machine(threads: int) -> dict[str, Any]:
    """What the figures were measured on."""
    versions: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return {
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "threads": threads,
        "python": platform.python_version(),
        "versions": versions,
    }


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its first column to the left and the others to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_result(path: Path | None, result: dict[str, Any]) -> None:
    """Write the figures as JSON where a path was given."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
