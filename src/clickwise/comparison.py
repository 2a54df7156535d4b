"""An honest comparison: a table of predictions in, values with intervals and paired differences out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from torch import nn

from clickwise.data.log import ClickLog
from clickwise.errors import InputError, nearest
from clickwise.files import new_file, write_json
from clickwise.methods.catalogue import group_of, models_among, title_of
from clickwise.methods.names import bases
from clickwise.metrics.pointwise import relaimpr
from clickwise.metrics.significance import enough_replicates
from clickwise.metrics.summary import METRICS, ORACLE, Replicates, differences, replicate, summarise
from clickwise.prediction import predict
from clickwise.prediction_table import methods_of, prediction_table
from clickwise.provenance import label_facts, machine_facts
from clickwise.report.inputs import RESULTS_FORMAT, RESULTS_VERSION, user_codes

TRUTH = "true_probability"
REPLICATES = 1000
COSTS = ("train_seconds", "predict_seconds", "peak_memory_bytes", "epochs", "parameters")
OF_RUN = (*COSTS, "users_without_support", "users_served_by_generator", "model_weights", "loss_weights")
RESULTS, PREDICTIONS, REPORT = "results.json", "predictions.parquet", "report.html"


@dataclass(frozen=True)
class Comparison:
    """Results and the predictions they were computed from.

    Attributes:
        results: what ``results.json`` holds: ``run``, ``methods``, ``best_single``, ``differences``.
        predictions: one row an impression: row, user, time, label, earlier, kept columns, and a probability column
            ``method@seed`` for every method and seed.
    """

    results: dict[str, Any]
    predictions: pl.DataFrame

    @classmethod
    def of(cls, run: Mapping[str, Any], scored: Mapping[str, Any], predictions: pl.DataFrame) -> Self:
        """What ``score`` found in predictions, with the facts of the run."""
        return cls({"format": RESULTS_FORMAT, "version": RESULTS_VERSION, "run": dict(run), **scored}, predictions)

    def save(self, folder: Path | str) -> None:
        """Write results.json, predictions.parquet and report.html."""
        from clickwise.report.page import write_report

        folder = Path(folder)
        with new_file(folder / PREDICTIONS) as path:
            self.predictions.write_parquet(path)
        write_json(folder / RESULTS, self.results)
        write_report(folder / RESULTS, folder / PREDICTIONS, folder / REPORT)  # last: with it a comparison is finished

    def print(self) -> None:
        """Print the leaderboard."""
        from rich.console import Console

        from clickwise.report.leaderboard import print_leaderboard

        print_leaderboard(self.results, Console())


def score(
    table: pl.DataFrame,
    reference: str | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
    click_from: int = 1,
) -> dict[str, Any]:
    """Values and paired differences of the methods of a prediction table.

    Args:
        table: see ``prediction_table``. A column ``true_probability`` is taken for the true one and makes the oracle.
        reference: the method that differences are taken against; None for the model with the highest AUC here.
        replicates: bootstrap resamples of the users; more where the correction over many methods would leave no
            difference a chance.
        seed: of the bootstrap.
        click_from: the lowest label that is a click.

    Returns:
        ``{"methods", "best_single", "differences", "own_model_differences", "replicates", "test_users"}`` as in
        results.json.

    Raises:
        InputError: the table holds one class only, or no method.
    """
    predictions = methods_of(table)
    label = table["label"].to_numpy()
    if (label == label[0]).all():
        raise InputError(f"all {len(label)} rows have the label {label[0]}; AUC and differences need two classes")
    user = user_codes(table["user"])
    binary = next(iter(predictions.values()))[0].ndim == 1
    truth = table[TRUTH].to_numpy() if binary and TRUTH in table.columns else None
    replicates = enough_replicates(replicates, len(predictions))
    drawn = replicate(label, user, predictions, truth, replicates, seed, click_from)
    methods = summarise(label, user, predictions, table["earlier"].to_numpy(), truth, drawn)
    best = reference or best_model({name: values["auc"]["mean"] for name, values in methods.items() if name != ORACLE})
    if best not in predictions:
        raise InputError(f"reference {best!r} is not among the methods{nearest(best, predictions)}")
    for name, values in methods.items():
        values["title"] = title(name)
        values["control"] = group_of(name) in ("control", "combination")
        values |= dict.fromkeys(OF_RUN)
        values |= _against(values["auc"]["mean"], methods[best]["auc"]["mean"], methods.get(ORACLE))
    found = differences(label, user, predictions, best, drawn) if len(predictions) > 1 else []
    own = _against_own_model(label, user, predictions, drawn)
    return {
        "methods": methods, "best_single": best, "differences": found, "own_model_differences": own,
        "replicates": replicates, "test_users": int(user.max()) + 1,
    }  # fmt: skip


def _against_own_model(
    label: npt.NDArray[Any],
    user: npt.NDArray[np.int64],
    predictions: Mapping[str, Sequence[npt.NDArray[Any]]],
    drawn: Replicates,
) -> list[dict[str, Any]]:
    """Variants of models minus what they vary: gated minus plain, other losses minus cross-entropy."""
    own: dict[str, list[str]] = {}
    for name in predictions:
        varied = [base for base in bases(name) if base in predictions] if group_of(name) == "variant" else []
        if varied:
            own.setdefault(varied[0], []).append(name)
    return [
        row
        for model, names in own.items()
        for row in differences(label, user, {n: predictions[n] for n in (model, *names)}, model, drawn)
    ]


def best_model(auc: Mapping[str, float]) -> str:
    """The single model with the highest AUC; another method only where there is no model."""
    return max(models_among(auc) or list(auc), key=lambda name: auc[name])


def title(name: str) -> str:
    """How tables call a method."""
    return "Oracle (true probabilities)" if name == ORACLE else title_of(name)


def _against(auc: float, best: float, oracle: Mapping[str, Any] | None) -> dict[str, float | None]:
    """Relative improvement over the best single model, and the share of its gap to the oracle that is closed."""
    gap = oracle["auc"]["mean"] - best if oracle else 0.0
    return {
        "relaimpr": relaimpr(auc, best) if best != 0.5 else None,
        "gap_closed": (auc - best) / gap if gap > 0 else None,
    }


def evaluate(model: nn.Module, log: ClickLog, replicates: int = REPLICATES, seed: int = 0) -> dict[str, Any]:
    """Metrics of one trained model, with 95 % intervals by user.

    Args:
        model: a trained model or method.
        log: labelled rows that it was not trained or tuned on.
        replicates: of the bootstrap over users.
        seed: of the bootstrap.

    Returns:
        ``{"mean", "low", "high"}`` of ``auc``, ``gauc``, ``logloss``, ``rig``, ``rmse``, ``ece`` and ``pcoc``, and
        ``coverage`` (of GAUC) and ``cold_start``, as in results.json.
    """
    log.require_labels("evaluate")
    table = prediction_table(log, {"model": [predict(model, log)]}, [0]).drop(TRUTH, strict=False)
    found = score(table, "model", replicates, seed, log.schema.click_from)["methods"]["model"]
    return {name: found[name] for name in (*METRICS, "coverage", "cold_start")}


def compare(
    models: Mapping[str, nn.Module],
    log: ClickLog,
    reference: str | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Comparison:
    """Compare trained models on the same rows: paired by user, with intervals and Holm-corrected p-values.

    Args:
        models: trained models or methods, by the names that tables show.
        log: rows that none of them was trained or tuned on.
        reference: the one that differences are taken against; None for the model with the highest AUC here.
        replicates: of the bootstrap over users.
        seed: of the bootstrap.
    """
    log.require_labels("compare")
    table = prediction_table(log, {name: [predict(model, log)] for name, model in models.items()}, [0])
    facts = {"rows": {"test": len(log)}, "users": table["user"].n_unique(), "seeds": [0]}
    run = {"source": "models trained elsewhere", **facts, **label_facts(log), **machine_facts()}
    scored = score(table, reference, replicates, seed, log.schema.click_from)
    return Comparison.of(run, scored, table)
