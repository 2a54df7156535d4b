"""Times of a raw table as Unix seconds, and the parts of a time that are fields of their own."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.array_types import IntArray
from clickwise.errors import InputError
from clickwise.schema import Field

DAY = 86_400
TIME_UNITS = ((10**11, 1), (10**14, 10**3), (10**17, 10**6))
UNITS = {1: "seconds", 10**3: "milliseconds", 10**6: "microseconds", 10**9: "nanoseconds"}
MODERN = (631_152_000, 4_102_444_800)  # seconds: the years 1990 to 2099
EARLIEST, LATEST = -62_135_596_800, 253_402_300_799  # the years 1 to 9999
TICKS = {"ms": 10**3, "us": 10**6, "ns": 10**9}  # of a second
TEXT_TIMES = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f%:z")


def read_time(values: pl.Series, origin: str, required: bool = True) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """Unix seconds (UTC) and a mask of missing rows, which hold 0.

    Numbers are seconds where the largest of the column is below 1e11, else milliseconds below 1e14, microseconds
    below 1e17, and nanoseconds. Text is ISO 8601, in UTC unless it names an offset.

    Raises:
        InputError: a value that does not parse; or, where the time is ``required``, a missing one, or a column that
            mixes units.
    """
    check_calendar(values, origin)
    seconds = _seconds(values, origin, required)
    missing = values.is_null().to_numpy()
    if values.dtype.is_float():
        missing = missing | values.is_nan().fill_null(False).to_numpy()
    bad = seconds.is_null().to_numpy() & (~missing | required)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"{origin}: time column {values.name!r}, data row {row + 1}: {values[row]!r} is not a time; "
            "use Unix seconds or ISO text such as 2024-01-31 23:59:59"
        )
    return seconds.fill_null(0).to_numpy(), missing


def check_calendar(values: pl.Series, origin: str) -> None:
    """Raise where a date lies outside the years 1 to 9999, which neither text nor an error could show."""
    ticks = values.to_physical().cast(pl.Int64) if values.dtype in (pl.Date, pl.Datetime) else None
    if ticks is None:
        return
    unit = values.dtype.time_unit if isinstance(values.dtype, pl.Datetime) else None
    seconds = ticks * DAY if unit is None else ticks // TICKS[unit]
    bad = ~seconds.is_between(EARLIEST, LATEST).fill_null(True)
    if bad.any():
        row = int(bad.arg_max() or 0)
        raise InputError(
            f"{origin}: column {values.name!r}, data row {row + 1}: a date outside the years 1 to 9999 ({ticks[row]} "
            f"{unit or 'days'} from 1970-01-01)"
        )


def _seconds(values: pl.Series, origin: str, required: bool) -> pl.Series:
    if values.dtype == pl.String:
        numbers = values.cast(pl.Int64, strict=False)
        # Numbers, where most are: then a cell that is none is the one to be named.
        values = numbers if 2 * numbers.count() > values.count() else _parse_text(values)
    if values.dtype in (pl.Date, pl.Datetime):
        return values.cast(pl.Datetime("us")).dt.timestamp("us") // 1_000_000
    if values.dtype.is_float():
        values = values.cast(pl.Float64)
        values = (
            values.zip_with(values.is_finite(), pl.Series([None], dtype=pl.Float64))
            .floor()
            .cast(pl.Int64, strict=False)
        )
    if not values.dtype.is_integer() and values.dtype != pl.Null:
        raise InputError(f"{origin}: time column {values.name!r} holds {values.dtype}, not times")
    values = values.cast(pl.Int64, strict=False)
    largest = int(np.abs(values.drop_nulls().to_numpy()).max(initial=0))
    unit = next((divisor for bound, divisor in TIME_UNITS if largest < bound), 10**9)
    if required:  # since the time of a row is of our days; a date of birth in milliseconds may lie in January 1970
        _check_units(values, unit, origin)
    return values // unit


def _check_units(values: pl.Series, unit: int, origin: str) -> None:
    """Raise where a column holds times of our days in two units. One that counts up from 1970 holds some between."""
    low, high = MODERN
    last = values.arg_max()
    if last is None or values[last] < low * unit:
        return
    for other in (divisor for divisor in UNITS if divisor < unit):
        odd = values.is_between(low * other, high * other).fill_null(False)
        if odd.any() and not values.is_between(high * other, low * unit, closed="none").any():
            row = int(odd.arg_max() or 0)
            raise InputError(
                f"{origin}: time column {values.name!r} mixes units: data row {row + 1} is {values[row]}, by its size "
                f"{UNITS[other]}, and data row {last + 1} is {values[last]}, {UNITS[unit]}; write all in one unit"
            )


def span(parts: Iterable[IntArray]) -> str:
    """The first and the last of the times, Unix seconds, of all parts."""
    ends = [int(end) for times in parts for end in (times.min(), times.max())]
    first, last = (str(np.datetime64(end, "s")).replace("T", " ") for end in (min(ends), max(ends)))
    return f"{first} to {last} UTC"


def _parse_text(values: pl.Series) -> pl.Series:
    texts = values.str.strip_chars().str.replace("T", " ", literal=True).str.replace(r"Z$", "+00:00")
    parsed = pl.Series(values.name, [None], dtype=pl.Datetime("us")).new_from_index(0, len(values))
    for form in TEXT_TIMES:
        if parsed.null_count() == values.null_count():
            break
        times = texts.str.to_datetime(form, strict=False, time_unit="us")
        if isinstance(times.dtype, pl.Datetime) and times.dtype.time_zone:
            times = times.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        parsed = parsed.zip_with(parsed.is_not_null(), times)
    return parsed


def time_part(spec: Field, seconds: IntArray, missing: npt.NDArray[np.bool_]) -> pl.Series:
    """Hour 0..23, weekday 0 (Monday)..6, weekend 0 or 1, season 0 (December to February)..3; all in UTC."""
    days = seconds // DAY
    weekday = (days + 3) % 7  # 1 January 1970 was a Thursday
    if spec.transform == "hour":
        part = seconds % DAY // 3600
    elif spec.transform == "weekday":
        part = weekday
    elif spec.transform == "weekend":
        part = (weekday >= 5).astype(np.int64)
    else:
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
        part = months % 12 // 3
    return pl.Series(spec.name, part).zip_with(pl.Series(~missing), pl.Series([None], dtype=pl.Int64))
