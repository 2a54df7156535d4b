"""A simulated first-price auction: what each model would earn, hour by hour, if it ranked the candidates.

At every request the candidate with the highest ``bid * predicted probability`` is shown, and its advertiser pays the
bid when it is clicked. eCPM is the income of a thousand impressions. All models face the same requests and bids,
and clicks count by their true probability, so a difference between models is not the luck of the draw.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.errors import InputError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


SPREAD = 0.5
"""Standard deviation of the logarithm of a bid."""


def draw_bids(count: int, seed: int, median: float = 1.0) -> Floats:
    """``count`` bids for a click, log-normal around ``median``; the same seed gives the same bids."""
    return median * np.exp(SPREAD * np.random.default_rng(seed).standard_normal(count))


def simulate(
    probabilities: Mapping[str, npt.ArrayLike],
    truth: npt.ArrayLike,
    bid: npt.ArrayLike,
    request: npt.ArrayLike,
    time: npt.ArrayLike,
) -> pl.DataFrame:
    """Run every request once for each model.

    Args:
        probabilities: by model, ``[rows]``, the predicted click probability of each candidate.
        truth: ``[rows]``, the true click probability.
        bid: ``[rows]``, what the advertiser pays for a click.
        request: ``[rows]``, the request that the candidate stands in.
        time: ``[rows]``, Unix seconds of the request; hours are in UTC.

    Returns:
        One row a model and hour in which there were requests: ``model``, ``hour``, ``impressions``, ``clicks``
        (expected), ``income`` (expected) and ``ecpm``. Ties are won by the candidate that stands first.

    Raises:
        InputError: no models, no rows, or columns of different lengths.
    """
    truths, bids = np.asarray(truth, dtype=np.float64), np.asarray(bid, dtype=np.float64)
    numbers, times = np.asarray(request, dtype=np.int64), np.asarray(time, dtype=np.int64)
    predicted = {name: np.asarray(values, dtype=np.float64) for name, values in probabilities.items()}
    if not predicted:
        raise InputError("auction: 'probabilities' is empty; give at least one model")
    if truths.size == 0:
        raise InputError("auction: no candidates; give at least one row")
    columns: dict[str, Floats | Ints] = {"truth": truths, "bid": bids, "request": numbers, "time": times}
    columns |= {f"prediction of {name!r}": values for name, values in predicted.items()}
    for name, values in columns.items():
        _check(name, values, len(truths))
    hour = times // 3600 % 24
    shown = {name: winners(values * bids, numbers) for name, values in predicted.items()}
    return pl.concat(_by_hour(name, hour[rows], truths[rows], bids[rows]) for name, rows in shown.items())


def winners(score: Floats, request: Ints) -> Ints:
    """The row with the highest score of each request, in order of request; ``score`` and ``request`` are ``[rows]``."""
    order = np.lexsort((-score, request))
    ordered = request[order]
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    return order[first]


def _by_hour(model: str, hour: Ints, truth: Floats, bid: Floats) -> pl.DataFrame:
    impressions = np.bincount(hour, minlength=24)
    clicks = np.bincount(hour, weights=truth, minlength=24)
    income = np.bincount(hour, weights=truth * bid, minlength=24)
    busy = np.flatnonzero(impressions)
    return pl.DataFrame(
        {
            "model": [model] * len(busy),
            "hour": busy,
            "impressions": impressions[busy],
            "clicks": clicks[busy],
            "income": income[busy],
            "ecpm": 1000.0 * income[busy] / impressions[busy],
        }
    )


def _check(name: str, values: Floats | Ints, rows: int) -> None:
    if values.shape != (rows,):
        raise InputError(f"auction: {name} has shape {values.shape}; it must be ({rows},) like the truth")
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InputError(f"auction: {name} is {values[row]} in row {row + 1}; it must be finite")
