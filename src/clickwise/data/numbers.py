"""Number fields: standardised, or cut into buckets that then take the path of categories."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.errors import InputError
from clickwise.schema import Field

FloatArray = npt.NDArray[np.float64]

LARGEST = float(np.finfo(np.float32).max)
FARTHEST = 1e6  # deviations from the mean


@dataclass(frozen=True)
class NumberStatistics:
    """What a number field learns from training rows: ``mean`` and ``std``, or the ``edges`` of quantile buckets."""

    mean: float = 0.0
    std: float = 1.0
    edges: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"mean": self.mean, "std": self.std, "edges": list(self.edges)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "NumberStatistics":
        """The reverse of ``to_dict``."""
        return cls(float(values["mean"]), float(values["std"]), tuple(float(edge) for edge in values["edges"]))


def read_number(values: pl.Series, origin: str) -> FloatArray:
    """``float64 [rows]``, NaN where missing; text that is no number, and values that 32 bits call infinite, raise."""
    if values.dtype.is_nested():
        raise InputError(f"{origin}: column {values.name!r} holds {values.dtype}, not numbers")
    try:
        numbers = values.cast(pl.Float64, strict=False)
    except pl.exceptions.PolarsError:
        raise InputError(f"{origin}: column {values.name!r} holds {values.dtype}, not numbers") from None
    unreadable = numbers.is_null() & values.is_not_null()
    if values.dtype == pl.String:
        unreadable &= values != ""
    array = numbers.fill_null(np.nan).to_numpy()
    bad = unreadable.to_numpy() | (np.abs(array) > LARGEST)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"{origin}: column {values.name!r}, data row {row + 1}: {values[row]!r} is not a finite number; "
            "leave the cell empty where the value is missing"
        )
    return array


def fit_number(spec: Field, training: FloatArray) -> NumberStatistics:
    """Statistics of a field over the non-missing values of its training rows."""
    known = training[~np.isnan(training)]
    if not len(known) or spec.transform == "log_square":
        return NumberStatistics()
    if spec.transform == "quantile":
        inner = np.linspace(0.0, 1.0, spec.buckets + 1)[1:-1]
        return NumberStatistics(edges=tuple(np.unique(np.quantile(known, inner)).tolist()))
    # Equal values have a deviation of rounding errors, by which no other value must be divided.
    std = float(known.std()) if known.min() < known.max() else 0.0
    return NumberStatistics(mean=float(known.mean()), std=std or 1.0)


def standardise(values: FloatArray, statistics: NumberStatistics) -> npt.NDArray[np.float32]:
    """``float32 [rows, 2]``: the standardised value, 0 where missing, and the flag of missing.

    A value further from the mean than ``FARTHEST`` deviations counts as that far. No training row is: of ``n`` values
    none is further than ``sqrt(n - 1)`` from their mean. In later rows it keeps probabilities finite.
    """
    missing = np.isnan(values)
    reach = FARTHEST * statistics.std
    near = np.clip(np.where(missing, 0.0, values - statistics.mean), -reach, reach)
    scaled = near / statistics.std
    return np.stack([scaled, missing], axis=1).astype(np.float32)


def bucket(spec: Field, values: FloatArray, statistics: NumberStatistics) -> pl.Series:
    """Buckets as whole numbers, null where missing.

    ``quantile``: the number of edges that do not exceed the value. ``log_square``: Criteo's ``floor(log(x)^2)``
    above 2, and the value cut to a whole number up to there, so negative values keep buckets of their own, the last
    one for all below -2^53.
    """
    missing = np.isnan(values)
    known = np.where(missing, 0.0, values)
    if spec.transform == "quantile":
        buckets = np.searchsorted(np.asarray(statistics.edges), known, side="right")
    else:
        buckets = np.where(
            known > 2, np.floor(np.log(np.maximum(known, 1.0)) ** 2), np.trunc(np.maximum(known, -(2.0**53)))
        )
        buckets = buckets.astype(np.int64)
    return pl.Series(spec.name, buckets).zip_with(pl.Series(~missing), pl.Series([None], dtype=pl.Int64))
