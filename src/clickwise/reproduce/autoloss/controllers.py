"""Figure of the controllers: what they weigh through training, read from the traces of finished runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clickwise.comparison import title
from clickwise.errors import InputError
from clickwise.methods.controller_trace import controller_weights
from clickwise.report.controller import controller_figure
from clickwise.report.wording import decimals
from clickwise.reproduce.autoloss.published import SEARCHED, TRANSFERRED, row
from clickwise.reproduce.result import Result
from clickwise.reproduce.study import Study

RUNS = "controllers"
SEED = 0
SHOWN_PREDICTIONS = (0.1, 0.5, 0.9)
TOLD = (
    "Weights of the candidates after an epoch, for a row with this label to which the model gives this probability of "
    "it, by the controller of seed 0. The run is that of its best epoch on validation rows: later epochs are not shown."
)
AT_LAST = "The table is of the last epoch shown."


def controller(study: Study) -> Result:
    """The controllers of SLF and AutoLoss on one model, at the first, the middle and the last epoch."""
    job, model, log = study.job, SEARCHED, study.log()
    names = [row(model, training) for training in TRANSFERRED]
    comparison, folder = study.whole(log, [model, *names], RUNS)
    rows, figures = [], {}
    for name in names:
        found = controller_weights(study.model(folder, name, SEED))
        if found is None:
            raise InputError(f"{job.out / folder}: the run of {name} has no epoch of a controller")
        rows.append({"method": name, "title": title(name), "seed": SEED, **found})
        figures[f"controller-{name.replace('+', '-')}"] = controller_figure(
            found["weights"], found["losses"], found["epochs"], found["labels"]
        )
    losses = list(dict.fromkeys(loss for found in rows for loss in found["losses"]))
    return Result(
        title=f"The controllers: probabilities of the losses by label and prediction, {title(model)} on {job.source}",
        log=log,
        setting=job.setting_name,
        rows=rows,
        headings=["Method", "Epoch", "Label", "Prediction", *(name.replace("_", " ") for name in losses)],
        cells=[line for found in rows for line in _cells(found, losses)],
        notes=[TOLD, AT_LAST],
        figures=figures,
        runs=comparison.results["run"],
    )


def _cells(found: Mapping[str, Any], losses: Sequence[str]) -> list[list[str]]:
    """The weights of all ``losses`` after the last epoch; a loss that was no candidate has none."""
    weights = np.array(found["weights"][-1])
    own = found["losses"]
    places = [round(prediction * (weights.shape[1] - 1)) for prediction in SHOWN_PREDICTIONS]
    return [
        [
            *(found["title"], str(found["epochs"][-1]), label, f"{prediction:g}"),
            *(decimals(weights[at, place, own.index(loss)] if loss in own else None, 3) for loss in losses),
        ]
        for at, label in enumerate(found["labels"])
        for prediction, place in zip(SHOWN_PREDICTIONS, places, strict=True)
    ]
