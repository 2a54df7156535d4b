"""Numbers and names as people read them; plain ASCII, so that every terminal shows them."""

from collections.abc import Mapping
from typing import Any

MISSING = "-"
SIGNIFICANT = 0.05
STARS = "* corrected p < 0.05, ** < 0.01, *** < 0.001"


def decimals(value: float | None, digits: int = 4) -> str:
    """``0.8123``, or a dash where there is no value."""
    return MISSING if value is None else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 4) -> str:
    """``+0.0031``, or a dash where there is no value."""
    return MISSING if value is None else f"{value:+.{digits}f}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share of one as ``12.3 %``."""
    return MISSING if share is None else f"{100 * share:.{digits}f} %"


def count(value: int | None) -> str:
    """``1,234``."""
    return MISSING if value is None else f"{value:,}"


def interval(metric: Mapping[str, float | None], digits: int = 4) -> str:
    """``[0.8101, 0.8145]`` from ``low`` and ``high``, empty where there is no interval."""
    low, high = metric.get("low"), metric.get("high")
    return "" if low is None or high is None else f"[{low:.{digits}f}, {high:.{digits}f}]"


def estimate(metric: Mapping[str, float | None], digits: int = 4) -> str:
    """``0.8123 [0.8101, 0.8145]`` from ``mean``, ``low`` and ``high``."""
    return f"{decimals(metric['mean'], digits)} {interval(metric, digits)}".rstrip()


def p_value(p: float | None) -> str:
    """``p = 0.012`` or ``p < 0.001``."""
    if p is None:
        return "not tested"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def stars(p: float | None) -> str:
    """``***`` below 0.001, ``**`` below 0.01, ``*`` below 0.05, else nothing."""
    return "" if p is None else "*" * sum(p < limit for limit in (0.001, 0.01, SIGNIFICANT))


def minus(found: Mapping[str, float | None] | None, *p: str) -> str:
    """``+0.0031 (p = 0.012 *; p = 0.250)`` of a difference: the p-values under these keys, stars of the first."""
    if found is None:
        return MISSING
    first, *others = (found[key] for key in p)
    told = [f"{p_value(first)} {stars(first)}".rstrip(), *map(p_value, others)]
    return f"{signed(found['difference'])} ({'; '.join(told)})"


def duration(seconds: float | None) -> str:
    """Seconds as ``12.3 s``, ``3.2 min`` or ``1.4 h``."""
    if seconds is None:
        return MISSING
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def memory(size: int | None) -> str:
    """Bytes as ``512 MiB`` or ``1.4 GiB``."""
    if size is None:
        return MISSING
    return f"{size / 2**20:.0f} MiB" if size < 2**30 else f"{size / 2**30:.1f} GiB"


def earlier_range(bucket: Mapping[str, Any]) -> str:
    """A bucket of numbers of earlier interactions as ``0``, ``3-5`` or ``101+``."""
    low, high = bucket["from"], bucket["to"]
    if high is None:
        return f"{low}+"
    return str(low) if low == high else f"{low}-{high}"
