"""Columns that all but say the label: most are written after the click, and no model in service would have them."""

import numpy as np
import polars as pl

from clickwise.array_types import FloatArray

GROUPS = 50
ROWS_A_GROUP = 20
"""Of fewer rows, next to every value tells its own."""
MUCH = 0.5
"""Share of the label's entropy that no single column known beforehand comes near to."""


def tells_much(values: pl.Series, label: pl.Series) -> str:
    """What to ask of a column that alone tells most of the label; nothing of any other.

    Args:
        values: a column, of any type.
        label: of the same rows, without nulls.
    """
    told = share_told(values, label)
    return f"tells {told:.0%} of the label by itself: is it known before the click?" if told > MUCH else ""


def share_told(values: pl.Series, label: pl.Series) -> float:
    """Mutual information of a column and the label over the label's entropy, from 0 to 1.

    Few values count one by one. Numbers of many count by their ranks, in up to ``GROUPS`` groups; of many other values
    counts whether there is one, and whether it is the most frequent: "nothing" may be said by a word. No group but that
    of the rows without a value is of fewer than ``ROWS_A_GROUP`` rows on average.
    """
    clicked = label.cast(pl.String).str.to_lowercase().is_in(["1", "1.0", "true"])
    whole = float(_entropy(np.array([clicked.mean()]))[0])
    if whole == 0:
        return 0.0
    frame = pl.DataFrame({"group": _groups(values), "clicked": clicked})
    of_group = frame.group_by("group").agg(pl.len(), pl.col("clicked").mean())
    left = np.average(_entropy(of_group["clicked"].to_numpy()), weights=of_group["len"].to_numpy())
    return 1 - float(left) / whole


def _groups(values: pl.Series) -> pl.Series:
    if isinstance(values.dtype, pl.List | pl.Struct | pl.Array | pl.Null):
        return values.is_null()
    groups = min(GROUPS, len(values) // ROWS_A_GROUP)
    if values.n_unique() <= groups:
        return values
    if values.dtype.is_numeric():
        return (values.rank("max") * max(groups, 1) / len(values)).ceil()
    known = values.drop_nulls()
    if len(known) < ROWS_A_GROUP:
        return values.is_null()
    is_usual = values == known.mode().sort().head(1)  # null where there is no value
    return is_usual if is_usual.sum() >= ROWS_A_GROUP else values.is_null()


def _entropy(rate: FloatArray) -> FloatArray:
    """In nats, of a click rate; 0 at rates 0 and 1."""
    both = np.stack([rate, 1 - rate])
    return np.asarray(-(both * np.log(both, where=both > 0, out=np.zeros_like(both))).sum(axis=0))
