"""Results as plain values for JSON, which knows no NaN."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from clickwise.metrics.grouped import UserTable, auc_by_earlier, gauc


def coverage(table: UserTable) -> dict[str, float | int]:
    """Shares of users and impressions that GAUC covers, and how many users it leaves out."""
    found = gauc(table)
    return {
        "users": found.user_coverage,
        "impressions": found.coverage,
        "users_without_clicks": found.users_without_clicks,
        "users_only_clicks": found.users_only_clicks,
    }


def cold_start(
    label: npt.NDArray[Any], seeds: Sequence[npt.NDArray[Any]], earlier: npt.NDArray[np.integer[Any]]
) -> list[dict[str, float | int | None]]:
    """AUC by number of earlier interactions, averaged over seeds; ``to`` is inclusive, None in the last bucket."""
    curves = [auc_by_earlier(label, p, earlier) for p in seeds]
    return [
        {"from": b[0].low, "to": b[0].high, "rows": b[0].rows} | plain({"auc": float(np.mean([x.auc for x in b]))})
        for b in zip(*curves, strict=True)
    ]


def plain(values: Mapping[str, Any]) -> dict[str, float | None]:
    """Python floats, None for what is undefined: JSON knows no NaN."""
    return {name: None if value is None or not math.isfinite(value) else float(value) for name, value in values.items()}
