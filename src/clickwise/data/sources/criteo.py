"""Criteo's display advertising challenge (Kaggle 2014): 45,840,617 impressions over seven days, from ``train.txt``.

A line is a label, 13 whole numbers and 26 hashed categories, tab-separated and without a header; an empty cell is a
missing value. There is neither a user nor a time: the order of the lines is that of time, and every row counts as a
user of its own. What the 39 columns mean was never published.
"""

from pathlib import Path

import polars as pl

from clickwise.checks import require_choice
from clickwise.data.layout import Layout
from clickwise.data.sources.packed import Official, find_file
from clickwise.data.tables import RawTable, of_layout
from clickwise.schema import NUMBER_TRANSFORMS, Field, Schema

NUMBERS = tuple(f"I{index}" for index in range(1, 14))
CATEGORIES = tuple(f"C{index}" for index in range(1, 27))
OFFICIAL = Official(
    "criteo",
    ("train.txt", "train.txt.gz"),
    ("criteo*.zip", "criteo*.tar.gz", "dac.tar.gz", "kaggle-display-advertising-challenge-dataset.*"),
    "download the Kaggle Display Advertising Challenge dataset from https://ailab.criteo.com/ressources/ "
    "and put train.txt, or the archive that holds it, there",
)
LAYOUT = Layout(
    kind="tsv",
    dtypes={"label": pl.Int64(), **dict.fromkeys(NUMBERS, pl.Int64()), **dict.fromkeys(CATEGORIES, pl.String())},
    header=False,
    rules={"label": (pl.col("label").is_in(["0", "1"]), "0 or 1")},
)


def load(
    root: Path | None = None,
    file: str | None = None,
    numbers: str = "log_square",
    buckets: int = 20,
    min_count: int = 10,
    unpacked: str | None = None,
) -> tuple[RawTable, Schema]:
    """The rows of ``train.txt``, which are read from the file and never stand in memory as a whole.

    Args:
        root: folder that holds ``train.txt`` or an archive of it, or has a folder ``criteo`` that does.
        file: name of the file or archive in ``root``, where it holds several or has a name of its own.
        numbers: ``log_square`` (a number x above 2 is the category floor(log(x)^2), any other the category x, as the
            challenge's winners did), ``quantile`` (``buckets`` categories), or ``standardise`` (it stays a number).
        buckets: of ``quantile``.
        min_count: values and buckets seen less often in the training rows are one unknown value; 1 keeps all.
        unpacked: folder that receives the file of an archive, once; None for the user's cache.

    Raises:
        InputError: no file or several, a damaged archive, or another layout.
    """
    require_choice("source 'criteo'", "numbers", numbers, NUMBER_TRANSFORMS)
    fields = [
        Field(name, kind="number", transform=numbers, buckets=buckets, min_count=min_count) for name in NUMBERS
    ] + [Field(name, min_count=min_count) for name in CATEGORIES]
    table = of_layout(LAYOUT, find_file(OFFICIAL, root, file, unpacked), "criteo")
    return table, Schema(tuple(fields))
