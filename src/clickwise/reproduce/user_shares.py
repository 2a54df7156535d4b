"""Which share of users each model wins, and how large a data set is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.data.sources import open_table
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.methods.memory import FIRST_VALUE
from clickwise.metrics.bootstrap import resample_weights
from clickwise.metrics.selectors import winners
from clickwise.metrics.significance import percentile_interval
from clickwise.reproduce.job import Job
from clickwise.reproduce.selection_table import Rows


def share_rows(
    rows: Rows, models: Sequence[str], published: Mapping[str, float], replicates: int
) -> list[dict[str, Any]]:
    """Share of users on whose test rows each model has the lowest LogLoss, ``{"mean", "low", "high"}`` over seeds.

    Args:
        rows: the test rows.
        models: between which each user is given away; a tie goes to the first.
        published: shares of the paper by model.
        replicates: bootstrap resamples of the users, for the 95 % interval.
    """
    seeds = zip(*(rows.predictions[name] for name in models), strict=True)
    won = [winners(rows.label, rows.user, dict(zip(models, each, strict=True))).model for each in seeds]
    wins = np.stack([np.mean([one == place for one in won], axis=0) for place in range(len(models))])
    drawn = _resampled(wins, replicates)
    found = []
    for name, of_model, resampled in zip(models, wins, drawn, strict=True):
        low, high = percentile_interval(resampled)
        share = {"mean": float(of_model.mean()), "low": low, "high": high}
        found.append({"method": name, "published": published.get(name), "share": share, "users": wins.shape[1]})
    return found


def _resampled(wins: npt.NDArray[np.float64], replicates: int) -> npt.NDArray[np.float64]:
    users = wins.shape[1]
    return np.concatenate([wins @ weights / users for weights in resample_weights(users, replicates, 0)], axis=1)


def statistics(job: Job, log: PreparedLog, source: str) -> dict[str, int]:
    """Users, items, samples and features of a data set.

    Items are those that any row names; features are the values of all vocabularies, which come from training rows.
    """
    table, schema = open_table(source, job.data_root, **dict(job.source_options))
    if not schema.item:
        raise InputError(f"source {source!r}: its schema names no item, so items cannot be counted")
    vocabularies = log.schema.vocabularies.values()
    return {
        "users": int(log.manifest["users"]),
        "items": table.scan().select(pl.col(schema[schema.item].column).n_unique()).collect().item(),
        "samples": sum(log.manifest["rows"].values()),
        "features": sum(vocabularies) - FIRST_VALUE * len(vocabularies),
    }
