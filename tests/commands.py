"""What the tests of the command line share: a small table of one's own, its schema, and a way to run a command."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clickwise.cli import main

SCHEMA = """\
label: tapped
user: visitor
time: seen_at
item: article
fields:
  - {name: visitor, owner: user}
  - {name: article, owner: item}
  - {name: price, owner: item, kind: number}
  - {name: clicked, owner: history, kind: sequence, of: article, vocabulary: article, length: 3}
"""
ROWS = 400


def clicks(seed: int = 0, rows: int = ROWS) -> pl.DataFrame:
    """A table in columns that clickwise has no names for; clicks depend on visitor and article."""
    rng = np.random.default_rng(seed)
    visitor, article = rng.integers(0, 12, rows), rng.integers(0, 9, rows)
    score = np.linspace(-2, 2, 12)[visitor] + np.linspace(2, -2, 9)[article]
    return pl.DataFrame(
        {
            "visitor": [f"v{code}" for code in visitor],
            "article": [f"a{code}" for code in article],
            "price": np.round(rng.lognormal(2, 1, rows), 2),
            "seen_at": 1_700_000_000 + np.sort(rng.integers(0, 10**6, rows)),
            "tapped": (rng.random(rows) < 1 / (1 + np.exp(-score))).astype(np.int64),
        }
    )


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit status and what it printed."""

    status: int
    out: str
    err: str


def write_table(folder: Path, table: pl.DataFrame | None = None, schema: str = SCHEMA) -> tuple[str, str]:
    """``clicks.csv`` and ``clicks.yaml`` in ``folder``; their paths."""
    file, yaml = folder / "clicks.csv", folder / "clicks.yaml"
    (clicks() if table is None else table).write_csv(file)
    yaml.write_text(schema)
    return str(file), str(yaml)


def run(capsys: pytest.CaptureFixture[str], *words: object) -> Outcome:
    """Run a command in this process."""
    capsys.readouterr()
    status = main([str(word) for word in words])
    printed = capsys.readouterr()
    return Outcome(status, printed.out, printed.err)


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one line in which a command refuses its input, with exit status 2 and no result on standard output."""
    outcome = run(capsys, *words)
    assert outcome.status == 2, outcome
    assert outcome.out == "" or words[0] == "doctor"  # which describes the machine whatever the folder
    lines = outcome.err.splitlines()
    assert len(lines) == 1, outcome.err
    assert lines[0].startswith("clickwise: error: ")
    return lines[0].removeprefix("clickwise: error: ")


def listing(folder: Path) -> set[str]:
    """Every file and folder below ``folder``, with sizes of files."""
    found = set()
    for path in folder.rglob("*"):
        size = f" {path.stat().st_size}" if path.is_file() else ""
        found.add(f"{path.relative_to(folder)}{size}")
    return found
