"""The test rows of a comparison, and differences between methods on them: as data, and as marks of a chart."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from clickwise.array_types import IntArray
from clickwise.comparison import Comparison
from clickwise.metrics import pointwise
from clickwise.metrics.significance import enough_replicates
from clickwise.metrics.summary import COMPARED, Predictions, Replicates, differences, replicate
from clickwise.prediction_table import methods_of
from clickwise.report.charts import Row
from clickwise.report.inputs import user_codes
from clickwise.report.wording import SIGNIFICANT, p_value, signed

TOLD = ("difference", "low", "high", "p", "p_corrected")

Against = dict[str, dict[str, dict[str, Any]]]
"""By method and metric, what ``Rows.minus`` tells."""
SeedValues = Mapping[str, Mapping[str, Sequence[float]]]
"""By method and metric, the value of each seed."""


@dataclass(frozen=True)
class Rows:
    """The test rows of a comparison.

    Attributes:
        label: ``[rows]``.
        user: ``[rows]``, dense codes.
        predictions: by method one array ``[rows]`` a seed.
        replicates: that the comparison drew; at least as many are drawn here.
    """

    label: npt.NDArray[np.integer[Any]]
    user: IntArray
    predictions: Predictions
    replicates: int = 0

    @classmethod
    def of(cls, comparison: Comparison) -> "Rows":
        """Those that a comparison predicted."""
        table = comparison.predictions
        drawn = comparison.results.get("replicates", 0)
        return cls(table["label"].to_numpy(), user_codes(table["user"]), methods_of(table), drawn)

    def only(self, names: Iterable[str]) -> "Rows":
        """With the predictions of some methods."""
        return replace(self, predictions={name: self.predictions[name] for name in names})

    def draw(self, replicates: int) -> Replicates:
        """The bootstrap of the users that all differences share; of more replicates where so many are tested."""
        enough = enough_replicates(max(replicates, self.replicates), len(self.predictions))
        return replicate(self.label, self.user, self.predictions, None, enough)

    def seeds(self) -> SeedValues:
        """AUC and LogLoss of each seed."""
        return {
            name: {metric: [getattr(pointwise, metric)(self.label, one) for one in each] for metric in COMPARED}
            for name, each in self.predictions.items()
        }

    def differences(self, names: Iterable[str], reference: str, drawn: Replicates) -> list[dict[str, Any]]:
        """AUC and LogLoss of ``names`` minus those of ``reference``, as ``clickwise.metrics.summary`` tells them."""
        tested = self.only(dict.fromkeys((reference, *names)))
        if len(tested.predictions) == 1:
            return []
        return differences(self.label, self.user, tested.predictions, reference, drawn)

    def minus(
        self, names: Iterable[str], reference: str, drawn: Replicates, seeds: SeedValues | None = None
    ) -> Against:
        """AUC and LogLoss of ``names`` minus those of ``reference``, by method and metric.

        Args:
            names: p is corrected over them (Holm).
            reference: left out where it is among the names.
            drawn: of ``draw``.
            seeds: of ``seeds``; adds ``p_seeds``, Welch's t-test over them.
        """
        found: Against = {}
        for one in self.differences(names, reference, drawn):
            told = {key: one[key] for key in TOLD}
            if seeds is not None:
                told["p_seeds"] = welch(seeds[one["method"]][one["metric"]], seeds[reference][one["metric"]])
            found.setdefault(one["method"], {})[one["metric"]] = told
        return found


def welch(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Two-sided p of Welch's t-test; None where there are too few values, or none that differ."""
    if min(len(first), len(second)) < 2 or max(np.ptp(first), np.ptp(second)) == 0:
        return None
    # Of moments, as scipy warns of values of which one side does not differ: a method without randomness, say.
    moments = [moment for each in (first, second) for moment in (np.mean(each), np.std(each, ddof=1), len(each))]
    return float(stats.ttest_ind_from_stats(*moments, equal_var=False).pvalue)


def is_gain(found: Mapping[str, Any], *p: str) -> bool:
    """True for a difference above 0 that is significant by all p-values of these keys."""
    tests = [found[key] for key in p]
    return (found["difference"] or 0) > 0 and all(one is not None and one < SIGNIFICANT for one in tests)


def mark(label: str, found: Mapping[str, Any], filled: bool = True, p: str = "p_corrected") -> Row:
    """A difference with its interval, as a row of a chart; without a p-value in its words where ``p`` is empty."""
    note = signed(found["difference"])
    if p and found["difference"] is not None:
        note = f"{note} {p_value(found[p])}"
    return Row(label, note, found["difference"], found["low"], found["high"], filled)
