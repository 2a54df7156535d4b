"""An auction in which every trained model ranks the candidates of the same requests."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.configuration import arguments
from clickwise.data.log import ClickLog
from clickwise.data.sources.auction import draw_bids, simulate, winners
from clickwise.data.sources.synthetic import requests
from clickwise.data.storage import PreparedLog
from clickwise.data.tables import from_frame
from clickwise.experiment import run_folder
from clickwise.metrics.bootstrap import resample_weights
from clickwise.metrics.significance import percentile_interval
from clickwise.model_folder import load_model
from clickwise.prediction import predict
from clickwise.reproduce.job import Job

REQUESTS, CANDIDATES = 40_000, 8
TRUTH = "oracle"

Floats = npt.NDArray[np.float64]
Predictions = Mapping[str, Sequence[Floats]]


def candidates(job: Job, log: PreparedLog, count: int = REQUESTS) -> tuple[ClickLog, Floats]:
    """The rows of ``count`` requests on the last day of the synthetic log, and their true click probabilities."""
    known = arguments(requests)
    shared = {name: value for name, value in job.source_options.items() if name in known}
    frame, _ = requests(count, CANDIDATES, **shared)
    return log.encoder.encode_table(from_frame(frame, "requests")), frame["probability"].to_numpy()


def predictions(job: Job, folder: str, models: Sequence[str], rows: ClickLog, truth: Floats) -> dict[str, list[Floats]]:
    """What the trained models of a comparison predict, one array a seed, and the truth as the model ``oracle``."""
    found: dict[str, list[Floats]] = {TRUTH: [truth]}
    for name in models:
        folders = [run_folder(job.out / folder, name, seed) / "model" for seed in range(job.seeds)]
        found[name] = [predict(load_model(each).method, rows).astype(np.float64) for each in folders]
    return found


def by_hour(predicted: Predictions, truth: Floats, rows: ClickLog, request: npt.NDArray[np.int64]) -> pl.DataFrame:
    """Impressions, expected clicks, expected income and eCPM by model and hour, averaged over seeds."""
    seeds = {f"{name}@{seed}": each for name, arrays in predicted.items() for seed, each in enumerate(arrays)}
    table = simulate(seeds, truth, draw_bids(len(truth), 0), request, rows.time)
    model = pl.col("model").str.split("@").list.first()
    return (
        table.with_columns(model=model)
        .group_by("model", "hour", maintain_order=True)
        .agg(pl.col("impressions", "clicks", "income", "ecpm").mean())
    )


def over_the_day(
    predicted: Predictions, truth: Floats, rows: ClickLog, request: npt.NDArray[np.int64], replicates: int
) -> dict[str, dict[str, float]]:
    """eCPM of each model over all requests, with the 95 % interval of a bootstrap of the users."""
    bid = draw_bids(len(truth), 0)
    users = int(rows.user.max()) + 1
    income = {
        name: np.mean([_income(each * bid, request, bid * truth, rows.user, users) for each in arrays], axis=0)
        for name, arrays in predicted.items()
    }
    first = np.unique(request, return_index=True)[1]
    shown = np.bincount(rows.user[first], minlength=users)
    stacked = np.stack([shown, *income.values()]).astype(np.float64)
    drawn = np.concatenate([stacked @ weights for weights in resample_weights(users, replicates, 0)], axis=1)
    found = {}
    for name, earned, resampled in zip(income, stacked[1:], drawn[1:], strict=True):
        low, high = percentile_interval(1000.0 * resampled / drawn[0])
        found[name] = {"mean": float(1000.0 * earned.sum() / shown.sum()), "low": low, "high": high}
    return found


def _income(
    score: Floats, request: npt.NDArray[np.int64], worth: Floats, user: npt.NDArray[np.int64], users: int
) -> Floats:
    """Expected income from each user's requests, ``[users]``."""
    shown = winners(score, request)
    return np.bincount(user[shown], weights=worth[shown], minlength=users)


def best_hours(hourly: pl.DataFrame, models: Sequence[str]) -> dict[str, int]:
    """In how many hours each model has the highest eCPM."""
    of_models = hourly.filter(pl.col("model").is_in(list(models)))
    best = of_models.sort("ecpm", descending=True, maintain_order=True).unique(
        "hour", keep="first", maintain_order=True
    )
    return {name: int((best["model"] == name).sum()) for name in models}


def hourly_rows(hourly: pl.DataFrame) -> list[dict[str, Any]]:
    """``by_hour`` as plain values."""
    return hourly.sort("model", "hour").to_dicts()
