"""Metrics over all rows at once: AUC, LogLoss, RIG, RMSE, ECE, PCOC and RelaImpr.

``label`` is an integer array ``[rows]``: 0 or 1, or a class. ``probability`` is ``[rows]`` (of a click) or
``[rows, classes]``. Everything is computed in float64, whatever comes in. A metric that the rows do not define
(AUC of one class only, PCOC without a click) is NaN; rows that cannot be evaluated raise ``InputError``.

With several classes AUC, RMSE, ECE and PCOC are macro averages of one class against the rest, over the classes
for which they are defined; LogLoss and RIG are categorical.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from clickwise.array_types import BoolArray, FloatArray, IntArray
from clickwise.errors import InputError

CLIP = 1e-7
"""LogLoss keeps probabilities within ``[CLIP, 1 - CLIP]``, so one confident mistake costs at most 16.1."""

BINS = 20


def checked(label: npt.NDArray[Any], probability: npt.NDArray[Any]) -> tuple[IntArray, FloatArray]:
    """``label`` as int64 ``[rows]`` and ``probability`` as float64; ``InputError`` where they cannot be evaluated."""
    label, probability = np.asarray(label), np.asarray(probability, dtype=np.float64)
    if label.ndim != 1 or probability.ndim not in (1, 2) or len(label) != len(probability):
        raise InputError(
            f"probability: shape {probability.shape} does not fit labels of shape {label.shape}; "
            "give [rows] or [rows, classes]"
        )
    if not len(label):
        raise InputError("label: no rows to evaluate; give at least one")
    classes = 2 if probability.ndim == 1 else probability.shape[1]
    if (row := _first(~np.isin(label, np.arange(classes)))) is not None:
        raise InputError(f"label: row {row} is {label[row]}; labels must be whole numbers in 0..{classes - 1}")
    per_row = probability.reshape(len(label), -1)
    if (row := _first(~((per_row >= 0) & (per_row <= 1)).all(axis=1))) is not None:
        raise InputError(f"probability: row {row} is {probability[row]}; probabilities must lie in 0..1")
    total = per_row.sum(axis=1)
    if probability.ndim == 2 and (row := _first(np.abs(total - 1) > 0.01)) is not None:
        raise InputError(f"probability: row {row} sums to {total[row]:.4g} over the classes, not to 1")
    return label.astype(np.int64), probability


def _first(wrong: npt.ArrayLike) -> int | None:
    return int(np.argmax(wrong)) if np.any(wrong) else None


def one_versus_rest(label: IntArray, probability: FloatArray) -> tuple[BoolArray, FloatArray]:
    """Binary problems: hits ``[problems, rows]`` and probabilities ``[problems, rows]``, one a class or one in all."""
    if probability.ndim == 1:
        return (label == 1)[None], probability[None]
    return label[None] == np.arange(probability.shape[1])[:, None], np.ascontiguousarray(probability.T)


def mean_defined(values: npt.ArrayLike) -> Any:
    """Mean over the first axis of the values that are not NaN; NaN where there is none."""
    values = np.asarray(values, dtype=np.float64)
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=0), defined.sum(axis=0))


def ratio(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Any:
    """``numerator / denominator``, element-wise; NaN where the denominator is 0."""
    numerator, denominator = np.broadcast_arrays(np.asarray(numerator, np.float64), np.asarray(denominator, np.float64))
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator != 0)[()]


def entropy(counts: npt.ArrayLike) -> Any:
    """Entropy (nats) of class counts ``[classes, ...]`` over the first axis."""
    share = ratio(counts, np.sum(counts, axis=0))
    return -np.sum(share * np.log(np.where(share > 0, share, 1.0)), axis=0)


def example_logloss(label: npt.NDArray[Any], probability: npt.NDArray[Any]) -> FloatArray:
    """Natural-log loss of each row, ``[rows]``."""
    return negative_log(label_probability(*checked(label, probability)))


def label_probability(label: npt.NDArray[Any], probability: npt.NDArray[Any]) -> FloatArray:
    """Probability of the recorded label, ``[rows]``; the arguments are not checked."""
    if probability.ndim == 1:
        return np.where(label == 1, probability, 1.0 - probability).astype(np.float64)
    return np.asarray(probability[np.arange(len(label)), label], dtype=np.float64)


def negative_log(likelihood: npt.NDArray[Any]) -> FloatArray:
    """Natural-log loss of rows whose recorded label has these probabilities, kept within ``[CLIP, 1 - CLIP]``."""
    return -np.log(np.clip(likelihood, CLIP, 1.0 - CLIP))


def auc(label: npt.NDArray[Any], probability: npt.NDArray[Any]) -> float:
    """Area under the ROC curve, ties counting half; NaN when only one class is there."""
    hits, columns = one_versus_rest(*checked(label, probability))
    both = [hit.any() and not hit.all() for hit in hits]
    values = [roc_auc_score(h, p) if b else np.nan for h, p, b in zip(hits, columns, both, strict=True)]
    return float(mean_defined(values))


def logloss(label: npt.NDArray[Any], probability: npt.NDArray[Any]) -> float:
    """Mean natural-log loss an example."""
    return float(example_logloss(label, probability).mean())


def rig(label: npt.NDArray[Any], probability: npt.NDArray[Any]) -> float:
    """Relative information gain: 1 - LogLoss / entropy of the evaluated rows' base rate; NaN for one class only."""
    label, probability = checked(label, probability)
    return float(1.0 - ratio(logloss(label, probability), entropy(np.bincount(label))))


def rmse(label: npt.NDArray[Any], probability: npt.NDArray[Any]) -> float:
    """Root mean squared error of the probability."""
    hits, columns = one_versus_rest(*checked(label, probability))
    return float(np.sqrt(((columns - hits) ** 2).mean(axis=1)).mean())


def pcoc(label: npt.NDArray[Any], probability: npt.NDArray[Any]) -> float:
    """Predicted over observed: mean probability / mean label. 1 is calibrated, above 1 predicts too many clicks."""
    hits, columns = one_versus_rest(*checked(label, probability))
    return float(mean_defined(ratio(columns.mean(axis=1), hits.mean(axis=1))))


@dataclass(frozen=True)
class Calibration:
    """Non-empty bins of a binary problem, probability rising: ``rows``, mean ``predicted`` and mean ``observed``."""

    rows: IntArray
    predicted: FloatArray
    observed: FloatArray

    @property
    def error(self) -> float:
        """Expected calibration error: the row-weighted mean distance of predicted and observed."""
        return float(np.average(np.abs(self.predicted - self.observed), weights=self.rows))


def calibration(label: npt.NDArray[Any], probability: npt.NDArray[Any], bins: int = BINS) -> tuple[Calibration, ...]:
    """Equal-mass calibration bins of each binary problem (one, or one a class).

    Equal probabilities always share a bin, so the bins do not depend on the order of rows and a model with few
    distinct values has fewer of them.

    Args:
        label: ``[rows]``.
        probability: ``[rows]`` or ``[rows, classes]``.
        bins: how many at most.
    """
    hits, columns = one_versus_rest(*checked(label, probability))
    return tuple(_calibration(hit, column, bins) for hit, column in zip(hits, columns, strict=True))


def _calibration(hit: BoolArray, probability: FloatArray, bins: int) -> Calibration:
    _, inverse, count = np.unique(probability, return_inverse=True, return_counts=True)
    rows_below = np.cumsum(count) - count
    bin_of_row = (rows_below * bins // len(hit))[inverse]
    rows = np.bincount(bin_of_row)
    full = rows > 0
    predicted, observed = (np.bincount(bin_of_row, weights=values)[full] / rows[full] for values in (probability, hit))
    return Calibration(rows[full], predicted, observed)


def ece(label: npt.NDArray[Any], probability: npt.NDArray[Any], bins: int = BINS) -> float:
    """Expected calibration error over ``bins`` equal-mass bins (see ``calibration``)."""
    return float(np.mean([part.error for part in calibration(label, probability, bins)]))


def relaimpr(auc: float, reference_auc: float) -> float:
    """Per cent by which ``auc - 0.5`` exceeds ``reference_auc - 0.5``; NaN for a reference of 0.5."""
    return float((ratio(auc - 0.5, reference_auc - 0.5) - 1.0) * 100.0)
