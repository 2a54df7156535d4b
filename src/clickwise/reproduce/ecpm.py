"""An auction in which every trained model ranks the candidates of the same requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from clickwise.array_types import FloatArray, IntArray
from clickwise.configuration import arguments
from clickwise.data.log import ClickLog
from clickwise.data.sources.auction import draw_bids, simulate, winners
from clickwise.data.sources.synthetic import requests
from clickwise.data.storage import PreparedLog
from clickwise.data.tables import from_frame
from clickwise.metrics.significance import percentile_interval
from clickwise.prediction import predict
from clickwise.reproduce.job import Job
from clickwise.reproduce.resampled import resampled_sums
from clickwise.reproduce.study import Study

REQUESTS, CANDIDATES = 20_000, 8
SCORED_ROWS = 2_000  # at once; FFM holds a vector a pair of fields of each
TRUTH = "oracle"

Predictions = Mapping[str, Sequence[FloatArray]]
"""By model, the click probability of every candidate, one array a seed."""


@dataclass(frozen=True, eq=False)
class Auction:
    """What may be shown, and what it is worth.

    Attributes:
        rows: the candidates, encoded.
        truth: ``[rows]``, the true click probability.
        bid: ``[rows]``, what a click pays.
        request: ``[rows]``, the request that a candidate stands in.
    """

    rows: ClickLog
    truth: FloatArray
    bid: FloatArray
    request: IntArray

    @classmethod
    def on(cls, job: Job, log: PreparedLog, count: int = REQUESTS) -> "Auction":
        """``count`` requests on the last day of the synthetic log."""
        known = arguments(requests)
        shared = {name: value for name, value in job.source_options.items() if name in known}
        frame, _ = requests(count, CANDIDATES, **shared)
        rows = log.encoder.encode_table(from_frame(frame, "requests"))
        return cls(rows, frame["true_probability"].to_numpy(), draw_bids(len(rows), 0), frame["session"].to_numpy())


def predictions(study: Study, folder: str, models: Sequence[str], auction: Auction) -> dict[str, list[FloatArray]]:
    """What the trained models of a comparison predict, and the truth as the model ``oracle``."""
    found: dict[str, list[FloatArray]] = {TRUTH: [auction.truth]}
    for name in models:
        methods = (study.model(folder, name, seed) for seed in range(study.job.seeds))
        found[name] = [predict(method, auction.rows, SCORED_ROWS).astype(np.float64) for method in methods]
    return found


def by_hour(predicted: Predictions, auction: Auction) -> pl.DataFrame:
    """Impressions, expected clicks, expected income and eCPM by model and hour, averaged over seeds."""
    seeds = {f"{name}@{seed}": each for name, arrays in predicted.items() for seed, each in enumerate(arrays)}
    table = simulate(seeds, auction.truth, auction.bid, auction.request, auction.rows.time)
    return (
        table.with_columns(model=pl.col("model").str.split("@").list.first())
        .group_by("model", "hour", maintain_order=True)
        .agg(pl.col("impressions", "clicks", "income", "ecpm").mean())
    )


def over_the_day(predicted: Predictions, auction: Auction, replicates: int) -> dict[str, dict[str, float]]:
    """eCPM of each model over all requests, with the 95 % interval of a bootstrap of the users."""
    users = int(auction.rows.user.max()) + 1
    first = np.unique(auction.request, return_index=True)[1]
    shown = np.bincount(auction.rows.user[first], minlength=users).astype(np.float64)
    income = [np.mean([_income(each, auction, users) for each in arrays], axis=0) for arrays in predicted.values()]
    sums = np.stack([shown, *income])
    drawn = resampled_sums(sums, replicates)
    found = {}
    for name, earned, resampled in zip(predicted, income, drawn[1:], strict=True):
        low, high = percentile_interval(1000.0 * resampled / drawn[0])
        found[name] = {"mean": float(1000.0 * earned.sum() / shown.sum()), "low": low, "high": high}
    return found


def _income(probability: FloatArray, auction: Auction, users: int) -> FloatArray:
    """Expected income from the requests of each user, ``[users]``."""
    shown = winners(probability * auction.bid, auction.request)
    earned = np.bincount(auction.rows.user[shown], (auction.truth * auction.bid)[shown], minlength=users)
    return earned.astype(np.float64)


def best_hours(hourly: pl.DataFrame, models: Sequence[str]) -> dict[str, int]:
    """In how many hours each model has the highest eCPM."""
    of_models = hourly.filter(pl.col("model").is_in(list(models))).sort("ecpm", descending=True, maintain_order=True)
    best = of_models.unique("hour", keep="first", maintain_order=True)["model"]
    return {name: int((best == name).sum()) for name in models}
