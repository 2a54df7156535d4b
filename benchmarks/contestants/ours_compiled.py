"""clickwise with the dense head compiled."""

from pathlib import Path

from benchmarks.contestants import Contestant, ours
from benchmarks.table import Table


def build(table: Table, folder: Path) -> Contestant:
    """As ``ours``, compiled; the compilation is in the first step, which is reported apart."""
    return ours.build(table, folder, compiled=True)
