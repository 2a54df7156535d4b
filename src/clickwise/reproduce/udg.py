"""UDG (Yuan et al. 2022, "Personalized Recommendation Systems with User-dependent Gating"): its hyper-parameters, and
its tables and figures.

Settings: ``published`` divides each user's rows at random, as the paper does not say how it divides; ``honest`` divides
by time. Version ``paper`` takes what the authors' code has where the paper is silent, ``tuned`` the defaults of
``clickwise compare``.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from clickwise.configuration import arguments
from clickwise.data.sources import SOURCES
from clickwise.errors import InputError, nearest
from clickwise.methods.catalogue import can_be_gated
from clickwise.methods.entries import METHODS
from clickwise.reproduce import udg_figures, udg_newcomers, udg_table4
from clickwise.reproduce import udg_published as published
from clickwise.reproduce import udg_tables as tables
from clickwise.reproduce.job import Job
from clickwise.reproduce.result import Result
from clickwise.reproduce.udg_runs import TABLE, Study
from clickwise.reproduce.udg_warm_up import GENERATOR

SOURCE = "movielens-1m"
SOURCE_OPTIONS = {"shared_vocabulary": True, "history_length": 20}
"""Of sources that have them, unless given: DIN and DIEN compare a behaviour with the candidate."""
SHOWN, TESTED = "pnn", "deepfm"
"""The models of Figures 3 and 4, as in the paper, and of Table 4, where the paper does not say."""
WARMED_UP = ("pnn", "deepfm")
"""The models of Table 5."""

ADAM = {"optimizer": "adam", "learning_rate": 1e-3, "weight_decay": 0.0, "batch_size": 256}
NETWORK = {"embedding_dim": 16, "hidden_dims": (200, 80), "dropout": 0.0, "batch_norm": False}


def recipe(version: str, models: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Options by model, which hold for its gated rows too; none for version ``tuned``, which takes the defaults."""
    if version == "tuned":
        return {}
    return {
        name: {**{key: value for key, value in NETWORK.items() if key in arguments(METHODS[name].kind)}, **ADAM}
        for name in models
    }


def data_set(source: str) -> str:
    """The data set of the paper that a source stands for; none where it has no such one."""
    return next((name for name in published.DATA_SETS if source.startswith(name)), "")


def _study(job: Job, models: tuple[str, ...] = published.MODELS, source: str = SOURCE) -> Study:
    source = job.source or source
    known = SOURCES[source].options()
    usual = {name: value for name, value in SOURCE_OPTIONS.items() if name in known}
    models = tuple(job.models) or models
    return Study(
        replace(job, source_options={**usual, **job.source_options}), source, models, recipe(job.version, models)
    )


def _table1(job: Job) -> Result:
    study = _study(job)
    name = data_set(study.source)
    return tables.table1(study.job, study.source, published.TABLE_1.get(name, {}), name)


def _table2(job: Job) -> Result:
    return _of_rows(job, tables.table2, published.TABLE_2)


def _table3(job: Job) -> Result:
    return _of_rows(job, tables.table3, published.TABLE_3)


def _figure2(job: Job) -> Result:
    return _of_rows(job, tables.figure2, published.TABLE_2)


def _of_rows(
    job: Job,
    make: Callable[[Study, published.Rows, str], Result],
    values: Mapping[str, published.Rows],
) -> Result:
    study = _study(job)
    name = data_set(study.source)
    return make(study, values.get(name, {}), name)


def _figure3(job: Job) -> Result:
    return udg_figures.figure3(_study(job), _one(job))


def _one(job: Job) -> str:
    """The model of an artefact that has one."""
    return job.models[0] if job.models else SHOWN


def _table4(job: Job) -> Result:
    return udg_table4.table4(_study(job, (TESTED,), "synthetic"), published.TABLE_4)


def _table5(job: Job) -> Result:
    study = _study(job, WARMED_UP)
    return udg_newcomers.table5(study, study.models, published.TABLE_5)


def _figure4(job: Job) -> Result:
    return udg_newcomers.figure4(_study(job, WARMED_UP), _one(job), published.TABLE_5)


ARTEFACTS: Mapping[str, Callable[[Job], Result]] = {
    "table1": _table1,
    "table2": _table2,
    "table3": _table3,
    "table4": _table4,
    "table5": _table5,
    "figure2": _figure2,
    "figure3": _figure3,
    "figure4": _figure4,
}
OWN_OPTIONS = {"table4": ("traffic",), "table5": ("newcomers",), "figure4": ("newcomers",)}
"""What ``--set`` gives for an artefact and not for a method."""
SPLIT_OF_ITS_OWN = {
    "table4": "its requests are of the log's last day, so training is on earlier days",
    "table5": "it holds users out",
    "figure4": "it holds users out",
}


def check(job: Job) -> None:
    """Raise ``InputError`` for an option that the artefact does not take."""
    if job.trials:
        raise InputError("--trials: is for the paper autoloss; leave it out")
    for name in job.models:
        models = [other for other in METHODS if METHODS[other].group == "model" and can_be_gated(other)]
        if name not in models:
            raise InputError(f"--models: {name!r} is no model with an MLP{nearest(name, models)}")
    for name in job.own:
        if name not in OWN_OPTIONS.get(job.artefact, ()):
            raise InputError(f"--set {name}.…: {job.artefact} has no such option")
    if job.setting and job.artefact in SPLIT_OF_ITS_OWN:
        raise InputError(f"--setting: leave it out for {job.artefact}, {SPLIT_OF_ITS_OWN[job.artefact]}")
    if job.artefact == "table4" and job.source not in ("", "synthetic"):
        raise InputError(f"--source {job.source!r}: table4 is a simulated test and needs 'synthetic', or no --source")
    if job.source_options.get("label", "binary") != "binary":
        raise InputError("--set source.label: the paper's labels are 'binary'")
    of_rows = (*(job.models or published.MODELS), TESTED)
    known = {published.row(model, gate) for model in of_rows for gate in TABLE}
    if job.artefact in ("table5", "figure4"):
        known |= {GENERATOR}
    if stray := [name for name in job.options if name not in known]:
        raise InputError(f"--set {stray[0]}.…: the method is not among the rows{nearest(stray[0], known)}")
