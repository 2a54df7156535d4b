"""Sums over users, and AUC and LogLoss of predictions by any key, under a bootstrap of the users."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from clickwise.array_types import FloatArray
from clickwise.data.log import ClickLog
from clickwise.metrics import pointwise
from clickwise.metrics.bootstrap import bootstrap_metrics, resample_weights
from clickwise.metrics.significance import Difference, combine, paired_difference, percentile_interval
from clickwise.metrics.summary import COMPARED

Key = TypeVar("Key", bound=Hashable)


def resampled_sums(values: FloatArray, replicates: int, seed: int = 0) -> FloatArray:
    """Sums over users in each replicate, ``[rows, users]`` to ``[rows, replicates]``; a seed draws the same users."""
    weights = resample_weights(values.shape[1], replicates, seed)
    return np.concatenate([values @ each for each in weights], axis=1)


@dataclass(frozen=True)
class Resampled(Generic[Key]):
    """Values of each key.

    Attributes:
        seeds: by key and metric, of each seed.
        drawn: by key and metric, replicates of users and seeds, ``[replicates]``; all of the same draws.
    """

    seeds: Mapping[Key, Mapping[str, Sequence[float]]]
    drawn: Mapping[Key, Mapping[str, FloatArray]]

    @classmethod
    def of(
        cls, log: ClickLog, predicted: Mapping[Key, Sequence[npt.NDArray[Any]]], replicates: int
    ) -> "Resampled[Key]":
        """Those of ``predicted``, by key one array ``[rows]`` a seed, on the rows of ``log``."""
        flat = {(key, seed): each for key, arrays in predicted.items() for seed, each in enumerate(arrays)}
        found = bootstrap_metrics(log.label, flat, log.user, COMPARED, replicates)
        drawn = {
            key: {m: combine(np.stack([found[key, seed][m] for seed in range(len(arrays))]), 0) for m in COMPARED}
            for key, arrays in predicted.items()
        }
        seeds = {
            key: {m: [getattr(pointwise, m)(log.label, each) for each in arrays] for m in COMPARED}
            for key, arrays in predicted.items()
        }
        return cls(seeds, drawn)

    def mean(self, key: Key, metric: str) -> float:
        """Over the seeds."""
        return float(np.mean(self.seeds[key][metric]))

    def estimate(self, key: Key, metric: str) -> dict[str, float]:
        """The mean with its 95 % interval."""
        low, high = percentile_interval(self.drawn[key][metric])
        return {"mean": self.mean(key, metric), "low": low, "high": high}

    def minus(self, key: Key, reference: Key, metric: str) -> Difference:
        """The paired difference between two keys."""
        observed = self.mean(key, metric) - self.mean(reference, metric)
        return paired_difference(self.drawn[key][metric], self.drawn[reference][metric], observed)
