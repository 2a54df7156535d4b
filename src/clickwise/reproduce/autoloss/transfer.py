"""Figure 3 of the AutoLoss paper: controllers trained with one model, frozen, train other models and on another log."""

from collections.abc import Mapping, Sequence
from typing import Any

from clickwise.comparison import title
from clickwise.data.opening import open_source
from clickwise.data.sources import SOURCES
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError, nearest
from clickwise.experiment import run_folder
from clickwise.report.groups import groups_figure
from clickwise.reproduce.autoloss.losses import HEADINGS, loss_cells, loss_rows, verdict
from clickwise.reproduce.autoloss.published import CROSS_ENTROPY, SEARCHED, TARGETS, TRANSFERRED, row
from clickwise.reproduce.autoloss.tables import notes
from clickwise.reproduce.job import Job
from clickwise.reproduce.result import Result
from clickwise.reproduce.study import Study

RUNS, MODELS, OTHER_LOG = "controllers", "transfer", "transfer-log"
"""Folders of the runs, below the job's own: what the controllers learn from, and what they train."""
OTHER_LOGS = {"criteo": "avazu", "movielens-100k": "movielens-1m", "synthetic": "synthetic"}
DEFAULT_TARGET = "movielens-100k"
SEED = 0
SHORT = {CROSS_ENTROPY: "CE", "slf": "SLF", "autoloss-published": "AL", "autoloss": "sound"}
METRICS = {"auc": "AUC (up is better)", "logloss": "LogLoss (down is better)"}
FROZEN = (
    "Every seed of a row trains with the same controller, that of seed 0 of its training on {model} and {source}, "
    "frozen: the spread between seeds is that of the trained model, not of controllers."
)
ROWS = "CE: no controller. SLF, AL: those of the paper's figure. AutoLoss without an addition: our sound variant."


def figure3(study: Study) -> Result:
    """Transfer to other models on the same log, and to the same model on another."""
    job, model, log = study.job, SEARCHED, study.log()
    other, other_log = _other_log(job)
    _check(other, job.source, other_log, log)
    trainings = (CROSS_ENTROPY, *TRANSFERRED)
    learned, folder = study.whole(log, [row(model, training) for training in trainings], RUNS)

    def transferred(log: PreparedLog, models: Sequence[str], runs: str) -> list[dict[str, Any]]:
        given = {
            row(to, training): _frozen(job, folder, row(model, training)) for to in models for training in TRANSFERRED
        }
        compared = study.compared(log, [row(to, training) for to in models for training in trainings], runs, given)
        return loss_rows(compared, models, trainings, {}, job.replicates)

    found = (
        (job.source, transferred(log, TARGETS, MODELS)),
        (other, transferred(other_log, [model], OTHER_LOG)),  # which may have the same name, by other options
    )
    rows = [{"log": name, **one} for name, own in found for one in own]
    said = [f"On {name}: {sentence}" for name, own in found for sentence in verdict(own, [CROSS_ENTROPY])]
    return Result(
        title=f"Figure 3: controllers of {title(model)} on {job.source}, transferred",
        log=log,
        setting=job.setting_name,
        rows=rows,
        headings=["Method", "Log", *HEADINGS[1:]],
        cells=[[cells[0], one["log"], *cells[1:]] for one, cells in zip(rows, loss_cells(rows), strict=True)],
        notes=[*said, ROWS, FROZEN.format(model=title(model), source=job.source), *notes(study)],
        figures={"figure3": groups_figure(_groups(rows), METRICS)},
        facts={"target": other, "verdict": said},
        runs=learned.results["run"],
    )


def _check(other: str, source: str, other_log: PreparedLog, log: PreparedLog) -> None:
    if other_log.manifest["key"] == log.manifest["key"]:
        raise InputError("--set target.source: is the log that the controllers learn from; name another")
    if other_log.schema.classes != log.schema.classes:
        raise InputError(
            f"--set target.source: {other} has {other_log.schema.classes} classes and {source} "
            f"{log.schema.classes}; a controller needs as many as it was trained for"
        )


def _frozen(job: Job, folder: str, name: str) -> dict[str, Any]:
    return {"controller": str(run_folder(job.out / folder, name, SEED) / "model"), "frozen": True}


def _other_log(job: Job) -> tuple[str, PreparedLog]:
    """The other log: ``target.source``, with ``target``'s other options; those of the first where it takes them."""
    given = dict(job.own.get("target", {}))
    name = str(given.pop("source", OTHER_LOGS.get(job.source, DEFAULT_TARGET)))
    if name not in SOURCES:
        raise InputError(f"--set target.source: {name!r} is unknown{nearest(name, SOURCES)}")
    known = SOURCES[name].options()
    options = {key: value for key, value in job.source_options.items() if key in known} | given
    return name, open_source(name, None, job.data_root, job.split, job.split_seed, job.cache, options)


def _groups(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Mapping[str, Any]]]:
    groups: dict[str, dict[str, Mapping[str, Any]]] = {}
    for one in rows:
        groups.setdefault(f"{title(one['model'])}, {one['log']}", {})[SHORT[one["training"]]] = one
    return groups
